/* tls.h - TLS as octets in, octets out: it owns no socket and no clock.
 *
 * A context is what a daemon's listeners, or the connections to next hops, have in common. A struct tls
 * is one connection's. TLS 1.2 and 1.3 only; no compression, no renegotiation, no early data.
 * Whoever moves the octets (conn.h, or a test) hands what arrived to tls_receive() and what is to
 * be said to tls_seal(), and sends what they add to wire. */
#ifndef POPGATE_TLS_H
#define POPGATE_TLS_H

#include "common/base/buf.h"
#include "common/net/tickets.h"

#define TLS_EXPORTER 32 /* octets of a channel binding, RFC 9266 2 */

struct tls_context; /* opaque: certificates, keys, versions; lives as long as its generation */

/* What a handshake agreed on; plain values. */
struct tls_facts {
	const char *version; /* "TLSv1.3"; static */
	const char *cipher; /* as OpenSSL calls it; static */
	bool resumed;
	bool verified; /* the peer's certificate was asked for and is good */
	char sni[256]; /* the name that the client asked for; "" for none */
	bool has_exporter; /* tls_exporter() can tell */
};

struct tls_server {
	struct str material; /* common/base/material.h: the default certificate first; copied */
	const char *
		protocol; /* of ALPN (RFC 7301): "pop3". A client that offers others only is refused,
				 one that offers none is welcome; 1 to 255 octets */
	const struct tickets *tickets; /* borrowed for the context's life; NULL: no resumption */
};

/* ERR_SYNTAX: the material is not what it should be, which common/conf/tls.h would have said. */
MUST_USE enum err tls_server_open(struct tls_context **out, const struct tls_server *s);

struct tls_client {
	bool verify; /* a peer without a good certificate for its name fails the handshake; without it
			the facts say whether it has one */
	const char
		*ca; /* PEM file or hashed directory of trusted issuers; NULL or "": the system's */
	const char *protocol; /* to offer by ALPN; NULL: nothing */
};

/* ERR_ABSENT: ca cannot be read. */
MUST_USE enum err tls_client_open(struct tls_context **out, const struct tls_client *s);

/* All its connections are gone. Takes NULL. */
void tls_context_close(struct tls_context **c);

struct tls; /* one connection's state; about 14 kB while nothing moves */

/* peer: of a client, the name or address it asks for and verifies; NULL for neither. */
MUST_USE enum err tls_open(struct tls **out, struct tls_context *c, const char *peer);
void tls_close(struct tls **t);

enum tls_says {
	TLS_FINE, /* all that could be done is done */
	TLS_ENDED, /* and the peer has said that no more will come (close_notify) */
	TLS_FAILED, /* for good: tls_error() says why; wire holds the alert that tells the peer */
};

/* Takes what came from the peer, goes on with the handshake, adds to in what it means (up to in's limit:
 * what is left waits inside, see tls_waiting()) and to wire what the peer must be told. With an empty
 * cipher it goes on with what waits; a client's first call makes it say hello. */
MUST_USE enum tls_says tls_receive(
	struct tls *t, struct str cipher, struct buf *in, struct buf *wire);

/* The handshake is done: seal and receive mean octets of the protocol above. */
bool tls_ready(const struct tls *t);

/* Something waits for room in in. */
bool tls_waiting(const struct tls *t);

/* Moves all of out, sealed, to wire. Ready only. After a failure out is dropped. */
void tls_seal(struct tls *t, struct buf *out, struct buf *wire);

/* Adds the close_notify that ends what was said; once. */
void tls_end(struct tls *t, struct buf *wire);

/* Ready only. */
const struct tls_facts *tls_facts(const struct tls *t);

/* Its tls-exporter (RFC 9266), the same at both ends, into dst of TLS_EXPORTER octets. False: it is not TLS 1.3, or there
 * was no memory. */
MUST_USE bool tls_exporter(const struct tls *t, uint8_t *dst);

/* Why it failed, in a few static words; NULL if it did not. */
const char *tls_error(const struct tls *t);

#endif
