/* received.h - the one line that we add to a message (RFC 5321 4.4), and those that others have added: a
 * message that has many of them goes round in circles (RFC 5321 6.3). Pure. */
#ifndef POPGATE_RECEIVED_H
#define POPGATE_RECEIVED_H

#include "common/base/addr.h"
#include "common/base/buf.h"

struct received {
	struct str helo; /* what the client called itself; may be any octets */
	struct addr client;
	const char *hostname; /* ours */
	bool esmtp, tls, auth,
		utf8; /* how it came: "SMTP", "ESMTPSA" ... (RFC 3848, RFC 6531 4.3) */
	const char *sid; /* opaque: no subscriber's name stands in it */
	int64_t now_ms; /* since 1970 */
};

/* Adds the field, folded, with CRLF. */
void received_put(struct buf *out, const struct received *r);

#define RECEIVED_MAX 100 /* fields that a message may have when it comes (RFC 5321 6.3) */

struct received_count { /* all zero is the start of a message */
	unsigned n; /* Received: fields so far */

	/* private */
	bool over; /* the header is */
	bool differs; /* this line is no Received: */
	size_t at; /* octets of this line, CRs not counted */
};

/* The next octets of a message; lines end in LF. */
void received_look(struct received_count *c, struct str octets);

#endif
