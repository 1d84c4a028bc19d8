/* drive.h - plays a script many times: so many at a time, or so many begun a second. */
#ifndef POPGATE_DRIVE_H
#define POPGATE_DRIVE_H

#include "tests/bench/client.h"

struct result {
	unsigned done, failed;
	double seconds;
	struct histogram whole; /* sessions, from when they were due to the last answer */
};

/* Plays c->script as c->plan says. Connections that the script holds are held until standard input ends,
 * after "held=N" was printed. False if nothing could be begun. */
MUST_USE bool drive(struct common *c, struct result *r);

#endif
