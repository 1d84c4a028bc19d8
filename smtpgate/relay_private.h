/* relay_private.h - between the files of the relay: relay.c, offer.c. */
#ifndef POPGATE_RELAY_PRIVATE_H
#define POPGATE_RELAY_PRIVATE_H

#include "smtpgate/relay.h"

#define LEGS 2

enum stage { /* of a recipient's offer */
	STAGE_NONE,
	STAGE_OPEN, /* the connection */
	STAGE_MAIL,
	STAGE_BOTH, /* MAIL and RCPT in one go */
	STAGE_RCPT,
};

struct relay {
	struct relay_site *site; /* borrowed */
	struct gate *gate; /* borrowed */
	struct relay_hooks hooks;
	struct leg legs[LEGS]; /* by enum route */
	bool pending; /* the engine waits for us */
	bool broken; /* a hop with accepted recipients is gone: nothing of this transaction counts */
	enum stage stage;
	struct leg *offering; /* whom the recipient is offered to */
	bool retried; /* over a new connection, because the old one was of no use any more */
	unsigned awaited; /* replies to DATA */
	struct reply first; /* the reply to the first of two dots */
};

static inline const struct gate_settings *relay_settings(const struct relay *r)
{
	return r->site->leg.settings;
}

/* It took a recipient in this transaction. */
static inline bool relay_active(const struct leg *l)
{
	return l->accepted > 0;
}

/* The engine's question is answered by this reply, or by 451 and text. */
void relay_answer(struct relay *r, const struct reply *reply);
void relay_later(struct relay *r, const char *text);

/* Tells the owner that a hop failed. */
void relay_report(struct relay *r, const struct leg *l, const char *what, bool doubled);

/* offer.c: the engine asks RECIPIENT. */
void offer_ask(struct relay *r);

/* offer.c: while it asks that, the leg that is offered to takes commands, has replied, is gone. */
void offer_ready(struct relay *r, struct leg *l);
void offer_reply(struct relay *r, struct leg *l);
void offer_gone(struct relay *r, struct leg *l);

/* Nothing was said behind its last reply, which would be taken for the answer to our next command. If it
 * was, the leg is gone when this returns, and all that follows from it is done. */
MUST_USE bool relay_in_step(struct leg *l);

#endif
