/* never.h - addresses that are never granted: listed ones, and those of this host's own interfaces. */
#ifndef POPGATE_NEVER_H
#define POPGATE_NEVER_H

#include "common/conf/conf.h"

struct never;

/* Reads window.never from c, which must outlive it, and the interfaces. */
MUST_USE enum err never_open(struct never **out, struct conf *c);
void never_close(struct never **n);

/* Reads the interfaces anew; an address added while we run must not be granted for long. */
void never_refresh(struct never *n);

bool never_holds(const struct never *n, struct addr a);

#endif
