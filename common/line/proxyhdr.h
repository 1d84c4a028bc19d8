/* proxyhdr.h - the PROXY protocol's header, version 1 and 2 (HAProxy's proxy-protocol.txt): what a
 * balancer says, before anything else, of the client that it passes on. Pure.
 *
 * Whoever may send one may claim any address: whether the peer is a balancer of ours is the caller's to
 * know, and to know first. Nothing is guessed: what is no header to the octet is BROKEN, and the
 * connection with it. */
#ifndef POPGATE_PROXYHDR_H
#define POPGATE_PROXYHDR_H

#include "common/base/addr.h"
#include "common/base/buf.h"

#define PROXYHDR_MAX 4096 /* octets of a header that we take; version 1 has 107 at most */

enum proxyhdr {
	PROXYHDR_PARTIAL, /* so far it may be one */
	PROXYHDR_WHOLE,
	PROXYHDR_BROKEN, /* whatever follows */
};

enum proxied { /* on whose behalf the connection is */
	PROXIED_CLIENT, /* of that address */
	PROXIED_LOCAL, /* the balancer's own, as for a health check */
	PROXIED_UNKNOWN, /* somebody's, of no address that we could record */
};

struct proxyhdr_facts {
	enum proxied of;
	struct endpoint client, gate; /* CLIENT: where it is, and where it reached the balancer */
	bool tls; /* the balancer speaks TLS with the client */
	char tls_version[16],
		tls_cipher[48]; /* if it said so; printable, no blanks; "": it did not */
};

/* Looks at the beginning of in. *out and *used are set only on WHOLE, *why, a word for the log, only on
 * BROKEN: "no-header", "malformed", "too-long", "checksum". What in holds behind *used plays no part. */
enum proxyhdr proxyhdr_read(
	struct str in, struct proxyhdr_facts *out, size_t *used, const char **why);

/* Adds a header of version 2; of facts->tls nothing is said. UNKNOWN goes out as LOCAL. */
void proxyhdr_put(struct buf *out, const struct proxyhdr_facts *facts);

#endif
