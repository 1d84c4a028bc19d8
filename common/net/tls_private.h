/* tls_private.h - what tls.c and tls_context.c share; nobody else includes it. */
#ifndef POPGATE_TLS_PRIVATE_H
#define POPGATE_TLS_PRIVATE_H

#include <openssl/ssl.h>

#include "common/net/tls.h"

#define TLS_NAMES_MAX 64 /* certificates of a context */

struct tls_context {
	bool client;
	BIO_METHOD *bio; /* owned */
	const struct tickets *tickets; /* borrowed */
	unsigned char alpn[256]; /* as on the wire: a length, a name */
	unsigned alpn_n;
	size_t n;
	struct tls_named {
		char *name; /* owned; lower case; "" for the default, which is the first */
		SSL_CTX *ssl; /* owned */
	} at[TLS_NAMES_MAX];
};

struct tls {
	struct tls_context *context; /* borrowed */
	SSL *ssl; /* owned */
	struct str src; /* what the BIO reads from, during a call */
	struct buf *wire; /* what it writes to, during a call */
	struct buf carry; /* from the peer, and not yet wanted */
	bool ready;
	const char *error; /* static; NULL: it did not fail */
	struct tls_facts facts;
};

/* A BIO over src and wire: it keeps no octet, so an idle connection holds no buffer. */
BIO_METHOD *tls_bio_method(void);

#endif
