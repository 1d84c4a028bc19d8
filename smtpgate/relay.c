/* relay.c - see relay.h. What a leg says is read together with what the engine asks just now. */
#include <stdlib.h>

#include "smtpgate/relay_private.h"

/* --- answering --- */

static void answered(struct relay *r)
{
	r->pending = false;
	r->stage = STAGE_NONE;
	r->hooks.answered(r->hooks.owner);
}

void relay_answer(struct relay *r, const struct reply *reply)
{
	gate_reply(r->gate, reply);
	answered(r);
}

void relay_later(struct relay *r, const char *text)
{
	const struct reply reply = reply_make(451, text);

	relay_answer(r, &reply);
}

static void go_on(struct relay *r)
{
	gate_room(r->gate);
	answered(r);
}

void relay_report(struct relay *r, const struct leg *l, const char *what, bool doubled)
{
	r->hooks.failed(r->hooks.owner, l->hop->hop->text.p, what, doubled);
}

/* --- the legs of a transaction --- */

static void drop_all(struct relay *r)
{
	for (int i = 0; i < LEGS; i++)
		if (r->legs[i].mailed || relay_active(&r->legs[i]))
			leg_drop(&r->legs[i]);
}

/* The transaction is over unfinished; what can be used again is. */
static void rest_all(struct relay *r)
{
	for (int i = 0; i < LEGS; i++)
		if (r->legs[i].mailed || relay_active(&r->legs[i]))
			leg_rest(&r->legs[i]);
}

/* The next transaction may use the connection again. */
static void clear(struct leg *l)
{
	l->used = l->used || l->mailed;
	l->mailed = l->dotted = false;
	l->accepted = 0;
}

/* --- DATA --- */

static void ask_data(struct relay *r)
{
	r->awaited = 0;
	if (r->broken) {
		relay_later(r, "4.4.2 The next hop broke off, send the message again later");
		return;
	}
	for (int i = 0; i < LEGS; i++) {
		struct leg *l = &r->legs[i];

		if (l->mailed && !relay_active(l)) /* it took the sender and no recipient */
			leg_rest(l);
		if (relay_active(l))
			r->awaited++;
	}
	for (int i = 0; i < LEGS && r->pending; i++) {
		if (!relay_active(&r->legs[i]) || !relay_in_step(&r->legs[i]))
			continue;
		upstream_data(leg_upstream(&r->legs[i]));
		leg_go(&r->legs[i], relay_settings(r)->next_hop_ms);
	}
}

static void hear_data(struct relay *r, struct leg *l)
{
	struct reply reply = leg_upstream(l)->reply;

	if (reply.code == 354) {
		if (--r->awaited == 0)
			relay_answer(r, &reply);
		return;
	}
	reply = reply_honest(&reply);
	if (reply_is(&reply, 2))
		reply = reply_make(451, "4.3.0 The next hop gave an unexpected reply");
	rest_all(r);
	relay_answer(r, &reply);
}

/* --- the message --- */

/* The message cannot be had any more: the client's rest is read, and this is its answer. */
static void fail_body(struct relay *r, const struct reply *reply)
{
	drop_all(r);
	gate_fail(r->gate, reply);
	if (!r->pending)
		return; /* the engine reads; it will see */
	if (r->gate->ask.kind == GATE_ASKS_END)
		relay_answer(r, reply);
	else
		go_on(r);
}

/* To every leg what stands in the body; the last one takes it. */
static void pass_on(struct relay *r)
{
	struct buf *body = &r->gate->body;

	const struct reply no_memory =
		reply_make(451, "4.3.0 Out of memory, send the message again later");

	for (int i = 0; i < LEGS && r->pending && body->len > 0; i++) {
		struct leg *l = &r->legs[i];
		bool last = i + 1 == LEGS || !relay_active(&r->legs[i + 1]);
		struct buf copy;

		if (!relay_active(l))
			continue;
		if (last) {
			leg_body(l, body, relay_settings(r)->next_hop_ms);
			return;
		}
		buf_init(&copy, GATE_BODY_MAX);
		buf_add(&copy, buf_str(body));
		if (copy.broken)
			fail_body(r, &no_memory);
		else
			leg_body(l, &copy, relay_settings(r)->next_hop_ms);
		buf_free(&copy);
	}
}

static bool has_room(const struct relay *r)
{
	for (int i = 0; i < LEGS; i++)
		if (relay_active(&r->legs[i]) && leg_unsent(&r->legs[i]) > UPSTREAM_HIGH)
			return false;
	return true;
}

static void ask_room(struct relay *r)
{
	pass_on(r);
	if (r->pending && has_room(r))
		go_on(r);
}

/* --- the end of the message --- */

static void end_with(struct relay *r, const struct leg *l, const struct reply *reply, bool doubled)
{
	const struct relay_end end = { l->hop->hop->text.p, *reply, doubled };

	r->hooks.ended(r->hooks.owner, &end);
	relay_answer(r, reply);
}

static void dot(struct relay *r, struct leg *l)
{
	l->dotted = true;
	upstream_end(leg_upstream(l));
	leg_go(l, relay_settings(r)->final_dot_ms);
}

/* A hop that has spoken already has not seen the end: its 250 would be no answer to it. What it said is
 * heard next, as early, or as the end of the connection. */
static void send_dot(struct relay *r, struct leg *l)
{
	if (leg_has_input(l)) {
		leg_go(l,
			relay_settings(r)->next_hop_ms); /* half a reply is not waited for longer */
		return;
	}
	dot(r, l);
}

/* A hop has the whole message, and its answer is not known or was a yes. */
static bool may_be_taken(const struct relay *r)
{
	bool dotted = false;

	for (int i = 0; i < LEGS; i++)
		dotted = dotted || r->legs[i].dotted;
	return dotted || r->first.code != 0;
}

/* A network hop first: what the deliver role wrote cannot be taken back, what it has not yet made visible
 * can. */
static struct leg *next_to_end(struct relay *r)
{
	struct leg *next = NULL;

	for (int i = 0; i < LEGS; i++)
		if (relay_active(&r->legs[i]) &&
			(next == NULL || hop_is_network(r->legs[i].hop->hop)))
			next = &r->legs[i];
	return next;
}

/* A hop alone has the rest and the end in one piece: a short message costs it one packet less. */
static bool end_at_once(struct relay *r)
{
	struct leg *l = next_to_end(r);

	if (relay_active(&r->legs[0]) == relay_active(&r->legs[1]) || leg_has_input(l))
		return false;
	upstream_body(leg_upstream(l), &r->gate->body);
	dot(r, l);
	return true;
}

static void ask_end(struct relay *r)
{
	r->first.code = 0;
	if (end_at_once(r))
		return;
	pass_on(r);
	if (r->pending)
		send_dot(r, next_to_end(r));
}

static void fail_end(struct relay *r, const struct leg *l, const char *what)
{
	const struct reply reply =
		reply_make(451, "4.4.2 The next hop failed, send the message again later");
	bool doubled = may_be_taken(r);

	relay_report(r, l, what, doubled);
	for (int i = 0; i < LEGS; i++) {
		leg_drop(&r->legs[i]);
		clear(&r->legs[i]);
	}
	end_with(r, l, &reply, doubled);
}

static void hear_end(struct relay *r, struct leg *l)
{
	const struct reply reply = reply_honest(&leg_upstream(l)->reply);
	struct leg *next;

	clear(l);
	if (!reply_is(&reply, 2)) {
		if (r->first.code != 0) { /* the other has taken it */
			fail_end(r, l, "refused what the other next hop has taken");
			return;
		}
		drop_all(r);
		end_with(r, l, &reply, false);
		return;
	}
	next = next_to_end(r);
	if (next != NULL) {
		r->first = reply;
		send_dot(r, next);
		return;
	}
	end_with(r, l, r->first.code != 0 ? &r->first : &reply, false);
}

/* --- what a leg says --- */

/* One leg may speak while the other has not yet answered DATA, or has been sent the end already. */
static void hear_early(struct relay *r, struct leg *l)
{
	static const char what[] = "answered before the end of the message";
	struct reply reply = reply_honest(&leg_upstream(l)->reply);

	if (reply_is(&reply, 2))
		reply = reply_make(451, "4.3.0 The next hop answered before the end");
	if (r->pending && r->gate->ask.kind == GATE_ASKS_END && may_be_taken(r)) {
		fail_end(r, l, what);
		return;
	}
	relay_report(r, l, what, false);
	if (gate_in_body(r->gate)) {
		fail_body(r, &reply);
		return;
	}
	drop_all(r);
	if (r->pending)
		relay_answer(r, &reply);
}

static void hear_reply(struct relay *r, struct leg *l)
{
	if (!r->pending)
		return;
	switch (r->gate->ask.kind) {
	case GATE_ASKS_RECIPIENT: offer_reply(r, l); break;
	case GATE_ASKS_DATA: hear_data(r, l); break;
	case GATE_ASKS_END: hear_end(r, l); break;
	case GATE_ASKS_NOTHING:
	case GATE_ASKS_GREETING:
	case GATE_ASKS_AUTH:
	case GATE_ASKS_PROOF:
	case GATE_ASKS_ROOM:
	case GATE_ASKS_ABORT:
	case GATE_ASKS_RESET: break;
	}
}

static void hear_gone(struct relay *r, struct leg *l)
{
	const struct reply broke_off =
		reply_make(451, "4.4.2 The next hop broke off, send the message again later");
	bool was_active = relay_active(l);

	if (r->pending && r->gate->ask.kind == GATE_ASKS_END && was_active) {
		fail_end(r, l, l->why);
		return;
	}
	clear(l);
	if (r->pending && r->gate->ask.kind == GATE_ASKS_RECIPIENT && r->offering == l) {
		r->broken = r->broken || was_active;
		offer_gone(r, l);
	} else if (gate_in_body(r->gate) && was_active) {
		relay_report(r, l, l->why, false);
		fail_body(r, &broke_off);
	} else if (was_active) {
		relay_report(r, l, l->why, false);
		r->broken = true;
		if (r->pending && r->gate->ask.kind == GATE_ASKS_DATA) {
			drop_all(r);
			relay_answer(r, &broke_off);
		}
	}
}

static void on_heard(void *owner, struct leg *l, enum leg_news news)
{
	struct relay *r = owner;

	switch (news) {
	case LEG_READY:
		if (r->pending && r->gate->ask.kind == GATE_ASKS_RECIPIENT && r->offering == l)
			offer_ready(r, l);
		break;
	case LEG_REPLY: hear_reply(r, l); break;
	case LEG_EARLY: hear_early(r, l); break;
	case LEG_FLOWED:
		if (r->pending && r->gate->ask.kind == GATE_ASKS_ROOM && has_room(r))
			go_on(r);
		break;
	case LEG_GONE: hear_gone(r, l); break;
	}
}

/* --- the owner's side --- */

static void let_go(struct relay *r, bool abort)
{
	if (abort)
		drop_all(r);
	else
		rest_all(r);
	r->broken = false;
	go_on(r);
}

void relay_ask(struct relay *r)
{
	r->pending = true;
	switch (r->gate->ask.kind) {
	case GATE_ASKS_RECIPIENT: offer_ask(r); break;
	case GATE_ASKS_DATA: ask_data(r); break;
	case GATE_ASKS_ROOM: ask_room(r); break;
	case GATE_ASKS_END: ask_end(r); break;
	case GATE_ASKS_ABORT: let_go(r, true); break;
	case GATE_ASKS_RESET: let_go(r, false); break;
	case GATE_ASKS_NOTHING:
	case GATE_ASKS_GREETING:
	case GATE_ASKS_AUTH:
	case GATE_ASKS_PROOF: r->pending = false; break;
	}
}

void relay_site_init(struct relay_site *s, const struct leg_site *leg)
{
	*s = (struct relay_site){ .leg = *leg };
	keep_init(&s->keep);
	s->leg.keep = &s->keep;
	hop_state_init(&s->deliver, &leg->settings->deliver_to);
	hop_state_init(&s->relay, &leg->settings->relay_to);
}

struct offers relay_offers(const struct relay_site *s)
{
	if (s->deliver.hop->kind == HOP_NONE)
		return s->relay.offers;
	if (s->relay.hop->kind == HOP_NONE)
		return s->deliver.offers;
	return offers_common(&s->deliver.offers, &s->relay.offers);
}

enum err relay_open(struct relay **out, struct relay_site *site, struct gate *gate,
	const struct relay_hooks *hooks)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return ERR_NOMEM;
	r->site = site;
	r->gate = gate;
	r->hooks = *hooks;
	leg_init(&r->legs[ROUTE_DELIVER], r, on_heard, &site->leg, &site->deliver);
	leg_init(&r->legs[ROUTE_RELAY], r, on_heard, &site->leg, &site->relay);
	*out = r;
	return ERR_NONE;
}

void relay_close(struct relay **r)
{
	if (*r == NULL)
		return;
	for (int i = 0; i < LEGS; i++) {
		struct leg *l = &(*r)->legs[i];

		if (l->mailed || relay_active(l))
			leg_drop(l);
		else
			leg_keep(l);
	}
	free(*r);
	*r = NULL;
}
