/* body.h - where a message ends, and what of it may go on. Pure.
 *
 * Only CRLF.CRLF ends a message that comes by DATA (RFC 5321 4.1.1.4). A bare CR, a bare LF or a NUL is
 * never passed on: programs that read them differently disagree on where a message ends, which is how mail
 * is smuggled (https://www.postfix.org/smtp-smuggling.html). What comes by BDAT (RFC 3030) ends where its
 * sizes say, is held to the same line ends, and leaves here with its dots doubled. */
#ifndef POPGATE_BODY_H
#define POPGATE_BODY_H

#include "common/base/buf.h"

struct body { /* all zero is the start of a message */
	bool mid_line;
	uint64_t dots; /* octets passed that are there for transparency alone */

	/* private */
	bool cr; /* a CR was taken, what follows it decides */
	bool dot; /* rewriting: the line so far is a dot, which was taken and not passed */
	bool bare; /* rewriting: the line before did not end in CRLF */
	bool eating;
	unsigned matched; /* while eating: octets of CRLF.CRLF seen */
};

enum body_scan {
	BODY_MORE, /* all that is certain was passed; call again with what is left and more */
	BODY_END, /* CRLF.CRLF: the line with the dot is used and not passed */
	BODY_FORBIDDEN, /* a bare CR, a bare LF or a NUL stands behind what was passed */
};

/* Looks at in. *pass is what may go on, as it is with its doubled dots, borrowed from the front of in;
 * *used what is done with, at least pass.n. Up to 2 octets may be left that only the next ones explain. */
enum body_scan body_scan(struct body *b, struct str in, struct str *pass, size_t *used);

/* The same for old devices, with each bare CR and LF made into CRLF: what goes on is added to out, which
 * must have room for body_room(in.n). The end is still CRLF.CRLF alone; a line of one dot that is
 * not the end goes on with its dot doubled. Only a NUL is forbidden. */
enum body_scan body_rewrite(struct body *b, struct str in, struct buf *out, size_t *used);

/* A piece of a chunk: what goes on is added to out, with dots doubled; out must have room for
 * body_room(in.n). False at an octet that must not be there: what stands before it was added. */
MUST_USE bool body_chunk(struct body *b, struct str in, struct buf *out);

/* Behind the last chunk: a last line without its CRLF gets one. False if a bare CR ends it. */
MUST_USE bool body_chunk_end(struct body *b, struct buf *out);

/* How many octets n of them may become. */
static inline size_t body_room(size_t n)
{
	return 2 * n + 4;
}

/* Reads on to the end of a message that is refused, whatever it holds. True when the end was found behind
 * *used octets; false with all of in used. */
bool body_eat(struct body *b, struct str in, size_t *used);

#endif
