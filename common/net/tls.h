/* tls.h - TLS over octets: what is agreed on for a daemon's listeners or towards a next hop. */
#ifndef POPGATE_TLS_H
#define POPGATE_TLS_H

#include "common/base/err.h"
#include "common/base/str.h"

#define TLS_EXPORTER 32 /* octets of a channel binding, RFC 9266 2 */

struct tls_context; /* opaque: certificates, keys, versions; lives as long as its generation */

/* What a handshake agreed on; plain values. */
struct tls_facts {
	const char *version; /* "TLSv1.3"; static */
	const char *cipher; /* as OpenSSL calls it; static */
	bool resumed;
	bool verified; /* the peer's certificate was asked for and is good */
	char sni[256]; /* the name that the client asked for; "" for none */
	bool has_exporter;
	uint8_t exporter[TLS_EXPORTER]; /* tls-exporter, RFC 9266: with TLS 1.3 */
};

#endif
