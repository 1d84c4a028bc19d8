/* offer.c - a recipient is offered to its hop: over the connection there is, or a new one; MAIL first if it
 * is the first of its transaction. What the hop lacks for this message is answered here. */
#include "smtpgate/relay_private.h"

bool relay_in_step(struct leg *l)
{
	if (leg_in_step(l))
		return true;
	leg_fault(l, "said more than it was asked");
	return false;
}

static struct introduction introduce(const struct relay *r)
{
	const struct gate *g = r->gate;
	struct introduction who = { .esmtp = g->esmtp };
	struct str helo = gate_helo(g);

	memcpy(who.helo, helo.p, helo.n < INTRODUCE_NAME_MAX ? helo.n : INTRODUCE_NAME_MAX);
	r->hooks.introduce(r->hooks.owner, &who);
	return who;
}

/* Both routes may lead to one hop, and then to one connection. */
static struct leg *leg_for(struct relay *r, enum route route)
{
	const struct gate_settings *s = relay_settings(r);
	bool one = hop_is_network(&s->deliver_to) && hop_is_network(&s->relay_to) && !s->split;

	return &r->legs[one ? ROUTE_RELAY : route];
}

/* --- what it lacks --- */

static bool refuse_for_it(struct relay *r, const struct leg *l, const struct offers *offers)
{
	struct reply reply;

	if (!r->gate->mail->envelope.utf8 || offers->utf8)
		return false;
	reply = reply_make(553, "5.6.7 The next hop does not take SMTPUTF8");
	relay_report(r, l, "does not take SMTPUTF8", false);
	relay_answer(r, &reply);
	return true;
}

/* --- to the hop --- */

static void offer(struct relay *r, struct leg *l)
{
	struct upstream *u = leg_upstream(l);

	if (!relay_in_step(l))
		return;
	if (!l->mailed) {
		if (refuse_for_it(r, l, &u->offers))
			return;
		r->stage = STAGE_MAIL;
		upstream_mail(u, &r->gate->mail->envelope);
	}
	if (l->mailed || u->offers.pipelining) { /* five calls less for each message */
		r->stage = l->mailed ? STAGE_RCPT : STAGE_BOTH;
		upstream_rcpt(u, &r->gate->mail->recipient);
	}
	leg_go(l, relay_settings(r)->next_hop_ms);
}

static void open_leg(
	struct relay *r, struct leg *l, const struct introduction *who, enum leg_open which)
{
	r->stage = STAGE_OPEN;
	leg_open(l, who, which);
}

/* A hop may have closed a connection that it kept for long enough. */
static void try_again(struct relay *r, struct leg *l)
{
	const struct introduction who = introduce(r);

	r->retried = true;
	leg_drop(l);
	open_leg(r, l, &who, LEG_NEW);
}

static void begin(struct relay *r, struct leg *l)
{
	const struct introduction who = introduce(r);

	if (leg_upstream(l) != NULL && !l->mailed && !leg_speaks_for(l, &who))
		leg_keep(l);
	if (leg_upstream(l) == NULL)
		open_leg(r, l, &who, LEG_ANY);
	else if (l->ready)
		offer(r, l);
}

void offer_ask(struct relay *r)
{
	struct leg *l = leg_for(r, r->gate->ask.route);
	struct reply reply;

	r->offering = l;
	r->stage = STAGE_OPEN;
	r->retried = false;
	if (r->broken) {
		relay_later(r, "4.4.2 The next hop broke off, send the message again later");
	} else if (l->hop->hop->kind == HOP_LMTP && relay_active(l)) {
		/* each recipient has an answer of its own there, and a message can have but one */
		reply = reply_make(
			452, "4.5.3 One recipient at a time, send it to the others again");
		relay_answer(r, &reply);
	} else {
		begin(r, l);
	}
}

/* --- from the hop --- */

void offer_ready(struct relay *r, struct leg *l)
{
	if (r->stage == STAGE_OPEN)
		offer(r, l);
}

void offer_reply(struct relay *r, struct leg *l)
{
	const struct reply *said = &leg_upstream(l)->reply;
	const struct reply reply = reply_honest(said);

	if (r->stage != STAGE_RCPT && said->code == 421 && l->used && !r->retried) {
		try_again(r, l);
		return;
	}
	l->mailed = leg_upstream(l)->mailed;
	if (r->stage == STAGE_MAIL && l->mailed) {
		offer(r, l);
		return;
	}
	if (l->mailed && reply_is(&reply, 2)) {
		l->accepted++;
		r->gate->seven_bit = r->gate->seven_bit || !leg_upstream(l)->offers.eight_bit;
	}
	relay_answer(r, &reply);
}

static void answer_refused(struct relay *r, const struct leg *l)
{
	const struct reply reply = reply_honest(l->reply);

	relay_answer(r, &reply);
}

/* 421: with the identity it was given the hop would judge us, who may send anything. */
static void answer_unfit(struct relay *r, const struct leg *l)
{
	const struct reply reply =
		reply_make(421, "4.3.5 The next hop is not set up for us, try again later");

	relay_report(r, l, l->why, false);
	relay_answer(r, &reply);
}

void offer_gone(struct relay *r, struct leg *l)
{
	if (l->used && !r->retried && !r->broken && r->stage != STAGE_RCPT) {
		try_again(r, l);
		return;
	}
	switch (l->end) {
	case LEG_REFUSED: answer_refused(r, l); break;
	case LEG_UNFIT: answer_unfit(r, l); break;
	case LEG_FAILED: relay_report(r, l, l->why, false); /* fall through */
	case LEG_HELD_BACK: relay_later(r, "4.4.1 The next hop is away, try again later"); break;
	}
}
