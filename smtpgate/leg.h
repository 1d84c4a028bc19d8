/* leg.h - one connection to one next hop: its engine, its conn, and what of a transaction it carries.
 *
 *	leg_open: [name of the client] -> [addresses of the hop] -> dial, one address after the other
 *		-> LEG_READY -> (commands -> LEG_REPLY)* -> leg_rest -> LEG_READY ... -> leg_keep
 *
 * Whoever owns it hears of everything through one call. A leg outlives its connection until it is opened
 * again, and owns next to nothing while it has none. */
#ifndef POPGATE_LEG_H
#define POPGATE_LEG_H

#include "common/base/list.h"
#include "common/net/conn.h"
#include "common/net/names.h"
#include "smtpgate/hoplogin.h"
#include "smtpgate/hops.h"
#include "smtpgate/settings.h"
#include "smtpgate/upstream.h"

struct leg;

struct keep { /* connections without a leg, for the next client; keep.c */
	struct node wires;
	unsigned n;
};

void keep_init(struct keep *k);

/* Says good-bye on all of them: the worker drains. */
void keep_end(struct keep *k);

struct leg_site { /* of the worker; borrowed */
	struct loop *loop;
	const struct gate_settings *settings;
	const char *hostname;
	int deliver; /* where sessions are handed to the deliver role; -1 without one */
	struct names *names;
	struct tls_context *tls; /* towards next hops; NULL where next_hop_tls is off */
	const struct hop_login *login; /* NULL: none */
	struct keep *keep;
};

enum leg_news {
	LEG_READY, /* it takes commands */
	LEG_REPLY,
	LEG_EARLY, /* a reply during the body */
	LEG_FLOWED, /* there is room for more of the body */
	LEG_GONE, /* the connection is no more, or there was none: leg->end, leg->why */
};

enum leg_end {
	LEG_FAILED, /* no address of it was of use, or what there was broke off */
	LEG_HELD_BACK, /* it failed others just now and was not tried */
	LEG_REFUSED, /* it will not have this client: leg->reply */
	LEG_UNFIT, /* it will not hear who the client is */
};

typedef void leg_heard(void *owner, struct leg *leg, enum leg_news news);

struct leg {
	void *owner; /* borrowed */
	leg_heard *heard;
	const struct leg_site *site; /* borrowed */
	struct hop_state *hop; /* borrowed; shared by all legs to that hop */
	struct leg_wire *wire; /* the connection and its engine, or what comes before; NULL: none */
	bool ready; /* the hop takes commands */
	bool mailed; /* it took MAIL in this transaction */
	bool used; /* it had a transaction before this one, maybe of another client */
	unsigned accepted; /* recipients it took in this transaction */
	bool dotted; /* the end of the message was sent */
	enum leg_end end; /* of LEG_GONE */
	const char *why; /* of LEG_GONE, for the log */
	const struct reply *reply; /* of LEG_REFUSED, for the call alone */
};

void leg_init(struct leg *l, void *owner, leg_heard *heard, const struct leg_site *site,
	struct hop_state *hop);

/* Connects, in the name of client where the hop is to hear of one; NULL: for ourselves. Where there is a kept
 * connection that is taken, unless a new one is wanted. LEG_READY or LEG_GONE follows, perhaps at once. */
enum leg_open {
	LEG_ANY,
	LEG_NEW,
};
void leg_open(struct leg *l, const struct introduction *client, enum leg_open which);

/* Does the hop's connection, there now, speak for this client? */
bool leg_speaks_for(const struct leg *l, const struct introduction *client);

/* Hangs up without a word; LEG_GONE is not told. */
void leg_drop(struct leg *l);

/* QUIT if the hop waits for a command and nothing of a transaction is on it; else as leg_drop(). Its answer is not
 * waited for (RFC 5321 4.1.1.10 would like it; it says nothing, and costs five calls). */
void leg_quit(struct leg *l);

/* Its client is done with it: kept for another for a moment where that can be (keep.c), else leg_quit(). */
void leg_keep(struct leg *l);

/* The transaction on it is over, unfinished: RSET, and LEG_READY when the hop has agreed. If it cannot be
 * asked now, as leg_drop(). */
void leg_rest(struct leg *l);

/* The hop did what it must not: hangs up, and LEG_GONE is told before this returns. */
void leg_fault(struct leg *l, const char *why);

/* The engine, to give commands to (upstream.h); then leg_go(). NULL without a connection. */
struct upstream *leg_upstream(struct leg *l);
void leg_go(struct leg *l, int64_t patience_ms);

/* Gives it octets of the message; all of them are taken. While some of them wait the hop has patience_ms
 * to read on; with none waiting it is the client who is slow. */
void leg_body(struct leg *l, struct buf *octets, int64_t patience_ms);

/* It waits for a command, and has said nothing since its last answer. */
bool leg_is_idle(const struct leg *l);

/* Nothing was read behind its last reply. What may still stand in the kernel is not looked for: an answer too many
 * shifts all that follow, and DATA's is the only 354, so that a hop out of step is found out there at the latest,
 * before anything is promised. A look before each command was five calls a message. */
bool leg_in_step(const struct leg *l);

/* The hop has said something, or hung up, that was not heard yet, be it in the kernel still. */
bool leg_has_input(const struct leg *l);

/* Octets of the message not yet with the kernel. */
size_t leg_unsent(const struct leg *l);

#endif
