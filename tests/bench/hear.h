/* hear.h - is what a server says what the script wants? Pure: octets in, a verdict out.
 *
 * Fed whatever arrives, in any pieces. Message bodies are counted and dropped as they come. */
#ifndef POPGATE_BENCH_HEAR_H
#define POPGATE_BENCH_HEAR_H

#include "tests/bench/script.h"

enum heard {
	HEARD_MORE, /* not whole yet */
	HEARD_RIGHT,
	HEARD_WRONG, /* line holds what was said instead */
};

struct listener { /* all zero at the start of a session */
	char line[160]; /* the line that comes; what is longer is dropped */
	size_t n;
	bool cr; /* the last octet was a CR: LF ends the line, and nothing else does */
	bool in_body;
	unsigned dot; /* in a body: how much of CRLF . CRLF stands before the present octet */
	unsigned long long octets, expected; /* of bodies, without their dots; as STAT said */
	unsigned long long bodies, messages; /* that came; as STAT said */
};

/* Takes all of in. Octets behind the answer make it wrong: nothing was asked that they could answer. */
enum heard hear_feed(struct listener *l, const struct step *step, struct str in);

#endif
