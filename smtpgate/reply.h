/* reply.h - SMTP replies (RFC 5321 4.2) as values: read from a next hop, written to a client. Pure. */
#ifndef POPGATE_REPLY_H
#define POPGATE_REPLY_H

#include "common/base/buf.h"

#define REPLY_TEXT_MAX 900 /* octets kept of the text of all lines; the rest is dropped */
#define REPLY_OCTETS_MAX 8192 /* of a whole reply of a next hop */
#define REPLY_LINES_MAX 64

struct reply {
	int code; /* 200 to 599 */
	size_t n;
	char text
		[REPLY_TEXT_MAX]; /* lines with '\n' between them, printable, with their enhanced codes */
};

enum reply_read {
	REPLY_WHOLE,
	REPLY_PARTIAL,
	REPLY_BAD, /* no reply, whatever comes: too long, no code, two codes, a bare CR or LF */
};

/* Reads one reply off the front of in. *out and *used are set only on REPLY_WHOLE. Octets that do not print
 * become '?'. */
enum reply_read reply_read(struct str in, struct reply *out, size_t *used);

/* A reply of our own: text with its enhanced code (RFC 3463). */
struct reply reply_make(int code, const char *text);

/* Adds a line of one: its code, what separates (' ' before the last line, else '-'), its text and CRLF. */
void reply_put_line(struct buf *out, int code, char separator, struct str text);

/* Adds it to out, every line with its code, CRLF behind each. */
void reply_put(struct buf *out, const struct reply *r);

static inline bool reply_is(const struct reply *r, int class_digit)
{
	return r->code / 100 == class_digit;
}

/* Does what a hop said to a command suit one that must be answered by 2xx (or 3xx), 4xx or 5xx? A hop that
 * says something else is out of step: 451 is said for it, and for 421, which is about its connection. */
struct reply reply_honest(const struct reply *r);

#endif
