/* grants.h - the store's socket under load, and lookups in the view it keeps. */
#ifndef POPGATE_GRANTS_H
#define POPGATE_GRANTS_H

#include "common/base/err.h"

struct grants_plan {
	const char *run_dir, *state_dir;
	unsigned total;
	unsigned
		first; /* number of the first address: the same number is the same address and subscriber */
	unsigned clients; /* connections to the store */
	unsigned flight; /* unanswered requests of each */
	unsigned
		lookups; /* in the view afterwards, of addresses up to first + total; 0: as many as grants */
};

/* Sends the grants, waits for all answers, looks up, and prints figures. Exit status. */
MUST_USE int grants_run(const struct grants_plan *p);

#endif
