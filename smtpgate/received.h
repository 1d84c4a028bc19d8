/* received.h - the one line that we add to a message (RFC 5321 4.4). Pure. */
#ifndef POPGATE_RECEIVED_H
#define POPGATE_RECEIVED_H

#include "common/base/addr.h"
#include "common/base/buf.h"

struct received {
	struct str helo; /* what the client called itself; may be any octets */
	struct addr client;
	const char *hostname; /* ours */
	const char *protocol; /* "SMTP", "ESMTP" (RFC 3848) */
	const char *sid; /* opaque: no subscriber's name stands in it */
	int64_t now_ms; /* since 1970 */
};

/* Adds the field, folded, with CRLF. */
void received_put(struct buf *out, const struct received *r);

#endif
