/* never.h - addresses that are never granted: listed ones, and those of this host's own interfaces; and how
 * often each of them was asked to be. */
#ifndef POPGATE_NEVER_H
#define POPGATE_NEVER_H

#include "common/conf/conf.h"
#include "common/store/table.h"

struct never;

/* Reads window.never from c, which must outlive it, and the interfaces. */
MUST_USE enum err never_open(struct never **out, struct conf *c);
void never_close(struct never **n);

/* Reads the interfaces anew; an address added while we run must not be granted for long. */
void never_refresh(struct never *n);

/* Is a never to be granted? Then that is counted, *hits is the count so far, and network what holds a:
 * "own" or a network's text, ADDR_TEXT octets. */
bool never_holds(struct never *n, struct addr a, int64_t now_ms, char *network, uint64_t *hits);

/* Inside a transaction of a view: takes over the counts of before, once; writes those that have changed. */
MUST_USE enum err never_save(struct never *n, struct table *t);

#endif
