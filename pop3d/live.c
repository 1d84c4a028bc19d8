/* live.c - sessions that are logged in. While one goes on it holds the window of its address open, by renewals
 * that keep the time of its login, so that none of them undoes a revocation (common/window/grant.h). Those
 * whose account is another one now are ended (common/worker/evict.h). */
#include "common/base/clock.h"
#include "pop3d/session.h"

#define TICK_MS 500
#define RENEWALS_MAX 512 /* in a tick: the store has logins to do, too */

/* --- holding the window open --- */

static int64_t interval_ms(const struct server *v)
{
	return v->kit->site.window.lifetime_ms / 2;
}

/* Those with a renewal to come stand in its order, because all wait equally long. */
static void wait_for_turn(struct session *s)
{
	s->renew_ms = clock_steady_ms() + interval_ms(s->server);
	list_remove(&s->proved.node);
	list_append(&s->server->live.sessions, &s->proved.node);
}

/* Lost or not: the next one is as good, and the store knows of the loss. */
static void on_renewed(void *owner, enum err e, const struct answer *a)
{
	struct server *v = owner;

	if (e == ERR_NONE && a->until_ms > 0)
		counters_add(v->kit->counters, COUNT_RENEWALS, 1);
}

static void renew(struct session *s)
{
	struct grant_wait *wait;
	struct grant g = login_grant(s);

	g.login_ms = s->login_ms;
	storeline_grant(s->server->line, &g, on_renewed, s->server, &wait);
}

static void renew_due(struct server *v)
{
	int64_t now = clock_steady_ms();

	for (unsigned i = 0; i < RENEWALS_MAX && !list_empty(&v->live.sessions); i++) {
		struct session *s = list_entry(v->live.sessions.next, struct session, proved.node);

		if (now < s->renew_ms)
			return;
		if (s->login_ms > 0 && !s->proved.evicted)
			renew(s);
		wait_for_turn(s);
	}
}

/* --- accounts that are others now --- */

static struct session *session_of(const struct evictable *e)
{
	return list_entry(e, struct session, proved);
}

static void evict(struct evictable *e)
{
	pop3_evict(&session_of(e)->pop3);
	event_revoked(session_of(e));
}

static struct conn *idle(const struct evictable *e)
{
	const struct session *s = session_of(e);

	return pop3_between(&s->pop3) ? s->conn : NULL;
}

static const struct evict_hooks hooks = { .evict = evict, .idle = idle };

static void on_tick(void *owner)
{
	struct server *v = owner;

	evictions_look(&v->live);
	if (v->settings.hold_window)
		renew_due(v);
}

/* --- begin and end --- */

enum err live_open(struct server *v)
{
	evictions_init(&v->live, v->accounts, &hooks);
	return loop_every(v->loop, TICK_MS, on_tick, v);
}

void live_begin(struct session *s)
{
	s->proved.who = s->who;
	s->renew_ms = clock_steady_ms() + interval_ms(s->server);
	evictable_begin(&s->server->live, &s->proved);
}

void live_end(struct session *s)
{
	evictable_end(&s->server->live, &s->proved);
}
