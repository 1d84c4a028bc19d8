/* when.h - a moment as people and mails write it. Pure.
 *
 *	2026-01-31T23:59:59Z   2026-01-31 23:59   2026-01-31T23:59:59.5+01:00        ISO 8601
 *	Sat, 31 Jan 2026 23:59:59 +0100 (CET)   31 Jan 26 23:59 GMT                 RFC 5322 3.3 and 4.3
 *	@1769903999                                                                 seconds since 1970
 *
 * A time without a zone is local to whoever wrote it; what that means the caller says. */
#ifndef POPGATE_WHEN_H
#define POPGATE_WHEN_H

#include "common/base/str.h"

struct moment {
	int64_t ms; /* since 1970, as if it were UTC where no zone was given */
	int64_t span_ms; /* what was written stands for so much more: a whole second, a whole minute */
	bool zoned; /* a zone was given, and is counted in */
	int year, month, day, hour, minute, second; /* as written; month 1 to 12 */
};

/* False, and *out untouched, for what is no moment: a day that its month does not have, a word too many. */
MUST_USE bool when_parse(struct str text, struct moment *out);

#endif
