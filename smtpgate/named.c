/* named.c - sessions that have authenticated: when the accounts are read anew, those whose account is another
 * one now are ended, a message that is coming in first. */
#include "smtpgate/session.h"

#define TICK_MS 500

static void look_at(struct session *s)
{
	if (s->evicting ||
		!users_changed(accounts_users(s->server->accounts), s->who, &s->account))
		return;
	s->evicting = true;
	s->server->evicting++;
	gate_evict(&s->gate);
	session_log_revoked(s);
}

static void look_at_all(struct server *v)
{
	for (struct node *n = v->named.next; n != &v->named; n = n->next)
		look_at(list_entry(n, struct session, named));
}

/* Those that wait for the client; the others meet it before their next command. */
static void end_evicted(struct server *v)
{
	struct node *n = v->named.next, *next;

	for (; n != &v->named && v->evicting > 0; n = next) {
		struct session *s = list_entry(n, struct session, named);

		next = n->next;
		if (s->evicting && gate_between(&s->gate) && conn_unsent(s->conn) == 0)
			conn_end(s->conn, FAREWELL_SHUTDOWN);
	}
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
}

enum err named_open(struct server *v)
{
	list_init(&v->named);
	return loop_every(v->loop, TICK_MS, on_tick, v);
}

void named_begin(struct session *s)
{
	list_remove(&s->named);
	list_append(&s->server->named, &s->named);
	look_at(s); /* it may have changed while the password was verified */
}

void named_end(struct session *s)
{
	list_remove(&s->named);
	if (s->evicting)
		s->server->evicting--;
	s->evicting = false;
}
