/* upstream.h - the SMTP and LMTP client that speaks to next hops, as an engine. It knows no socket and no
 * client of ours.
 *
 * One command is under way at a time; what the hop says out of turn is a fault of the hop. The owner gives
 * a command while upstream->state is UPSTREAM_READY or UPSTREAM_BODY, has the engine run (conn_poke()),
 * and hears of its reply by STEP_ASK with upstream->event set:
 *
 *	EVENT_CONNECTED -> greeting, EHLO, STARTTLS, EHLO, XCLIENT, EHLO, AUTH -> EVENT_READY
 *		-> (mail, rcpt ..., data -> body ... end -> EVENT_REPLY)*
 *
 * A hop is never trusted: replies are bounded, one at a time, and only to what was asked. */
#ifndef POPGATE_UPSTREAM_H
#define POPGATE_UPSTREAM_H

#include "common/line/engine.h"
#include "smtpgate/envelope.h"
#include "smtpgate/introduce.h"
#include "smtpgate/offers.h"

#define UPSTREAM_IN_MAX REPLY_OCTETS_MAX
#define UPSTREAM_OUT_MAX (256 * 1024) /* octets of a message on their way to the hop at most */
#define UPSTREAM_HIGH (64 * 1024) /* above this the client is not read from */

struct upstream_manners { /* how a hop is spoken to; texts are borrowed while the engine lives */
	const char *hostname; /* what we call ourselves */
	bool lmtp;
	enum {
		UPSTREAM_CLEAR, /* STARTTLS is not asked for */
		UPSTREAM_TRY_TLS, /* where it is offered */
		UPSTREAM_ONLY_TLS, /* or not at all */
	} tls;
	bool xclient; /* introduce the client by XCLIENT where it is offered ... */
	bool only_xclient; /* ... or not speak to the hop at all, because it would judge us */
	bool proxy; /* introduce it by a PROXY header */
	const char *user, *password; /* for AUTH; NULL: none */
	bool auth_in_clear; /* nobody listens in between */
};

enum upstream_state {
	UPSTREAM_GREETING,
	UPSTREAM_HELLO,
	UPSTREAM_STARTTLS,
	UPSTREAM_HANDSHAKE,
	UPSTREAM_XCLIENT,
	UPSTREAM_AUTH,
	UPSTREAM_READY, /* a command may be given */
	UPSTREAM_ASKED, /* one is under way */
	UPSTREAM_BODY, /* 354 was said: octets of the message may be given */
	UPSTREAM_DOT, /* its end was sent: the one reply that counts is awaited */
	UPSTREAM_DONE, /* the hop is of no use any more */
};

enum upstream_event {
	EVENT_NONE,
	EVENT_CONNECTED, /* the greeting is awaited from now on */
	EVENT_READY, /* the hop greeted us and takes commands: upstream->offers */
	EVENT_REPLY, /* to the last command: upstream->reply */
	EVENT_EARLY, /* a reply while the message went out: it will not be taken */
	EVENT_REFUSED, /* it heard who the client is and does not want it: upstream->reply; hang up */
	EVENT_UNFIT, /* it takes no XCLIENT; hang up */
	EVENT_BROKEN, /* it said something it must not: upstream->why; hang up */
};

struct upstream {
	struct engine engine; /* the first member */
	enum upstream_state state;
	enum upstream_event event; /* set with STEP_ASK; the owner reads it and resumes */
	struct reply reply;
	struct offers offers; /* of its last EHLO */
	const char *why; /* of EVENT_BROKEN, in a few words for the log; static */
	bool unheard; /* it has said something that was not answered to anything yet */
	bool tls; /* spoken under TLS */
	bool mailed; /* it took the last MAIL */
	bool spare; /* set by the owner: it has no client, and may end at any time */
	bool told; /* XCLIENT was said: what goes wrong from then on may be due to that client */

	/* private */
	struct upstream_manners manners;
	struct introduction client;
	struct buf out; /* what run() is to say next */
	bool connected, introduced;
	bool helo; /* it did not know EHLO */
	bool broken; /* the last event was told: there is nothing more to be heard */
	bool given; /* a command was given since the last run */
	bool clear; /* STARTTLS was refused, and need not be */
	unsigned left, said; /* of XCLIENT's attributes: still to be said, said */
	enum {
		ASKED_MAIL,
		ASKED_RCPT,
		ASKED_DATA,
		ASKED_RSET,
	} asked; /* the command under way */
	bool piped; /* RCPT was said behind MAIL */
	bool mid_line; /* the body's last octet did not end a line */
	unsigned taken, answers; /* LMTP: recipients taken, replies to the dot still awaited */
};

/* client: whom we speak for; NULL: only for ourselves. */
void upstream_init(struct upstream *u, const struct upstream_manners *manners,
	const struct introduction *client);
void upstream_free(struct upstream *u);

/* In UPSTREAM_READY, for whom XCLIENT is spoken: may the hop be told of another client? It has to want to know what it
 * was told of the last. Then the greeting and EHLO follow, and EVENT_READY; false: it wanted nothing, and is ready. */
bool upstream_may_introduce(const struct upstream *u);
MUST_USE bool upstream_introduce(struct upstream *u, const struct introduction *client);

/* In UPSTREAM_READY. Parameters that the hop does not offer are left out. Where it offers PIPELINING, RCPT may be
 * given right behind MAIL: then there is one EVENT_REPLY for both, MAIL's if that was refused, else RCPT's. */
void upstream_mail(struct upstream *u, const struct envelope *e);
void upstream_rcpt(struct upstream *u, const struct recipient *r);
void upstream_data(struct upstream *u);

/* In UPSTREAM_READY: the transaction is over unfinished. */
void upstream_reset(struct upstream *u);

/* In UPSTREAM_BODY. Takes all of octets (as they stand on the wire, dots doubled). */
void upstream_body(struct upstream *u, struct buf *octets);

/* In UPSTREAM_BODY: the message is whole. */
void upstream_end(struct upstream *u);

#endif
