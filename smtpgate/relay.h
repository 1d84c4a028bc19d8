/* relay.h - couples one client with its next hops: who waits for whom, who closes, what each end hears.
 *
 * A session has up to two legs: one to a network hop, one to the deliver role. A leg is opened for the
 * first recipient that goes there, kept for the next transaction (and then the next client) while it is clean, and
 * dropped without a dot when the client goes or the message is given up. 250 is said only when every leg of the
 * transaction said so; with both legs the deliver role's dot is held back until the network hop has
 * taken the message. What is uncertain is 451. */
#ifndef POPGATE_RELAY_H
#define POPGATE_RELAY_H

#include "smtpgate/gate.h"
#include "smtpgate/leg.h"

struct relay;

struct relay_site { /* of the worker, shared by all its relays */
	struct leg_site leg;
	struct keep keep;
	struct hop_state deliver, relay; /* what is known of the two hops */
};

void relay_site_init(struct relay_site *s, const struct leg_site *leg);

/* What all hops that there are can do. */
struct offers relay_offers(const struct relay_site *s);

struct relay_end { /* how a message ended, for the log */
	const char *hop; /* "smtp:..." as configured; of both the network one */
	struct reply reply;
	bool doubled; /* it may have been taken although we said it was not */
};

struct relay_hooks {
	/* A question of the engine is answered: conn_resume() it. */
	void (*answered)(void *owner);
	/* A next hop failed: what happened, in a word or two. */
	void (*failed)(void *owner, const char *hop, const char *what, bool doubled);
	/* Who the client is: client, gate and login of *out. */
	void (*introduce)(void *owner, struct introduction *out);
	/* The final answer to a message that was whole. */
	void (*ended)(void *owner, const struct relay_end *end);
	void *owner;
};

MUST_USE enum err relay_open(struct relay **out, struct relay_site *site, struct gate *gate,
	const struct relay_hooks *hooks);

/* Drops both legs. Takes NULL. */
void relay_close(struct relay **r);

/* The engine asks one of RECIPIENT, DATA, ROOM, END, ABORT, RESET: answers it, now or later. */
void relay_ask(struct relay *r);

#endif
