/* merge.h - which record stands, and which revocation covers it. Pure. */
#ifndef POPGATE_MERGE_H
#define POPGATE_MERGE_H

#include "common/window/record.h"

/* Not-before times that concern one record, one for each scope; 0 where there is none. */
struct not_before {
	int64_t ms[4]; /* by enum scope */
};

/* A record counts only if its login is later than all four. */
bool merge_revoked(const struct record *r, const struct not_before *nb);

/* Order of records everywhere: by login time, then by expiry. True if a comes behind b. */
bool merge_later(const struct record *a, const struct record *b);

/* Of two grants to one subscriber on one key, the one that stands: the later, with the logins of both.
 * Whichever order the two come in, the result is the same. */
struct record merge_grants(const struct record *a, const struct record *b);

#endif
