/* counters.h - numbers that all processes of a daemon count, in shared memory: one writer a slot,
 * readers add the slots up and never block. The names are the daemon's own, a table by index. */
#ifndef POPGATE_COUNTERS_H
#define POPGATE_COUNTERS_H

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNTERS_MAX 64 /* numbers in a table */
#define COUNTERS_SLOTS 256 /* processes at a time, all generations together */

struct counters;

/* What a number means, as log and popgate(8) print it: "pop3_logins". */
struct counter_name {
	const char *name;
	const char *help; /* one sentence for people */
	bool gauge; /* it goes up and down (connections open now); a dead process's share is dropped */
};

/* Makes the memory; *fd is the caller's to pass on and to close. names ends in a NULL name and is
 * borrowed for ever. */
MUST_USE enum err counters_make(struct counters **out, const struct counter_name *names, int *fd);

/* Maps what counters_make() made, to write in slot. */
MUST_USE enum err counters_map(
	struct counters **out, const struct counter_name *names, int fd, unsigned slot);
void counters_close(struct counters **c);

/* Adds n (it may be negative for a gauge) to number i of the own slot. */
void counters_add(struct counters *c, unsigned i, int64_t n);

/* The sum over all slots. */
int64_t counters_sum(const struct counters *c, unsigned i);

/* The table it was made with. */
const struct counter_name *counters_names(const struct counters *c);

/* A process of that slot died: its gauges are zero, its counts stay. */
void counters_bury(struct counters *c, unsigned slot);

#endif
