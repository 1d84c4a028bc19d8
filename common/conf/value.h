/* value.h - the values of popgate.conf as text: durations, sizes, yes and no. */
#ifndef POPGATE_VALUE_H
#define POPGATE_VALUE_H

#include "common/base/str.h"

/* "90s", "30m", "2h", "7d", "250ms": digits and a unit, or "0". Milliseconds; 10 years at most. */
MUST_USE bool value_duration(struct str text, int64_t *ms);

/* "4096", "64k", "50M", "2G": octets, units of 1024; 2^50 at most. */
MUST_USE bool value_size(struct str text, uint64_t *octets);

/* "yes" "on" "true", "no" "off" "false", in any case. */
MUST_USE bool value_bool(struct str text, bool *out);

#endif
