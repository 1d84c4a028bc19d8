/* grants.c - see grants.h. Tickets are places in a table, so that an answer finds its owner at once. */
#include "pop3d/grants.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/conf/site.h"

#define WAITS_MAX 4096 /* logins that wait at a time; one more is lost at once */
#define TICK_MS 100

struct grant_wait {
	struct grants *grants;
	grant_heard *heard; /* NULL: disowned */
	void *owner;
	uint64_t ticket; /* place in the table, and a count that makes it unique */
	int64_t since_ms; /* steady clock; 0: free */
	int64_t login_ms;
	struct grant grant; /* to be asked again of another store */
};

struct grants {
	struct loop *loop;
	const char *run_dir;
	struct ask *ask; /* NULL: the store is away */
	struct watch *watch;
	struct grant_wait waits[WAITS_MAX];
	unsigned free[WAITS_MAX], free_n; /* places */
	uint64_t count;
	int mark; /* of SITE_LOST; -1 if it cannot be made */
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

/* Before the login is answered: from now on no reader of the window says no. The mark was made when we
 * started, so that a full disk cannot keep us from setting its time. */
static void mark_lost(struct grants *g, int64_t login_ms)
{
	if (g->mark >= 0 && futimens(g->mark, NULL) != 0)
		log_say(LOG_LEVEL_ERROR, "store.failed", "the mark of a lost grant cannot be set");
	if (g->ask != NULL)
		(void)!ask_lost(g->ask, login_ms); /* the store counts them */
}

static void settle(struct grant_wait *w, enum err e, const struct answer *answer)
{
	struct grants *g = w->grants;
	grant_heard *heard = w->heard;

	w->since_ms = 0;
	w->heard = NULL;
	g->free[g->free_n++] = (unsigned)(w - g->waits);
	if (e != ERR_NONE) {
		report(g, e);
		mark_lost(g, w->login_ms);
	}
	if (heard != NULL)
		heard(w->owner, e, answer);
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
	for (size_t i = 0; i < WAITS_MAX && g->free_n < WAITS_MAX; i++)
		if (g->waits[i].since_ms != 0)
			(void)!ask_grant(g->ask, g->waits[i].ticket, &g->waits[i].grant);
}

/* What was asked and not answered may be done or not; asked again of the next store it is harmless. */
static void hang_up(struct grants *g)
{
	watch_close(&g->watch);
	ask_close(&g->ask);
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
		hang_up(g);
}

static void expire(struct grants *g)
{
	int64_t now = clock_steady_ms();

	for (size_t i = 0; i < WAITS_MAX && g->free_n < WAITS_MAX; i++) {
		struct grant_wait *w = &g->waits[i];

		if (w->since_ms == 0 || now - w->since_ms < ASK_ACK_MS)
			continue;
		settle(w, g->ask != NULL ? ERR_TIMEOUT : ERR_AWAY, NULL);
	}
}

static void on_tick(void *owner)
{
	struct grants *g = owner;

	expire(g);
	if (g->ask == NULL)
		reopen(g);
}

/* A mark that is new says nothing yet. */
static int open_mark(const char *lock_dir)
{
	const struct timespec never[2] = { { 0, 0 }, { 0, 0 } };
	char path[4300];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", lock_dir, SITE_LOST);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && futimens(fd, never) != 0)
		log_say(LOG_LEVEL_ERROR, "store.failed", "%s cannot be set to never", path);
	if (fd < 0 && errno == EEXIST)
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		log_say(LOG_LEVEL_ERROR, "store.failed",
			"%s cannot be made: a lost grant may be refused for good", path);
	return fd;
}

enum err grants_open(struct grants **out, struct loop *l, const char *run_dir, const char *lock_dir)
{
	struct grants *g = calloc(1, sizeof(*g));
	enum err e;

	if (g == NULL)
		return ERR_NOMEM;
	g->loop = l;
	g->run_dir = run_dir;
	g->mark = open_mark(lock_dir);
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
	hang_up(*g);
	if ((*g)->mark >= 0)
		close((*g)->mark);
	free(*g);
	*g = NULL;
}

/* Without a store the grant waits like any other: one that was killed is replaced within the time that a
 * login may take. */
void grants_ask(struct grants *g, const struct grant *grant, grant_heard *heard, void *owner,
	struct grant_wait **out)
{
	struct grant_wait *w;

	*out = NULL;
	if (g->free_n == 0) {
		report(g, ERR_LIMIT);
		mark_lost(g, clock_ms());
		heard(owner, ERR_LIMIT, NULL);
		return;
	}
	w = &g->waits[g->free[--g->free_n]];
	w->ticket = (uint64_t)(w - g->waits) + WAITS_MAX * ++g->count;
	w->grant = *grant;
	w->heard = heard;
	w->owner = owner;
	w->since_ms = clock_steady_ms();
	w->login_ms = clock_ms();
	*out = w;
	if (g->ask != NULL && ask_grant(g->ask, w->ticket, grant) == ERR_AWAY)
		hang_up(g);
}

void grants_disown(struct grant_wait **w)
{
	if (*w != NULL)
		(*w)->heard = NULL;
	*w = NULL;
}
