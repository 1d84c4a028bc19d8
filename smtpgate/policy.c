/* policy.c - the rules in the order in which they are asked. */
#include "smtpgate/policy.h"

#include <stddef.h>

const char *proof_name(enum proof p)
{
	static const char *const names[] = { "none", "network", "window", "unknown", "auth" };

	return names[p];
}

static struct decision yes(const char *reason)
{
	return (struct decision){ .verdict = VERDICT_ACCEPT, .reason = reason };
}

static struct decision no(const char *reason, const char *text)
{
	return (struct decision){ VERDICT_REFUSE, ROUTE_DELIVER, reason, 550, "5.7.1", text };
}

static struct decision later(void)
{
	return (struct decision){ VERDICT_LATER, ROUTE_DELIVER, "window-unknown", 451, "4.3.0",
		"Cannot tell now whether you may send, try again later" };
}

static bool over(unsigned n, unsigned limit)
{
	return limit > 0 && n > limit;
}

/* Limits are for those who may send because of who they are; a network's limits are its owner's. */
static bool is_limited(const struct policy_facts *f)
{
	return f->client.proof == PROOF_AUTH || f->client.proof == PROOF_WINDOW;
}

static struct decision message_limit(const struct policy_facts *f, struct decision d)
{
	const struct policy_client *c = &f->client;
	const struct policy_rules *r = &f->rules;

	if (!is_limited(f))
		return d;
	if (over(c->by_who.messages + 1, r->per_who.messages) ||
		over(c->by_key.messages + 1, r->per_key.messages))
		return (struct decision){ VERDICT_LATER, ROUTE_DELIVER, "messages-limit", 450,
			"4.7.1", "You have sent enough messages for this hour, try again later" };
	return d;
}

static struct decision recipient_limit(const struct policy_facts *f, struct decision d)
{
	const struct policy_client *c = &f->client;
	const struct policy_rules *r = &f->rules;
	unsigned n = f->recipients + 1;

	if (!is_limited(f) || d.verdict != VERDICT_ACCEPT)
		return d;
	if (over(c->by_who.recipients + n, r->per_who.recipients) ||
		over(c->by_key.recipients + n, r->per_key.recipients))
		return (struct decision){ VERDICT_LATER, ROUTE_DELIVER, "recipients-limit", 452,
			"4.7.1",
			"You have written to enough recipients for this hour, try again later" };
	return d;
}

static struct decision bound(const struct policy_facts *f)
{
	if (f->rules.bind_sender && !f->client.sender_fits)
		return no("sender-binding", "That sender is not an address of yours");
	return yes(proof_name(f->client.proof));
}

static struct decision by_brownout(const struct policy_client *c)
{
	const char *reason = c->brownout == POLICY_BROWNOUT_ENDED ? "brownout-ended" : "brownout";

	if (!c->brownout_defers)
		return no(reason, c->brownout_text);
	return (struct decision){ VERDICT_LATER, ROUTE_DELIVER, reason, 451, "4.7.1",
		c->brownout_text };
}

#define CREDIT_SPENT "You have sent what one login allows: check your mail again, or use SMTP AUTH"

/* The window is no proof for more than its credit, which the subscriber has back with a login. */
static struct decision spent(int code)
{
	return (struct decision){ VERDICT_LATER, ROUTE_DELIVER, "window-credit", code, "4.7.1",
		CREDIT_SPENT };
}

static struct decision by_credit(const struct policy_facts *f, struct decision d)
{
	const struct policy_volume *sent = &f->client.by_window, *may = &f->rules.per_window;

	if (d.verdict != VERDICT_ACCEPT)
		return d;
	if (over(sent->messages + 1, may->messages))
		return spent(450);
	return over(sent->recipients + f->recipients + 1, may->recipients) ? spent(452) : d;
}

static struct decision by_window(const struct policy_facts *f)
{
	if (f->rules.no_window)
		return no("window-off", NULL);
	if (over(f->client.holders, f->rules.frozen_after))
		return no("frozen-address", "Too many share your address: use SMTP AUTH");
	if (over(f->client.holders, f->rules.shared_after) && !f->client.sender_named)
		return no("shared-address",
			"Several share your address: send as who has logged in, or use SMTP AUTH");
	if (f->client.brownout != POLICY_BROWNOUT_NONE)
		return by_brownout(&f->client);
	return by_credit(f, bound(f));
}

/* May the client send to whomever it likes? */
static struct decision standing(const struct policy_facts *f)
{
	switch (f->client.proof) {
	case PROOF_AUTH: return bound(f);
	case PROOF_NETWORK: return yes(proof_name(PROOF_NETWORK));
	case PROOF_WINDOW: return by_window(f);
	case PROOF_UNKNOWN: return f->rules.no_window ? no("window-off", NULL) : later();
	case PROOF_NONE: break;
	}
	return no("no-proof", NULL);
}

struct decision policy_mail(const struct policy_facts *f)
{
	struct decision d = standing(f);

	if (d.verdict == VERDICT_ACCEPT)
		return message_limit(f, d);
	if (f->role == ROLE_MX)
		return yes("mx");
	if (d.text == NULL) { /* it lacks a proof: RFC 4954 6 */
		d.code = 530;
		d.status = "5.7.0";
	}
	return d;
}

/* With two network hops a transaction goes whole to one of them: relay_to if there is a proof. */
static struct decision accept(const struct policy_facts *f, struct decision d, bool proven)
{
	d.route = !f->local || (f->split && proven) ? ROUTE_RELAY : ROUTE_DELIVER;
	if (d.route == ROUTE_RELAY ? f->no_relay : f->no_deliver)
		return no("no-next-hop", NULL);
	return d;
}

struct decision policy_rcpt(const struct policy_facts *f)
{
	const struct decision d = standing(f);

	if (d.verdict == VERDICT_ACCEPT)
		return recipient_limit(f, accept(f, d, true));
	if (f->role == ROLE_MX && f->local && !f->routed)
		return accept(f, yes("local"), false);
	if (f->local && f->routed && d.verdict == VERDICT_REFUSE)
		return no("routed-address", NULL);
	return d;
}
