/* mail.c - MAIL and RCPT: what the client wants, what policy says, what the hop says. */
#include "smtpgate/gate_private.h"

static struct policy_facts facts_of(const struct gate *g)
{
	return (struct policy_facts){
		.role = g->facts->role,
		.client = g->mail->client,
		.rules = g->facts->rules,
		.split = g->facts->split,
		.no_deliver = g->facts->no_deliver,
		.no_relay = g->facts->no_relay,
	};
}

void gate_tell_refused(struct gate *g, const char *stage, const struct path *recipient, int code,
	const char *reason)
{
	const struct gate_refusal r = { stage, &g->mail->envelope.sender, recipient, code, reason };

	g->facts->hooks->refused(g->facts->owner, &r);
}

static enum step refuse(struct gate *g, const char *stage, const struct path *recipient,
	const struct decision *d, struct buf *out)
{
	gate_tell_refused(g, stage, recipient, d->code, d->reason);
	buf_printf(out, "%d %s %s\r\n", d->code, d->status,
		d->text != NULL ? d->text : g->facts->refusal_text);
	return STEP_AGAIN;
}

/* What stricter rules would have said of what was accepted. */
static void look_at_shadow(
	struct gate *g, const char *stage, const struct path *recipient, const struct decision *d)
{
	const struct gate_refusal r = { stage, &g->mail->envelope.sender, recipient, d->code,
		d->reason };

	if (d->verdict != VERDICT_ACCEPT)
		g->facts->hooks->shadowed(g->facts->owner, &r);
}

/* --- MAIL --- */

static enum step decide_mail(struct gate *g, struct buf *out)
{
	struct policy_facts facts = facts_of(g);
	struct decision d = policy_mail(&facts);

	if (d.verdict != VERDICT_ACCEPT)
		return refuse(g, "mail", NULL, &d, out);
	facts.rules = g->facts->shadow;
	d = policy_mail(&facts);
	look_at_shadow(g, "mail", NULL, &d);
	g->phase = GATE_MAIL;
	return gate_say(out, 250, "2.1.0 Sender ok");
}

/* RFC 6531 3.4: an address beyond ASCII needs the client to have said so, and a hop that takes it. */
static bool utf8_fits(const struct gate *g, const struct path *p)
{
	return !p->utf8 || (g->facts->utf8 && g->mail->envelope.utf8);
}

#define NO_UTF8 "5.6.7 An address beyond ASCII needs SMTPUTF8"

/* Told with the proof of this transaction, not of the one before. */
static enum step too_large(struct gate *g, struct buf *out)
{
	gate_tell_refused(g, "mail", NULL, gate_too_large.code, gate_too_large.reason);
	return gate_err(g, out, gate_too_large.code, gate_too_large.text);
}

enum step run_mail(struct engine *e, struct str args, struct buf *out)
{
	struct gate *g = gate_of(e);
	const char *text = "";
	struct str rest;
	int code;

	gate_clear(g);
	if (!str_starts_nocase(args, STR("FROM:")))
		return gate_err(g, out, 501, "5.5.4 MAIL FROM:<address> is wanted");
	if (!path_read(str_trim(str_from(args, 5)), true, &g->mail->envelope.sender, &rest))
		return gate_err(g, out, 501, "5.1.7 The sender's address cannot be read");
	if (g->mail->envelope.sender.utf8 && !g->facts->utf8)
		return gate_err(g, out, 553, NO_UTF8);
	code = gate_mail_parameters(g, rest, &text);
	if (code == 552)
		return gate_ask(g, GATE_ASKS_PROOF, too_large);
	if (code != 0)
		return gate_err(g, out, code, text);
	if (!utf8_fits(g, &g->mail->envelope.sender))
		return gate_err(g, out, 553, NO_UTF8);
	return gate_ask(g, GATE_ASKS_PROOF, decide_mail);
}

/* --- RCPT --- */

static enum step offered(struct gate *g, struct buf *out)
{
	if (reply_is(&g->mail->reply, 2))
		g->recipients++;
	else
		gate_tell_refused(
			g, "rcpt", &g->mail->recipient.path, g->mail->reply.code, "next-hop");
	reply_put(out, &g->mail->reply);
	return g->mail->reply.code == 421 ? STEP_CLOSE : STEP_AGAIN;
}

static enum step decide_rcpt(struct gate *g, struct buf *out)
{
	struct policy_facts facts = facts_of(g);
	const struct path *to = &g->mail->recipient.path;
	struct decision d;

	facts.local =
		to->domain_n == 0 || g->facts->hooks->is_local(g->facts->owner, path_domain(to));
	facts.routed = path_is_routed(to);
	facts.recipients = g->recipients;
	d = policy_rcpt(&facts);
	if (d.verdict != VERDICT_ACCEPT)
		return refuse(g, "rcpt", to, &d, out);
	g->ask.route = d.route;
	g->asked_hop = true;
	facts.rules = g->facts->shadow;
	d = policy_rcpt(&facts);
	look_at_shadow(g, "rcpt", to, &d);
	return gate_ask(g, GATE_ASKS_RECIPIENT, offered);
}

enum step run_rcpt(struct engine *e, struct str args, struct buf *out)
{
	struct gate *g = gate_of(e);
	struct path *to = &g->mail->recipient.path;
	const char *text = "";
	struct str rest;
	int code;

	memset(&g->mail->recipient, 0, sizeof(g->mail->recipient));
	if (!str_starts_nocase(args, STR("TO:")))
		return gate_err(g, out, 501, "5.5.4 RCPT TO:<address> is wanted");
	if (!path_read(str_trim(str_from(args, 3)), false, to, &rest))
		return gate_err(g, out, 501, "5.1.3 The recipient's address cannot be read");
	code = gate_rcpt_parameters(g, rest, &text);
	if (code != 0)
		return gate_err(g, out, code, text);
	if (!utf8_fits(g, to))
		return gate_err(g, out, 553, NO_UTF8);
	if (g->recipients >= g->facts->max_recipients) {
		gate_tell_refused(g, "rcpt", to, 452, "too-many-recipients");
		return gate_say(out, 452, "4.5.3 Too many recipients in one message");
	}
	return decide_rcpt(g, out);
}
