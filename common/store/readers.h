/* readers.h - which reader of the view is stuck in a snapshot, and what to do about it. Knows no LMDB. */
#ifndef POPGATE_READERS_H
#define POPGATE_READERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct oldest_reader {
	pid_t pid; /* 0: nobody reads anything older than what there is */
	uint64_t snapshot;
	uint64_t behind; /* commits since */
};

struct readers { /* zero to begin with; times of the steady clock */
	pid_t pid;
	uint64_t snapshot;
	int64_t since_ms;
	bool reported;
	int64_t next_ms; /* no view is replaced before */
	unsigned pauses;
};

/* To be asked each second. Reports once who is stuck; true, ever more rarely, when the view is to be replaced. */
bool readers_stuck(struct readers *r, const struct oldest_reader *oldest, int64_t steady_ms);

#endif
