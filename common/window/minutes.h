/* minutes.h - how many logins there were in each of the last 60 minutes: one row of the view's meta. Pure. */
#ifndef POPGATE_MINUTES_H
#define POPGATE_MINUTES_H

#include "common/base/str.h"

#define MINUTES 60
#define MINUTES_MAX 264 /* octets of an encoded row at most */
#define VIEW_MINUTES_KEY "minutes" /* in the table VIEW_META */

struct minutes {
	int64_t last; /* the latest minute that counts, in minutes since 1970; 0: none yet */
	uint32_t n[MINUTES]; /* a minute's place is its number modulo MINUTES */
};

/* Counts n more at now_ms. A clock that goes back counts in the minute that it says, if that is kept. */
void minutes_add(struct minutes *m, int64_t now_ms, uint32_t n);

/* How many there were in the minute that began ago minutes before now_ms's. */
uint32_t minutes_at(const struct minutes *m, int64_t now_ms, unsigned ago);

size_t minutes_encode(const struct minutes *m, uint8_t *dst); /* dst has MINUTES_MAX octets */
MUST_USE bool minutes_decode(struct str bytes, struct minutes *out);

#endif
