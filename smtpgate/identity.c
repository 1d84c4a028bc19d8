/* identity.c - see identity.h. */
#include "smtpgate/identity.h"

/* MAIL FROM as the accounts write it; n == 0: nobody's. */
static struct subscriber address_of(const struct identity_facts *f)
{
	struct subscriber address = { 0 };

	if (f->sender->null ||
		!subscriber_fold(str_of(f->sender->text), (struct str){ "", 0 }, &address))
		address.n = 0;
	return address;
}

/* Whose address it is: the one who has it in addresses=, else who is called so. */
static struct subscriber owner_of(const struct identity_facts *f, const struct subscriber *address)
{
	struct subscriber owner = { 0 };

	return address->n > 0 && f->owns(f->accounts, address, &owner) ? owner : *address;
}

/* The holder whose address MAIL FROM is, its owner before others who may use it. Of many, h has only those who
 * logged in last; of the rest the owner is asked for. */
static bool find_sender(struct holder *out, const struct holders *h, const struct identity_facts *f)
{
	const struct subscriber address = address_of(f), owner = owner_of(f, &address);

	for (size_t i = 0; i < h->n; i++) {
		if (!subscriber_eq(&h->at[i].who, &owner))
			continue;
		*out = h->at[i];
		return true;
	}
	if (h->all > h->n && view_holds(f->view, f->client, &owner, f->now_ms, out))
		return true;
	for (size_t i = 0; address.n > 0 && i < h->n; i++) {
		if (!f->lists(f->accounts, &h->at[i].who, &address))
			continue;
		*out = h->at[i];
		return true;
	}
	return false;
}

/* Of several holders the one whose address MAIL FROM is, else the only one, else the latest. */
static void choose(
	struct identity_found *out, const struct holders *h, const struct identity_facts *f)
{
	struct holder chosen = h->at[0];

	out->sender_named = find_sender(&chosen, h, f);
	out->sender_fits = out->sender_named || f->sender->null;
	out->by = out->sender_named ? "sender" : h->all == 1 ? "only" : "latest";
	out->who = chosen.who;
	out->until_ms = chosen.until_ms;
	out->holders = h->all;
}

static void look_at_window(struct identity_found *out, const struct identity_facts *f)
{
	struct holders holders;

	switch (view_check(f->view, f->client, f->now_ms, &holders)) {
	case HELD:
		out->proof = PROOF_WINDOW;
		choose(out, &holders, f);
		out->brownout = brownouts_find(&f->settings->brownouts, &out->who,
			f->groups(f->accounts, &out->who), f->now_ms);
		break;
	case NOT_HELD: break;
	case UNKNOWN: out->proof = PROOF_UNKNOWN; break;
	}
}

static void authenticated(struct identity_found *out, const struct identity_facts *f)
{
	const struct subscriber address = address_of(f), owner = owner_of(f, &address);

	out->proof = PROOF_AUTH;
	out->who = *f->authenticated;
	out->by = "auth";
	out->sender_fits = f->sender->null || subscriber_eq(&owner, f->authenticated) ||
		f->lists(f->accounts, f->authenticated, &address);
}

/* What is not known is not held against anybody. */
static void look_at_credit(struct identity_found *out, const struct identity_facts *f)
{
	struct credit credit;

	if (out->proof == PROOF_WINDOW && policy_limits(&f->settings->rules.per_window) &&
		view_credit(f->view, f->client, &out->who, &credit))
		out->by_window = (struct policy_volume){ credit.messages, credit.recipients };
}

static void look_at_volume(struct identity_found *out, const struct identity_facts *f)
{
	const struct policy_rules *rules = &f->settings->rules;
	struct rates rates;

	if (!policy_limits(&rules->per_who) && !policy_limits(&rules->per_key))
		return;
	if (!view_rate(f->view, f->client, &out->who, f->now_ms, &rates))
		return;
	out->by_who = (struct policy_volume){ rates.who.messages, rates.who.recipients };
	out->by_key = (struct policy_volume){ rates.key.messages, rates.key.recipients };
}

static void find(struct identity_found *out, const struct identity_facts *f)
{
	const struct known_network *known;

	if (f->authenticated != NULL) {
		authenticated(out, f);
		return;
	}
	if (f->nowhere)
		return;
	known = networks_proof(&f->settings->networks, f->client, f->now_ms, &out->network_ended);
	if (known == NULL && !places_is_network(f->places, f->client)) {
		if (!f->never)
			look_at_window(out, f);
		return;
	}
	out->proof = PROOF_NETWORK;
	if (known != NULL)
		out->note = known->note;
}

void identity_look(struct identity_found *out, const struct identity_facts *f)
{
	*out = (struct identity_found){ .proof = PROOF_NONE, .by = "", .note = "" };
	find(out, f);
	if (out->who.n == 0)
		return;
	look_at_volume(out, f);
	look_at_credit(out, f);
}

static enum policy_brownout brownout_of(const struct brownout_found *b)
{
	switch (b->state) {
	case BROWNOUT_NOW: return POLICY_BROWNOUT_NOW;
	case BROWNOUT_ENDED: return POLICY_BROWNOUT_ENDED;
	case BROWNOUT_NONE: break;
	}
	return POLICY_BROWNOUT_NONE;
}

struct policy_client identity_client(const struct identity_found *i)
{
	return (struct policy_client){
		.proof = i->proof,
		.sender_fits = i->sender_fits,
		.sender_named = i->sender_named,
		.holders = (unsigned)i->holders,
		.by_who = i->by_who,
		.by_key = i->by_key,
		.by_window = i->by_window,
		.brownout = brownout_of(&i->brownout),
		.brownout_defers = i->brownout.of != NULL && i->brownout.of->defer,
		.brownout_text = i->brownout.of != NULL ? i->brownout.of->text : NULL,
	};
}
