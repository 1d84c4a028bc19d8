/* live.c - sessions that are logged in. While one goes on it holds the window of its address open, by renewals
 * that keep the time of its login, so that none of them undoes a revocation (common/window/grant.h). When
 * the accounts are read anew, those whose account is another one now go, between two commands. */
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
	list_remove(&s->live);
	list_append(&s->server->live, &s->live);
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

	for (unsigned i = 0; i < RENEWALS_MAX && !list_empty(&v->live); i++) {
		struct session *s = list_entry(v->live.next, struct session, live);

		if (now < s->renew_ms)
			return;
		if (s->login_ms > 0 && !s->evicting)
			renew(s);
		wait_for_turn(s);
	}
}

/* --- accounts that are others now --- */

static void evict(struct session *s)
{
	if (s->evicting)
		return;
	s->evicting = true;
	s->server->evicting++;
	pop3_evict(&s->pop3);
	event_revoked(s);
}

static void look_at(struct session *s)
{
	if (users_changed(accounts_users(s->server->accounts), s->who, &s->account))
		evict(s);
}

/* Ends those that wait for the client; what is being sent to it is sent first. */
static void end_evicted(struct server *v)
{
	struct node *n = v->live.next, *next;

	for (; n != &v->live && v->evicting > 0; n = next) {
		struct session *s = list_entry(n, struct session, live);

		next = n->next;
		if (s->evicting && pop3_between(&s->pop3) && conn_unsent(s->conn) == 0)
			conn_end(s->conn, FAREWELL_SHUTDOWN);
	}
}

static void look_at_all(struct server *v)
{
	for (struct node *n = v->live.next; n != &v->live; n = n->next)
		look_at(list_entry(n, struct session, live));
}

static void on_tick(void *owner)
{
	struct server *v = owner;
	unsigned edition = users_edition(accounts_users(v->accounts));

	if (edition != v->edition)
		look_at_all(v);
	v->edition = edition;
	if (v->evicting > 0)
		end_evicted(v);
	if (v->settings.hold_window)
		renew_due(v);
}

/* --- begin and end --- */

enum err live_open(struct server *v)
{
	list_init(&v->live);
	return loop_every(v->loop, TICK_MS, on_tick, v);
}

void live_begin(struct session *s)
{
	wait_for_turn(s);
	if (s->edition != users_edition(accounts_users(s->server->accounts)))
		look_at(s); /* it may have changed while the password was verified */
}

void live_end(struct session *s)
{
	list_remove(&s->live);
	if (s->evicting)
		s->server->evicting--;
	s->evicting = false;
}
