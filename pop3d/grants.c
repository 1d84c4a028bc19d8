/* grants.c - see grants.h. Tickets are places in a table, so that an answer finds its owner at once. */
#include "pop3d/grants.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"

#define WAITS_MAX 4096 /* logins that wait at a time; one more is lost at once */
#define TICK_MS 100
#define REOPEN_TICKS 5

struct grant_wait {
	struct grants *grants;
	grant_heard *heard; /* NULL: disowned */
	void *owner;
	uint64_t ticket; /* place in the table, and a count that makes it unique */
	int64_t since_ms; /* steady clock; 0: free */
	int64_t login_ms;
};

struct grants {
	struct loop *loop;
	const char *run_dir;
	struct ask *ask; /* NULL: the store is away */
	struct watch *watch;
	struct grant_wait waits[WAITS_MAX];
	unsigned free[WAITS_MAX], free_n; /* places */
	uint64_t count;
	unsigned ticks;
	bool reported; /* that the store is away */
};

static void report(struct grants *g, enum err e)
{
	struct log_line l;

	if (g->reported)
		return;
	g->reported = true;
	log_begin(&l, LOG_LEVEL_ERROR, "store.failed");
	log_text(&l, "what", "a grant was lost: relay may be refused for now");
	log_err(&l, e);
	log_end(&l);
}

static void settle(struct grant_wait *w, enum err e, const struct answer *answer)
{
	struct grants *g = w->grants;
	grant_heard *heard = w->heard;

	w->since_ms = 0;
	w->heard = NULL;
	g->free[g->free_n++] = (unsigned)(w - g->waits);
	if (e != ERR_NONE)
		report(g, e);
	if (heard != NULL)
		heard(w->owner, e, answer);
}

/* The store hears of a loss so that nobody is refused for good because of it. */
static void tell_lost(struct grants *g, int64_t login_ms)
{
	if (g->ask != NULL && ask_lost(g->ask, login_ms) != ERR_NONE)
		g->reported = false;
}

static void on_answers(void *owner);

static void reopen(struct grants *g)
{
	if (ask_open(&g->ask, g->run_dir) != ERR_NONE)
		return;
	if (watch_open(&g->watch, g->loop, ask_fd(g->ask), on_answers, g) != ERR_NONE) {
		ask_close(&g->ask);
		return;
	}
	g->reported = false;
}

/* What was asked and not answered may be done or not: it counts as lost. */
static void lose_all(struct grants *g)
{
	watch_close(&g->watch);
	ask_close(&g->ask);
	reopen(g);
	for (size_t i = 0; i < WAITS_MAX; i++)
		if (g->waits[i].since_ms != 0) {
			tell_lost(g, g->waits[i].login_ms);
			settle(&g->waits[i], ERR_AWAY, NULL);
		}
}

static void on_answers(void *owner)
{
	struct grants *g = owner;
	struct answer a;
	enum err e;

	while ((e = ask_receive(g->ask, &a)) == ERR_NONE) {
		struct grant_wait *w = &g->waits[a.ticket % WAITS_MAX];

		if (w->since_ms == 0 || w->ticket != a.ticket)
			continue; /* it came too late */
		settle(w, a.result, &a);
	}
	if (e == ERR_AWAY)
		lose_all(g);
}

static void expire(struct grants *g)
{
	int64_t now = clock_steady_ms();

	for (size_t i = 0; i < WAITS_MAX && g->free_n < WAITS_MAX; i++) {
		struct grant_wait *w = &g->waits[i];

		if (w->since_ms == 0 || now - w->since_ms < ASK_ACK_MS)
			continue;
		tell_lost(g, w->login_ms);
		settle(w, ERR_TIMEOUT, NULL);
	}
}

static void on_tick(void *owner)
{
	struct grants *g = owner;

	expire(g);
	if (g->ask == NULL && ++g->ticks % REOPEN_TICKS == 0)
		reopen(g);
}

enum err grants_open(struct grants **out, struct loop *l, const char *run_dir)
{
	struct grants *g = calloc(1, sizeof(*g));
	enum err e;

	if (g == NULL)
		return ERR_NOMEM;
	g->loop = l;
	g->run_dir = run_dir;
	for (unsigned i = 0; i < WAITS_MAX; i++) {
		g->waits[i].grants = g;
		g->free[g->free_n++] = WAITS_MAX - 1 - i;
	}
	e = loop_every(l, TICK_MS, on_tick, g);
	if (e != ERR_NONE) {
		free(g);
		return e;
	}
	reopen(g);
	*out = g;
	return ERR_NONE;
}

void grants_close(struct grants **g)
{
	if (*g == NULL)
		return;
	watch_close(&(*g)->watch);
	ask_close(&(*g)->ask);
	free(*g);
	*g = NULL;
}

void grants_ask(struct grants *g, const struct grant *grant, grant_heard *heard, void *owner,
	struct grant_wait **out)
{
	enum err e = g->ask != NULL ? ERR_NONE : ERR_AWAY;
	struct grant_wait *w = NULL;

	*out = NULL;
	if (e == ERR_NONE && g->free_n == 0)
		e = ERR_LIMIT;
	if (e == ERR_NONE) {
		w = &g->waits[g->free[g->free_n - 1]];
		w->ticket = (uint64_t)(w - g->waits) + WAITS_MAX * ++g->count;
		e = ask_grant(g->ask, w->ticket, grant);
	}
	if (e != ERR_NONE) {
		report(g, e);
		tell_lost(g, clock_ms());
		heard(owner, e, NULL);
		return;
	}
	g->free_n--;
	w->heard = heard;
	w->owner = owner;
	w->since_ms = clock_steady_ms();
	w->login_ms = clock_ms();
	*out = w;
}

void grants_disown(struct grant_wait **w)
{
	if (*w != NULL)
		(*w)->heard = NULL;
	*w = NULL;
}
