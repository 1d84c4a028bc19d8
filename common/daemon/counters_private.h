/* counters_private.h - the memory of counters.h, as all processes map it and as it lies in its file. */
#ifndef POPGATE_COUNTERS_PRIVATE_H
#define POPGATE_COUNTERS_PRIVATE_H

#include <stdatomic.h>

#include "common/daemon/counters.h"

#define COUNTERS_MAGIC "popgate counters"
#define COUNTERS_FILE "counters" /* below run_dir/PROGRAM */
#define COUNTERS_LAYOUT 2 /* one more whenever anything below changes */

struct counters_head { /* written once, before anybody else looks */
	char magic[16];
	uint32_t layout, size;
	char program[COUNTERS_ROLE], version[COUNTERS_ROLE];
	int64_t pid, since_ms;
	uint32_t names_n;
	struct {
		char name[COUNTERS_NAME], help[COUNTERS_HELP];
		uint32_t gauge;
	} names[COUNTERS_MAX];
};

struct counters_table {
	struct counters_head head;
	char conf_path[1024]; /* written before loaded_ms is */
	_Atomic int64_t loaded_ms;
	_Atomic uint32_t generation;
	struct {
		_Atomic int64_t pid; /* 0: free; written last */
		char role[COUNTERS_ROLE];
		uint32_t slot, generation;
		int64_t since_ms;
		_Atomic uint32_t draining;
		_Atomic int64_t beat_ms; /* steady clock; by the process itself */
	} seats[COUNTERS_SLOTS];
	_Atomic int64_t at[COUNTERS_SLOTS][COUNTERS_MAX];
};

struct counters {
	struct counters_table *table; /* mapped */
	const struct counter_name *names; /* borrowed */
	unsigned slot;
};

#endif
