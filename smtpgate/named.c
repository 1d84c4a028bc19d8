/* named.c - sessions that have authenticated: those whose account is another one now are ended, a message that
 * is coming in first (common/worker/evict.h). */
#include "smtpgate/session.h"

#define TICK_MS 500

static struct session *session_of(const struct evictable *e)
{
	return list_entry(e, struct session, proved);
}

static void evict(struct evictable *e)
{
	gate_evict(&session_of(e)->gate);
	session_log_revoked(session_of(e));
}

static struct conn *idle(const struct evictable *e)
{
	const struct session *s = session_of(e);

	return gate_between(&s->gate) ? s->conn : NULL;
}

static const struct evict_hooks hooks = { .evict = evict, .idle = idle };

static void on_tick(void *owner)
{
	evictions_look(owner);
}

enum err named_open(struct server *v)
{
	evictions_init(&v->named, v->accounts, &hooks);
	return loop_every(v->loop, TICK_MS, on_tick, &v->named);
}
