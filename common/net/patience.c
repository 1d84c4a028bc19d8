/* patience.c - connections that are not heard of for too long, and those that have to end with the loop. */
#include "common/net/conn_private.h"

void conn_restart_patience(struct conn *c)
{
	if (c->securing)
		return;
	list_remove(&c->silent);
	if (c->patience == NULL)
		return;
	c->since_ms = (int64_t)uv_now(&c->loop->uv);
	list_append(&c->patience->waiting, &c->silent);
}

void conn_patience(struct conn *c, int64_t ms)
{
	if (c->lingering || c->closing)
		return;
	if (c->securing) {
		c->rest = ms > 0 ? loop_patience(c->loop, ms) : NULL;
		return;
	}
	c->patience = ms > 0 ? loop_patience(c->loop, ms) : NULL;
	conn_restart_patience(c);
}

static void run_out(struct conn *c)
{
	if (c->lingering)
		conn_close(c, c->why);
	else if (c->securing && !c->connecting)
		conn_close(c, "tls");
	else if (c->writing || c->connecting || c->finishing || c->engine == NULL)
		conn_close(c, "idle");
	else
		conn_end(c, FAREWELL_IDLE);
}

void conn_expire_silent(struct loop *l)
{
	int64_t now = (int64_t)uv_now(&l->uv);

	for (size_t i = 0; i < l->patience_n; i++) {
		struct patience *p = &l->patience[i];

		while (!list_empty(&p->waiting)) {
			struct conn *c = list_entry(p->waiting.next, struct conn, silent);

			if (now - c->since_ms < p->ms)
				break;
			list_remove(&c->silent);
			run_out(c);
		}
	}
}

static void end_all(struct loop *l, bool even_busy)
{
	struct node *n = l->conns.next, *next;

	for (; n != &l->conns; n = next) {
		struct conn *c = list_entry(n, struct conn, all);

		next = n->next;
		if (c->closing || c->finishing)
			continue;
		if (c->engine == NULL) { /* its PROXY header is awaited, for a moment yet */
			if (even_busy)
				conn_close(c, "shutdown");
			continue;
		}
		if (even_busy || !c->engine->ops->busy(c->engine))
			conn_end(c, FAREWELL_SHUTDOWN);
	}
}

void conn_end_idle(struct loop *l)
{
	end_all(l, false);
}

void conn_end_all(struct loop *l)
{
	end_all(l, true);
}
