/* wedge.c - a view that its readers spoilt, and how the store goes on without it. */
#include "common/store/work.h"

#include "common/base/clock.h"
#include "common/window/guard.h"

#define WEDGED_AGAIN_MS 30000

void store_log_wedged(const char *what, unsigned attempt)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "window.wedged");
	log_text(&l, "what", what);
	log_int(&l, "attempt", attempt);
	log_end(&l);
}

/* A view that its readers spoilt is left to them, and a new one made at once: later and later if they go on. */
void work_leave(struct store *s)
{
	int64_t now = clock_steady_ms();

	s->wedges = s->wedged_ms != 0 && now - s->wedged_ms < WEDGED_AGAIN_MS ? s->wedges + 1 : 0;
	s->wedged_ms = now;
	store_log_wedged(table_wedged(s->view), s->wedges + 1);
	s->condemned = true;
	work_close(s);
	s->retry_ms =
		s->wedges < 2 ? now : now + (WORK_RETRY_MS << (s->wedges < 8 ? s->wedges : 8));
}

bool work_wedged(const struct store *s)
{
	return s->view != NULL && table_wedged(s->view) != NULL;
}

struct guarded {
	enum err (*fn)(void *call);
	void *call;
	bool whole; /* it came back by itself */
	enum err e;
};

static enum err run_guarded(void *of)
{
	struct guarded *g = of;

	g->e = g->fn(g->call);
	g->whole = true;
	return ERR_NONE;
}

/* What touches the view may end in a fault because of its lock.mdb. */
enum err work_guarded(struct store *s, enum err (*fn)(void *call), void *call)
{
	struct guarded g = { .fn = fn, .call = call };

	guard_install();
	(void)!guard_run(run_guarded, &g);
	if (g.whole)
		return g.e;
	if (s->view != NULL)
		table_wedge(s->view, "fault");
	return ERR_DAMAGED;
}
