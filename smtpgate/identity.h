/* identity.h - why a client may relay, and as whom: the facts of one MAIL, looked up. */
#ifndef POPGATE_IDENTITY_H
#define POPGATE_IDENTITY_H

#include "common/window/view.h"
#include "smtpgate/path.h"
#include "smtpgate/places.h"
#include "smtpgate/settings.h"

struct identity_facts {
	const struct gate_settings *settings;
	const struct places *places;
	struct view *view; /* NULL: the window is unknown */
	/* Whose address is it, by the accounts? False: nobody's. */
	bool (*owns)(void *accounts, const struct subscriber *address, struct subscriber *owner);
	/* Do the accounts list it for who, too? */
	bool (*lists)(
		void *accounts, const struct subscriber *who, const struct subscriber *address);
	/* The groups of a subscriber, "a,b"; borrowed for the call. */
	struct str (*groups)(void *accounts, const struct subscriber *who);
	void *accounts;
	struct addr client;
	bool nowhere; /* client is not the client's address: it proves nothing */
	bool never; /* client is never granted; its key may be, by a neighbour's login */
	const struct subscriber *authenticated; /* NULL: nobody */
	const struct path *sender;
	int64_t now_ms;
};

struct identity_found {
	enum proof proof;
	struct subscriber who; /* AUTH; WINDOW: the holder that we name */
	const char *by; /* how he was chosen: "auth", "sender", "only", "latest" */
	size_t holders; /* WINDOW: how many hold the address */
	int64_t until_ms; /* WINDOW: of who's entry */
	bool sender_fits, sender_named; /* of struct policy_client */
	struct policy_volume by_who,
		by_key; /* AUTH, WINDOW: if there are limits and the view is there */
	struct policy_volume by_window; /* WINDOW: likewise */
	struct brownout_found brownout; /* WINDOW: of who */
	const char *note; /* NETWORK: what the operator noted, or "" */
	bool network_ended; /* a network that would be a proof has come to its end */
};

/* Proofs in their order: AUTH, static networks, the window. */
void identity_look(struct identity_found *out, const struct identity_facts *f);

/* The same as the pure function of who may send what wants it. */
struct policy_client identity_client(const struct identity_found *i);

#endif
