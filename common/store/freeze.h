/* freeze.h - which addresses are known to be frozen, so that it is said loudly once, and not at every login. */
#ifndef POPGATE_FREEZE_H
#define POPGATE_FREEZE_H

#include <stddef.h>

#include "common/base/addr.h"

#define FREEZE_PLACES 256
#define FREEZE_QUIET_MS (INT64_C(60) * 60 * 1000)

struct freeze { /* all zero at first */
	struct {
		struct addr key;
		int64_t until_ms; /* quiet until then */
	} at[FREEZE_PLACES];
	size_t next;
};

/* Was key said to be frozen within the hour before now_ms? */
bool freeze_known(const struct freeze *f, struct addr key, int64_t now_ms);

/* It is said now. The oldest one makes room. */
void freeze_note(struct freeze *f, struct addr key, int64_t now_ms);

#endif
