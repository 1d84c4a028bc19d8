/* mail.c - MAIL and RCPT: what the client wants, what policy says, what the hop says. */
#include "smtpgate/gate_private.h"

static struct policy_facts facts_of(const struct gate *g)
{
	return (struct policy_facts){
		.role = g->facts->role,
		.proof = g->proof,
		.split = g->facts->split,
		.no_deliver = g->facts->no_deliver,
		.no_relay = g->facts->no_relay,
	};
}

static void tell_refused(struct gate *g, const char *stage, const struct path *recipient, int code,
	const char *reason)
{
	const struct gate_refusal r = { stage, &g->envelope.sender, recipient, code, reason };

	g->facts->refused(g->facts->owner, &r);
}

/* --- MAIL --- */

static enum step decide_mail(struct gate *g, struct buf *out)
{
	const struct policy_facts facts = facts_of(g);
	const struct decision d = policy_mail(&facts);

	if (d.verdict == VERDICT_ACCEPT) {
		g->phase = GATE_MAIL;
		return gate_say(out, 250, "2.1.0 Sender ok");
	}
	tell_refused(g, "mail", NULL, d.verdict == VERDICT_LATER ? 451 : 530, d.reason);
	if (d.verdict == VERDICT_LATER)
		return gate_say(
			out, 451, "4.3.0 Cannot tell now whether you may send, try again later");
	buf_printf(out, "530 5.7.0 %s\r\n", g->facts->refusal_text);
	return STEP_AGAIN;
}

/* 0 if the parameter is taken; else the code of the refusal, with its text. */
static int take_mail_parameter(struct gate *g, struct str key, struct str value, const char **text)
{
	if (str_eq_nocase(key, STR("SIZE"))) {
		*text = "5.5.4 SIZE takes a number";
		if (!str_to_u64(value, INT64_MAX, &g->envelope.size))
			return 501;
		*text = "5.3.4 The message is too large";
		return g->envelope.size > g->facts->max_message_size ? 552 : 0;
	}
	if (str_eq_nocase(key, STR("BODY")) && g->facts->eight_bit) {
		g->envelope.eight_bit = str_eq_nocase(value, STR("8BITMIME"));
		*text = "5.5.4 BODY takes 7BIT or 8BITMIME";
		return g->envelope.eight_bit || str_eq_nocase(value, STR("7BIT")) ? 0 : 501;
	}
	*text = "5.5.4 Unknown parameter";
	return 555;
}

enum step run_mail(struct engine *e, struct str args, struct buf *out)
{
	struct gate *g = gate_of(e);
	struct str rest, key, value;
	const char *text = "";
	int code;

	gate_clear(g);
	if (!str_starts_nocase(args, STR("FROM:")))
		return gate_err(g, out, 501, "5.5.4 MAIL FROM:<address> is wanted");
	if (!path_read(str_trim(str_from(args, 5)), true, &g->envelope.sender, &rest))
		return gate_err(g, out, 501, "5.1.7 The sender's address cannot be read");
	do {
		if (!path_parameter(&rest, &key, &value))
			return gate_err(g, out, 501, "5.5.4 A parameter cannot be read");
		code = key.n > 0 ? take_mail_parameter(g, key, value, &text) : 0;
		if (code == 552)
			tell_refused(g, "mail", NULL, code, "too-large");
		if (code != 0)
			return gate_err(g, out, code, text);
	} while (key.n > 0);
	return gate_ask(g, GATE_ASKS_PROOF, decide_mail);
}

/* --- RCPT --- */

static enum step offered(struct gate *g, struct buf *out)
{
	if (reply_is(&g->reply, 2))
		g->recipients++;
	else
		tell_refused(g, "rcpt", &g->ask.recipient.path, g->reply.code, "next-hop");
	reply_put(out, &g->reply);
	return STEP_AGAIN;
}

static enum step decide_rcpt(struct gate *g, struct buf *out)
{
	struct policy_facts facts = facts_of(g);
	const struct path *to = &g->ask.recipient.path;
	struct decision d;

	facts.local = to->domain_n == 0 || g->facts->is_local(g->facts->owner, path_domain(to));
	facts.routed = path_is_routed(to);
	d = policy_rcpt(&facts);
	if (d.verdict == VERDICT_ACCEPT) {
		g->ask.route = d.route;
		g->asked_hop = true;
		return gate_ask(g, GATE_ASKS_RECIPIENT, offered);
	}
	tell_refused(g, "rcpt", to, d.verdict == VERDICT_LATER ? 451 : 550, d.reason);
	if (d.verdict == VERDICT_LATER)
		return gate_say(
			out, 451, "4.3.0 Cannot tell now whether you may relay, try again later");
	buf_printf(out, "550 5.7.1 %s\r\n", g->facts->refusal_text);
	return STEP_AGAIN;
}

enum step run_rcpt(struct engine *e, struct str args, struct buf *out)
{
	struct gate *g = gate_of(e);
	struct str rest, key, value;

	if (!str_starts_nocase(args, STR("TO:")))
		return gate_err(g, out, 501, "5.5.4 RCPT TO:<address> is wanted");
	if (!path_read(str_trim(str_from(args, 3)), false, &g->ask.recipient.path, &rest))
		return gate_err(g, out, 501, "5.1.3 The recipient's address cannot be read");
	if (!path_parameter(&rest, &key, &value))
		return gate_err(g, out, 501, "5.5.4 A parameter cannot be read");
	if (key.n > 0)
		return gate_err(g, out, 555, "5.5.4 Unknown parameter");
	if (g->recipients >= g->facts->max_recipients) {
		tell_refused(g, "rcpt", &g->ask.recipient.path, 452, "too-many-recipients");
		return gate_say(out, 452, "4.5.3 Too many recipients in one message");
	}
	return decide_rcpt(g, out);
}
