/* logfold.c - a few runs of lines that say the same; see log_end_folded() in log.h.
 *
 * A run begins with a line that is written. What follows within LOG_FOLD_MS is kept as the last line and a
 * count. When the time is over they are written and the run goes on; if nothing came, it ends. */
#include "common/base/log_private.h"

#include <string.h>

static struct run {
	int64_t since_ms; /* 0: a free place */
	int64_t repeated;
	size_t same_n;
	char same[LOG_LINE_MAX]; /* the line without its loose pairs */
	struct log_line last;
} runs[LOG_FOLD_RUNS];

static size_t take_same(const struct log_line *l, char *to)
{
	size_t at = 0, n = 0;

	for (unsigned i = 0; i <= l->loose_n; i++) {
		size_t end = i < l->loose_n ? l->loose[i].from : l->n;

		memcpy(to + n, l->text + at, end - at);
		n += end - at;
		if (i < l->loose_n)
			at = l->loose[i].to;
	}
	return n;
}

static void write_one(struct log_line *l)
{
	log_finish(l);
	logwrite_line(l);
}

static void end_run(struct run *r)
{
	if (r->repeated > 0) {
		log_int(&r->last, "repeated", r->repeated);
		write_one(&r->last);
	}
	r->repeated = 0;
}

/* The run of these octets, or a free place, or the place of the oldest, which ends. */
static struct run *find(const char *same, size_t n)
{
	struct run *oldest = &runs[0];

	for (unsigned i = 0; i < LOG_FOLD_RUNS; i++) {
		struct run *r = &runs[i];

		if (r->since_ms > 0 && r->same_n == n && memcmp(r->same, same, n) == 0)
			return r;
		if (r->since_ms < oldest->since_ms)
			oldest = r;
	}
	end_run(oldest);
	oldest->since_ms = 0;
	memcpy(oldest->same, same, n);
	oldest->same_n = n;
	return oldest;
}

void logfold_line(struct log_line *l, int64_t now_ms)
{
	static char same[LOG_LINE_MAX];
	size_t n = take_same(l, same);
	struct run *r = find(same, n);

	if (r->since_ms == 0) {
		r->since_ms = now_ms > 0 ? now_ms : 1;
		write_one(l);
		return;
	}
	r->repeated++;
	r->last = *l;
	if (now_ms - r->since_ms >= LOG_FOLD_MS) {
		end_run(r);
		r->since_ms = now_ms;
	}
}

void logfold_expire(int64_t then_ms)
{
	for (unsigned i = 0; i < LOG_FOLD_RUNS; i++) {
		struct run *r = &runs[i];

		if (r->since_ms == 0 || r->since_ms > then_ms)
			continue;
		if (r->repeated > 0)
			r->since_ms = then_ms + LOG_FOLD_MS; /* goes on, quietly */
		else
			r->since_ms = 0;
		end_run(r);
	}
}
