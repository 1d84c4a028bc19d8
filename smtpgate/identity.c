/* identity.c - see identity.h. */
#include "smtpgate/identity.h"

/* Of several holders the one whose address MAIL FROM is, else the only one, else the latest. */
static void choose(struct identity_found *out, const struct holders *h, const struct path *sender)
{
	const struct holder *chosen = &h->at[0];

	out->by = h->all == 1 ? "only" : "latest";
	for (size_t i = 0; i < h->n; i++) {
		if (!str_eq_nocase(subscriber_str(&h->at[i].who), str_of(sender->text)))
			continue;
		chosen = &h->at[i];
		out->by = "sender";
		break;
	}
	out->who = chosen->who;
	out->until_ms = chosen->until_ms;
	out->holders = h->all;
}

void identity_look(struct identity_found *out, const struct gate_settings *s, struct view *view,
	struct addr client, const struct path *sender, int64_t now_ms)
{
	struct holders holders;

	*out = (struct identity_found){ .proof = PROOF_NONE };
	if (gate_is_network(s, client)) {
		out->proof = PROOF_NETWORK;
		return;
	}
	switch (view_check(view, client, now_ms, &holders)) {
	case HELD:
		out->proof = PROOF_WINDOW;
		choose(out, &holders, sender);
		break;
	case NOT_HELD: break;
	case UNKNOWN: out->proof = PROOF_UNKNOWN; break;
	}
}
