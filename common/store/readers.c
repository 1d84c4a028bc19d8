/* readers.c - a reader that keeps its snapshot keeps every page freed since: the file grows by what is written
 * meanwhile, two lifetimes of it are gigabytes. Ours hold one for microseconds, so that one which holds it for
 * seconds was stopped, or means harm. LMDB offers no way to take a snapshot back: the view is replaced, and
 * what the old one holds goes with its last reader. */
#include "common/store/readers.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/log.h"

#define REPORT_MS 10000
#define REPLACE_MS 30000
#define PAUSE_MS \
	INT64_C(60000) /* after a replacement, doubled by each within that time, up to an hour */
#define PAUSES_MAX 6

bool readers_stuck(struct readers *r, const struct oldest_reader *oldest, int64_t steady_ms)
{
	struct log_line l;
	bool replace;

	if (oldest->pid == 0 || oldest->pid != r->pid || oldest->snapshot != r->snapshot) {
		r->pid = oldest->pid;
		r->snapshot = oldest->snapshot;
		r->since_ms = steady_ms;
		r->reported = false;
		return false;
	}
	replace = steady_ms - r->since_ms >= REPLACE_MS && steady_ms >= r->next_ms;
	if (!replace && (r->reported || steady_ms - r->since_ms < REPORT_MS))
		return false;
	r->reported = true;
	log_begin(&l, LOG_LEVEL_ERROR, "store.reader_stuck");
	log_int(&l, "reader", r->pid);
	log_int(&l, "for_ms", steady_ms - r->since_ms);
	log_int(&l, "behind", (int64_t)oldest->behind);
	log_bool(&l, "replaced", replace);
	log_end(&l);
	if (!replace)
		return false;
	r->pauses = steady_ms < r->next_ms + PAUSE_MS ? r->pauses + (r->pauses < PAUSES_MAX) : 0;
	r->next_ms = steady_ms + (PAUSE_MS << r->pauses);
	return true;
}
