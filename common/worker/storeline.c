/* storeline.c - see storeline.h. Tickets are places in a table, so that an answer finds its owner at once. */
#include "common/worker/storeline.h"

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
	struct storeline *line;
	grant_heard *heard; /* NULL: disowned */
	void *owner;
	uint64_t ticket; /* place in the table, and a count that makes it unique */
	int64_t since_ms; /* steady clock; 0: free */
	int64_t login_ms;
	struct grant grant; /* to be asked again of another store */
};

struct storeline {
	struct loop *loop;
	const char *run_dir;
	struct ask *ask; /* NULL: the store is away */
	struct watch *watch;
	struct grant_wait waits[WAITS_MAX];
	unsigned free[WAITS_MAX], free_n; /* places */
	uint64_t count;
	struct use uses[ASK_USES_MAX]; /* that wait */
	unsigned uses_n;
	int mark; /* of SITE_LOST; -1 if it cannot be made */
	bool reported; /* that the store is away */
};

static void report(struct storeline *s, enum err e)
{
	struct log_line l;

	if (s->reported)
		return;
	s->reported = true;
	log_begin(&l, LOG_LEVEL_ERROR, "store.failed");
	log_text(&l, "what", "a grant was lost: relay may be refused for now");
	log_err(&l, e);
	log_end_folded(&l);
}

/* Before the login is answered: from now on no reader of the window says no. The mark was made when we
 * started, so that a full disk cannot keep us from setting its time. */
static void mark_lost(struct storeline *s, int64_t login_ms)
{
	if (s->mark >= 0 && futimens(s->mark, NULL) != 0)
		log_say(LOG_LEVEL_ERROR, "store.failed", "the mark of a lost grant cannot be set");
	if (s->ask != NULL)
		(void)!ask_lost(s->ask, login_ms); /* the store counts them */
}

static void settle(struct grant_wait *w, enum err e, const struct answer *answer)
{
	struct storeline *s = w->line;
	grant_heard *heard = w->heard;

	w->since_ms = 0;
	w->heard = NULL;
	s->free[s->free_n++] = (unsigned)(w - s->waits);
	if (e != ERR_NONE) {
		report(s, e);
		mark_lost(s, w->login_ms);
	}
	if (heard != NULL)
		heard(w->owner, e, answer);
}

static void on_answers(void *owner);

static void reopen(struct storeline *s)
{
	if (ask_open(&s->ask, s->run_dir) != ERR_NONE)
		return;
	if (watch_open(&s->watch, s->loop, ask_fd(s->ask), on_answers, s) != ERR_NONE) {
		ask_close(&s->ask);
		return;
	}
	s->reported = false;
	for (size_t i = 0; i < WAITS_MAX && s->free_n < WAITS_MAX; i++)
		if (s->waits[i].since_ms != 0)
			(void)!ask_grant(s->ask, s->waits[i].ticket, &s->waits[i].grant);
}

/* What was asked and not answered may be done or not; asked again of the next store it is harmless. */
static void hang_up(struct storeline *s)
{
	watch_close(&s->watch);
	ask_close(&s->ask);
}

static void on_answers(void *owner)
{
	struct storeline *s = owner;
	struct answer a;
	enum err e;

	while ((e = ask_receive(s->ask, &a)) == ERR_NONE) {
		struct grant_wait *w = &s->waits[a.ticket % WAITS_MAX];

		if (w->since_ms == 0 || w->ticket != a.ticket)
			continue; /* it came too late */
		settle(w, a.result, &a);
	}
	if (e == ERR_AWAY)
		hang_up(s);
}

static void expire(struct storeline *s)
{
	int64_t now = clock_steady_ms();

	for (size_t i = 0; i < WAITS_MAX && s->free_n < WAITS_MAX; i++) {
		struct grant_wait *w = &s->waits[i];

		if (w->since_ms == 0 || now - w->since_ms < ASK_ACK_MS)
			continue;
		settle(w, s->ask != NULL ? ERR_TIMEOUT : ERR_AWAY, NULL);
	}
}

static void send_uses(struct storeline *s)
{
	unsigned n = s->uses_n;

	s->uses_n = 0;
	if (n > 0 && s->ask != NULL && ask_uses(s->ask, s->uses, n) == ERR_AWAY)
		hang_up(s);
}

static void on_tick(void *owner)
{
	struct storeline *s = owner;

	expire(s);
	send_uses(s);
	if (s->ask == NULL)
		reopen(s);
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

enum err storeline_open(
	struct storeline **out, struct loop *l, const char *run_dir, const char *lock_dir)
{
	struct storeline *s = calloc(1, sizeof(*s));
	enum err e;

	if (s == NULL)
		return ERR_NOMEM;
	s->loop = l;
	s->run_dir = run_dir;
	s->mark = lock_dir != NULL ? open_mark(lock_dir) : -1;
	for (unsigned i = 0; i < WAITS_MAX; i++) {
		s->waits[i].line = s;
		s->free[s->free_n++] = WAITS_MAX - 1 - i;
	}
	e = loop_every(l, TICK_MS, on_tick, s);
	if (e != ERR_NONE) {
		free(s);
		return e;
	}
	reopen(s);
	*out = s;
	return ERR_NONE;
}

void storeline_close(struct storeline **line)
{
	if (*line == NULL)
		return;
	send_uses(*line);
	hang_up(*line);
	if ((*line)->mark >= 0)
		close((*line)->mark);
	free(*line);
	*line = NULL;
}

/* Without a store the grant waits like any other: one that was killed is replaced within the time that a
 * login may take. */
void storeline_grant(struct storeline *s, const struct grant *grant, grant_heard *heard,
	void *owner, struct grant_wait **out)
{
	struct grant_wait *w;

	*out = NULL;
	if (s->free_n == 0) {
		report(s, ERR_LIMIT);
		mark_lost(s, clock_ms());
		heard(owner, ERR_LIMIT, NULL);
		return;
	}
	w = &s->waits[s->free[--s->free_n]];
	w->ticket = (uint64_t)(w - s->waits) + WAITS_MAX * ++s->count;
	w->grant = *grant;
	w->heard = heard;
	w->owner = owner;
	w->since_ms = clock_steady_ms();
	w->login_ms = clock_ms();
	*out = w;
	if (s->ask != NULL && ask_grant(s->ask, w->ticket, grant) == ERR_AWAY)
		hang_up(s);
}

/* A full socket means that the store is behind: better a failure that is not counted than a login that waits. */
void storeline_failure(struct storeline *s, const struct failure *f)
{
	if (s->ask != NULL && ask_failure(s->ask, f) == ERR_AWAY)
		hang_up(s);
}

/* Each use by itself woke the store and the history, and was a transaction: a quarter of what a message of 2 kB cost
 * when there were ten on a connection. */
void storeline_use(struct storeline *s, const struct use *u, enum use_when when)
{
	s->uses[s->uses_n++] = *u;
	if (when == USE_NOW || s->uses_n == ASK_USES_MAX)
		send_uses(s);
}

void storeline_disown(struct grant_wait **w)
{
	if (*w != NULL)
		(*w)->heard = NULL;
	*w = NULL;
}
