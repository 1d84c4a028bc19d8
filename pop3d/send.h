/* send.h - one message on its way to the client: dot-stuffed, whole or its top, a piece at a time. Pure. */
#ifndef POPGATE_SEND_H
#define POPGATE_SEND_H

#include "common/line/dot.h"

#define SEND_ALL UINT64_MAX

struct send {
	struct dot_out dot;
	bool in_body; /* the empty line behind the header was seen */
	bool blank; /* nothing stands on the current line yet, but maybe a CR */
	uint64_t lines; /* of the body still wanted; SEND_ALL for the whole message */
};

/* lines: how many of the body (RFC 1939 7, TOP), or SEND_ALL. */
void send_start(struct send *s, uint64_t lines);

/* Adds a piece of the file to out. False when no more of the message is wanted. */
MUST_USE bool send_piece(struct send *s, struct str piece, struct buf *out);

/* The end of the message. */
void send_end(struct send *s, struct buf *out);

#endif
