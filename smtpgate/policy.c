/* policy.c - the rules in the order in which they are asked. */
#include "smtpgate/policy.h"

static struct decision say(enum verdict verdict, const char *reason)
{
	return (struct decision){ .verdict = verdict, .reason = reason };
}

static bool proven(const struct policy_facts *f)
{
	return f->proof == PROOF_NETWORK || f->proof == PROOF_WINDOW;
}

const char *proof_name(enum proof p)
{
	static const char *const names[] = { "none", "network", "window", "unknown" };

	return names[p];
}

struct decision policy_mail(const struct policy_facts *f)
{
	if (proven(f))
		return say(VERDICT_ACCEPT, proof_name(f->proof));
	if (f->role == ROLE_MX)
		return say(VERDICT_ACCEPT, "mx");
	if (f->proof == PROOF_UNKNOWN)
		return say(VERDICT_LATER, "window-unknown");
	return say(VERDICT_REFUSE, "no-proof");
}

/* With two network hops a transaction goes whole to one of them: relay_to if there is a proof. */
static enum route route_of(const struct policy_facts *f)
{
	if (!f->local || (f->split && proven(f)))
		return ROUTE_RELAY;
	return ROUTE_DELIVER;
}

static struct decision accept(const struct policy_facts *f, const char *reason)
{
	struct decision d = say(VERDICT_ACCEPT, reason);

	d.route = route_of(f);
	if (d.route == ROUTE_RELAY ? f->no_relay : f->no_deliver)
		return say(VERDICT_REFUSE, "no-next-hop");
	return d;
}

struct decision policy_rcpt(const struct policy_facts *f)
{
	if (f->routed && !proven(f))
		return say(VERDICT_REFUSE, "routed-address");
	if (proven(f))
		return accept(f, proof_name(f->proof));
	if (f->local && f->role == ROLE_MX)
		return accept(f, "local");
	if (f->proof == PROOF_UNKNOWN)
		return say(VERDICT_LATER, "window-unknown");
	return say(VERDICT_REFUSE, "no-proof");
}
