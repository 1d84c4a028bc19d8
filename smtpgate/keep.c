/* keep.c - connections to next hops whose client is done with them, kept a moment for the next client.
 *
 *	leg_keep -> kept, silent for next_hop_reuse at most -> keep_take: [XCLIENT -> EHLO] -> LEG_READY
 *
 * A connection of its own for each client was a third of what a message of 2 kB cost. Only one that no doubt falls
 * on is kept: the hop waits for a command and has refused nothing, for hops count the errors of a session (Postfix
 * slows it down after ten). XCLIENT sets a session back to its greeting, and may come again as long as the hop still
 * offers it; all that it wants to know is said again, so nothing of one client is left to another. With a PROXY header
 * a connection belongs to its client for good. What fails on a kept connection before the hop took a recipient is
 * tried once more on a new one (offer.c); the hop hanging up in between is nobody's failure. */
#include "smtpgate/leg_private.h"

#include "common/base/clock.h"

#define KEPT_MAX 16 /* of a worker: each holds a process of the hop */
#define AGE_MAX_MS 300000 /* from the dial on; a hop's name may lead elsewhere by then */

void keep_init(struct keep *k)
{
	list_init(&k->wires);
	k->n = 0;
}

/* It can be told of another client as it was told of its first; or there is nobody to be told of. */
static bool may_speak_again(const struct leg_wire *w)
{
	const struct hop_manners *m = &w->site->settings->hop_manners;

	if (!w->speaks)
		return m->identify == HOP_IDENTIFY_NONE;
	return m->identify == HOP_XCLIENT && upstream_may_introduce(&w->upstream);
}

static bool may_keep(const struct leg *l)
{
	const struct leg_wire *w = l->wire;

	return w->site->settings->reuse_ms > 0 && w->site->keep->n < KEPT_MAX &&
		hop_is_network(w->hop->hop) && !w->refused && may_speak_again(w) &&
		!loop_draining(w->site->loop) && clock_steady_ms() - w->since_ms < AGE_MAX_MS;
}

void leg_keep(struct leg *l)
{
	struct leg_wire *w = l->wire;

	if (!leg_is_idle(l) || !may_keep(l)) {
		leg_quit(l);
		return;
	}
	leg_forget(l);
	w->leg = NULL;
	w->upstream.spare = true;
	list_append(&w->site->keep->wires, &w->kept);
	w->site->keep->n++;
	conn_patience(w->conn, w->site->settings->reuse_ms);
}

void keep_lost(struct leg_wire *w)
{
	if (w->kept.next == NULL)
		return;
	list_remove(&w->kept);
	w->site->keep->n--;
	w->upstream.spare = false;
}

void keep_end(struct keep *k)
{
	while (!list_empty(&k->wires)) {
		struct leg_wire *w = list_entry(k->wires.next, struct leg_wire, kept);

		keep_lost(w);
		conn_part(w->conn, FAREWELL_SHUTDOWN);
	}
}

/* The one used last: those that are not needed run out of time. One that has said QUIT is no longer ready. */
static struct leg_wire *find(const struct keep *k, const struct hop_state *hop)
{
	for (struct node *n = k->wires.prev; n != &k->wires; n = n->prev) {
		struct leg_wire *w = list_entry(n, struct leg_wire, kept);

		if (w->hop == hop && w->upstream.state == UPSTREAM_READY &&
			clock_steady_ms() - w->since_ms < AGE_MAX_MS)
			return w;
	}
	return NULL;
}

bool keep_take(struct leg *l, const struct introduction *client)
{
	struct leg_wire *w = find(l->site->keep, l->hop);

	if (w == NULL)
		return false;
	keep_lost(w);
	w->leg = l;
	l->wire = w;
	l->used = true;
	conn_patience(w->conn, 0);
	w->client = *client;
	if (w->speaks && upstream_introduce(&w->upstream, client))
		leg_go(l, w->site->settings->next_hop_ms);
	else
		leg_become_ready(l);
	return true;
}
