/* introduce.h - how a client is made known to a next hop, which sees only us: Postfix's XCLIENT, or the
 * PROXY protocol, version 2. Pure.
 *
 * What a client said of itself goes out as xtext (RFC 3461 4), so that it cannot end a line or add an
 * attribute of its own. */
#ifndef POPGATE_INTRODUCE_H
#define POPGATE_INTRODUCE_H

#include "common/base/addr.h"
#include "common/base/buf.h"
#include "common/base/subscriber.h"

#define INTRODUCE_NAME_MAX 255
#define XCLIENT_LINE_MAX 512 /* octets, CRLF among them */

enum { /* XCLIENT's attributes, in the order in which they are sent */
	XCLIENT_ADDR = 1,
	XCLIENT_PORT = 2,
	XCLIENT_NAME = 4,
	XCLIENT_HELO = 8,
	XCLIENT_PROTO = 16,
	XCLIENT_LOGIN = 32,
};

struct introduction { /* who the client is; all zero: we speak for ourselves */
	struct endpoint client,
		gate; /* where it is, and where it reached us; client.port 0: nobody */
	char name[INTRODUCE_NAME_MAX + 1]; /* its host's name, confirmed; "": it has none */
	bool name_later; /* that could not be found out now */
	char helo[INTRODUCE_NAME_MAX + 1]; /* as it said it */
	bool esmtp;
	struct subscriber login; /* on whose account it may send; n 0: nobody's */
};

/* The same client, in the same session with us, on the same account? Its name goes with its address. */
bool introduction_eq(const struct introduction *a, const struct introduction *b);

/* What an EHLO in the client's stead may say: its helo, or "" where that is no word of a name or address. */
const char *introduction_hello(const struct introduction *i);

/* The attributes that stand behind XCLIENT in the answer to EHLO, as bits; unknown ones are left out. */
unsigned xclient_attributes(struct str parameters);

/* Which of the attributes left to be said go on the next line. Postfix forgets HELO, PROTO and LOGIN at an
 * XCLIENT without them, so they stand together on the last one. */
unsigned xclient_next(const struct introduction *i, unsigned left);

/* Adds the command with these attributes. False, and nothing added, if it cannot be as short as a line
 * must be: a HELO that is too long is left unsaid first. */
MUST_USE bool xclient_put(struct buf *out, const struct introduction *i, unsigned attributes);

/* The header before everything else; LOCAL where the client is nobody. */
void proxy_put(struct buf *out, const struct introduction *i);

/* Adds s as xtext: printable ASCII but + and =, all else as +XX. */
void xtext_put(struct buf *out, struct str s);

/* The reverse, strictly. False, and *n untouched, for what xtext_put() does not write or if it does not fit. */
MUST_USE bool xtext_read(struct str s, char *dst, size_t size, size_t *n);

#endif
