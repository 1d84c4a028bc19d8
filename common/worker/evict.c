/* evict.c - see evict.h. */
#include "common/worker/evict.h"

void evictions_init(struct evictions *v, struct accounts *accounts, const struct evict_hooks *hooks)
{
	*v = (struct evictions){ .users = accounts_users(accounts), .hooks = hooks };
	list_init(&v->sessions);
}

static void look_at(struct evictions *v, struct evictable *e)
{
	struct subscriber who;

	if (e->evicted)
		return;
	who = subscriber_of(e->who);
	if (!users_changed(v->users, &who, &e->account))
		return;
	e->evicted = true;
	v->evicted++;
	v->hooks->evict(e);
}

static void look_at_all(struct evictions *v)
{
	for (struct node *n = v->sessions.next; n != &v->sessions; n = n->next)
		look_at(v, list_entry(n, struct evictable, node));
}

/* Those that wait for the client; the others meet it before their next command. */
static void end_idle(struct evictions *v)
{
	struct node *n = v->sessions.next, *next;

	for (; n != &v->sessions && v->evicted > 0; n = next) {
		struct evictable *e = list_entry(n, struct evictable, node);
		struct conn *c = e->evicted ? v->hooks->idle(e) : NULL;

		next = n->next;
		if (c != NULL && conn_unsent(c) == 0)
			conn_end(c, FAREWELL_SHUTDOWN);
	}
}

void evictions_look(struct evictions *v)
{
	unsigned edition = users_edition(v->users);

	if (edition != v->edition)
		look_at_all(v);
	v->edition = edition;
	if (v->evicted > 0)
		end_idle(v);
}

void evictable_prepare(const struct evictions *v, struct evictable *e)
{
	e->edition = users_edition(v->users);
}

void evictable_begin(struct evictions *v, struct evictable *e)
{
	list_remove(&e->node);
	list_append(&v->sessions, &e->node);
	if (e->edition != users_edition(v->users))
		look_at(v, e);
}

void evictable_end(struct evictions *v, struct evictable *e)
{
	list_remove(&e->node);
	if (e->evicted)
		v->evicted--;
	e->evicted = false;
}
