/* body.h - where a message ends, and what of it may go on. Pure.
 *
 * Only CRLF.CRLF ends a message (RFC 5321 4.1.1.4). A bare CR, a bare LF or a NUL is never passed on:
 * programs that read them differently disagree on where a message ends, which is how mail is smuggled
 * (https://www.postfix.org/smtp-smuggling.html). */
#ifndef POPGATE_BODY_H
#define POPGATE_BODY_H

#include "common/base/str.h"

struct body { /* all zero is the start of a message */
	bool mid_line;
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

/* Reads on to the end of a message that is refused, whatever it holds. True when the end was found behind
 * *used octets; false with all of in used. */
bool body_eat(struct body *b, struct str in, size_t *used);

#endif
