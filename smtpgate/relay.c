/* relay.c - see relay.h. What a leg says is read together with what the engine asks just now. */
#include "smtpgate/relay.h"

#include <stdlib.h>

#include "smtpgate/leg.h"

#define LEGS 2

enum stage { /* of a recipient's offer */
	STAGE_NONE,
	STAGE_OPEN, /* the connection */
	STAGE_MAIL,
	STAGE_RCPT,
};

struct relay {
	struct relay_site site;
	struct gate *gate; /* borrowed */
	struct relay_hooks hooks;
	struct leg legs[LEGS]; /* by enum route */
	bool pending; /* the engine waits for us */
	bool broken; /* a hop with accepted recipients is gone: nothing of this transaction counts */
	enum stage stage;
	struct leg *offering; /* whom the recipient is offered to */
	unsigned awaited; /* replies to DATA */
	struct reply first; /* the reply to the first of two dots */
};

static const struct gate_settings *settings_of(const struct relay *r)
{
	return r->site.settings;
}

/* --- answering --- */

static void answered(struct relay *r)
{
	r->pending = false;
	r->stage = STAGE_NONE;
	r->hooks.answered(r->hooks.owner);
}

static void answer(struct relay *r, const struct reply *reply)
{
	gate_reply(r->gate, reply);
	answered(r);
}

static void answer_later(struct relay *r, const char *text)
{
	const struct reply reply = reply_make(451, text);

	answer(r, &reply);
}

static void go_on(struct relay *r)
{
	gate_room(r->gate);
	answered(r);
}

static void report(struct relay *r, const struct leg *l, const char *what, bool doubled)
{
	r->hooks.failed(r->hooks.owner, l->hop->text.p, what, doubled);
}

/* --- the legs of a transaction --- */

/* Both routes may lead to one hop, and then to one connection. */
static struct leg *leg_for(struct relay *r, enum route route)
{
	const struct gate_settings *s = settings_of(r);
	bool one = s->deliver_to.kind == HOP_SMTP && s->relay_to.kind == HOP_SMTP && !s->split;

	return &r->legs[one ? ROUTE_RELAY : route];
}

static bool active(const struct leg *l)
{
	return l->accepted > 0;
}

static void drop_all(struct relay *r)
{
	for (int i = 0; i < LEGS; i++)
		if (r->legs[i].mailed || active(&r->legs[i]))
			leg_drop(&r->legs[i]);
}

/* The next transaction may use the connection again. */
static void clear(struct leg *l)
{
	l->mailed = l->dotted = false;
	l->accepted = 0;
}

/* --- RECIPIENT --- */

static void offer(struct relay *r, struct leg *l)
{
	const struct gate *g = r->gate;

	if (!l->mailed) {
		r->stage = STAGE_MAIL;
		upstream_mail(leg_upstream(l), &g->envelope);
	} else {
		r->stage = STAGE_RCPT;
		upstream_rcpt(leg_upstream(l), &g->ask.recipient);
	}
	leg_go(l, settings_of(r)->next_hop_ms);
}

static void ask_recipient(struct relay *r)
{
	struct leg *l = leg_for(r, r->gate->ask.route);
	enum err e;

	r->offering = l;
	r->stage = STAGE_OPEN;
	if (r->broken) {
		answer_later(r, "4.4.2 The next hop broke off, send the message again later");
	} else if (leg_upstream(l) == NULL) {
		e = leg_open(l);
		if (e != ERR_NONE) {
			report(r, l, err_text(e), false);
			answer_later(r, "4.4.1 The next hop is away, try again later");
		}
	} else if (l->ready) {
		offer(r, l);
	}
}

static void hear_offer(struct relay *r, struct leg *l)
{
	const struct reply reply = reply_honest(&leg_upstream(l)->reply);

	if (r->stage == STAGE_MAIL && reply_is(&reply, 2)) {
		l->mailed = true;
		offer(r, l);
		return;
	}
	if (r->stage == STAGE_RCPT && reply_is(&reply, 2)) {
		l->accepted++;
		r->gate->seven_bit = r->gate->seven_bit || !leg_upstream(l)->eight_bit;
	}
	answer(r, &reply);
}

/* --- DATA --- */

static void ask_data(struct relay *r)
{
	r->awaited = 0;
	if (r->broken) {
		answer_later(r, "4.4.2 The next hop broke off, send the message again later");
		return;
	}
	for (int i = 0; i < LEGS; i++) {
		struct leg *l = &r->legs[i];

		if (l->mailed && !active(l)) /* it took the sender and no recipient */
			leg_quit(l);
		if (active(l))
			r->awaited++;
	}
	for (int i = 0; i < LEGS && r->pending; i++) {
		if (!active(&r->legs[i]))
			continue;
		upstream_data(leg_upstream(&r->legs[i]));
		leg_go(&r->legs[i], settings_of(r)->next_hop_ms);
	}
}

static void hear_data(struct relay *r, struct leg *l)
{
	struct reply reply = leg_upstream(l)->reply;

	if (reply.code == 354) {
		if (--r->awaited == 0)
			answer(r, &reply);
		return;
	}
	reply = reply_honest(&reply);
	if (reply_is(&reply, 2))
		reply = reply_make(451, "4.3.0 The next hop gave an unexpected reply");
	drop_all(r);
	answer(r, &reply);
}

/* --- the message --- */

/* To every leg what stands in the body; the last one takes it. */
static void pass_on(struct relay *r)
{
	struct buf *body = &r->gate->body;

	for (int i = 0; i < LEGS && r->pending && body->len > 0; i++) {
		struct leg *l = &r->legs[i];
		bool last = i + 1 == LEGS || !active(&r->legs[i + 1]);
		struct buf copy;

		if (!active(l))
			continue;
		if (last) {
			leg_body(l, body, settings_of(r)->next_hop_ms);
			return;
		}
		buf_init(&copy, GATE_BODY_MAX);
		buf_add(&copy, buf_str(body));
		leg_body(l, &copy, settings_of(r)->next_hop_ms);
		buf_free(&copy);
	}
}

static bool has_room(const struct relay *r)
{
	for (int i = 0; i < LEGS; i++)
		if (active(&r->legs[i]) && leg_unsent(&r->legs[i]) > UPSTREAM_HIGH)
			return false;
	return true;
}

static void ask_room(struct relay *r)
{
	pass_on(r);
	if (r->pending && has_room(r))
		go_on(r);
}

/* The message cannot be had any more: the client's rest is read, and this is its answer. */
static void fail_body(struct relay *r, const struct reply *reply)
{
	drop_all(r);
	gate_fail(r->gate, reply);
	if (!r->pending)
		return; /* the engine reads; it will see */
	if (r->gate->ask.kind == GATE_ASKS_END)
		answer(r, reply);
	else
		go_on(r);
}

/* --- the end of the message --- */

static void end_with(struct relay *r, const struct leg *l, const struct reply *reply, bool doubled)
{
	const struct relay_end end = { l->hop->text.p, *reply, doubled };

	r->hooks.ended(r->hooks.owner, &end);
	answer(r, reply);
}

/* A hop that has spoken already has not seen the end: its 250 would be no answer to it. What it said is
 * heard next, as early, or as the end of the connection. */
static void send_dot(struct relay *r, struct leg *l)
{
	if (leg_has_input(l)) {
		leg_go(l, settings_of(r)->next_hop_ms); /* half a reply is not waited for longer */
		return;
	}
	l->dotted = true;
	upstream_end(leg_upstream(l));
	leg_go(l, settings_of(r)->final_dot_ms);
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
		if (active(&r->legs[i]) && (next == NULL || r->legs[i].hop->kind == HOP_SMTP))
			next = &r->legs[i];
	return next;
}

static void ask_end(struct relay *r)
{
	r->first.code = 0;
	pass_on(r);
	if (r->pending)
		send_dot(r, next_to_end(r));
}

static void fail_end(struct relay *r, const struct leg *l, const char *what)
{
	const struct reply reply =
		reply_make(451, "4.4.2 The next hop failed, send the message again later");
	bool doubled = may_be_taken(r);

	report(r, l, what, doubled);
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
	report(r, l, what, false);
	if (gate_in_body(r->gate)) {
		fail_body(r, &reply);
		return;
	}
	drop_all(r);
	if (r->pending)
		answer(r, &reply);
}

static void hear_reply(struct relay *r, struct leg *l)
{
	if (!r->pending)
		return;
	switch (r->gate->ask.kind) {
	case GATE_ASKS_RECIPIENT: hear_offer(r, l); break;
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
	bool was_active = active(l);

	if (r->pending && r->gate->ask.kind == GATE_ASKS_END && was_active) {
		fail_end(r, l, l->why);
		return;
	}
	clear(l);
	if (r->pending && r->gate->ask.kind == GATE_ASKS_RECIPIENT && r->offering == l) {
		r->broken = r->broken || was_active;
		report(r, l, l->why, false);
		answer_later(r, "4.4.1 The next hop is away, try again later");
	} else if (gate_in_body(r->gate) && was_active) {
		report(r, l, l->why, false);
		fail_body(r, &broke_off);
	} else if (was_active) {
		report(r, l, l->why, false);
		r->broken = true;
		if (r->pending && r->gate->ask.kind == GATE_ASKS_DATA) {
			drop_all(r);
			answer(r, &broke_off);
		}
	}
}

static void on_heard(struct relay *r, struct leg *l, enum leg_news news)
{
	switch (news) {
	case LEG_READY:
		if (r->pending && r->stage == STAGE_OPEN && r->offering == l)
			offer(r, l);
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
	for (int i = 0; i < LEGS; i++) {
		struct leg *l = &r->legs[i];

		if (!l->mailed && !active(l))
			continue;
		if (abort)
			leg_drop(l);
		else
			leg_quit(l);
	}
	r->broken = false;
	go_on(r);
}

void relay_ask(struct relay *r)
{
	r->pending = true;
	switch (r->gate->ask.kind) {
	case GATE_ASKS_RECIPIENT: ask_recipient(r); break;
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

enum err relay_open(struct relay **out, const struct relay_site *site, struct gate *gate,
	const struct relay_hooks *hooks)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return ERR_NOMEM;
	r->site = *site;
	r->gate = gate;
	r->hooks = *hooks;
	leg_init(&r->legs[ROUTE_DELIVER], r, on_heard, &r->site, &site->settings->deliver_to);
	leg_init(&r->legs[ROUTE_RELAY], r, on_heard, &r->site, &site->settings->relay_to);
	*out = r;
	return ERR_NONE;
}

void relay_close(struct relay **r)
{
	if (*r == NULL)
		return;
	for (int i = 0; i < LEGS; i++) {
		struct leg *l = &(*r)->legs[i];

		if (l->mailed || active(l))
			leg_drop(l);
		else
			leg_quit(l);
	}
	free(*r);
	*r = NULL;
}
