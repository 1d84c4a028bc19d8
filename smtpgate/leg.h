/* leg.h - one connection to one next hop: its engine, its conn, and what of a transaction it carries.
 *
 * Owned by a relay, which hears of everything through one call. A leg outlives its conn only until it is
 * opened again. */
#ifndef POPGATE_LEG_H
#define POPGATE_LEG_H

#include "common/net/conn.h"
#include "smtpgate/relay.h"
#include "smtpgate/upstream.h"

struct leg;

enum leg_news {
	LEG_READY,
	LEG_REPLY,
	LEG_EARLY, /* a reply during the body */
	LEG_FLOWED, /* there is room for more of the body */
	LEG_GONE, /* the connection is no more; leg->why says why */
};

typedef void leg_heard(struct relay *r, struct leg *leg, enum leg_news news);

struct leg {
	struct relay *relay; /* borrowed */
	leg_heard *heard;
	const struct relay_site *site; /* borrowed */
	const struct hop *hop; /* borrowed; NULL: this leg has no hop */
	struct leg_wire *wire; /* the connection and its engine; NULL: none */
	bool ready; /* the hop takes commands */
	bool mailed; /* it took MAIL in this transaction */
	unsigned accepted; /* recipients it took in this transaction */
	bool dotted; /* the end of the message was sent */
	const char *why; /* of LEG_GONE */
};

void leg_init(struct leg *l, struct relay *r, leg_heard *heard, const struct relay_site *site,
	const struct hop *hop);

/* Connects. LEG_READY or LEG_GONE follows, later. */
MUST_USE enum err leg_open(struct leg *l);

/* Hangs up without a word; LEG_GONE is not told. */
void leg_drop(struct leg *l);

/* QUIT if the hop waits for a command and nothing of a transaction is on it; else as leg_drop(). */
void leg_quit(struct leg *l);

/* The engine, to give commands to (upstream.h); then leg_go(). NULL without a connection. */
struct upstream *leg_upstream(struct leg *l);
void leg_go(struct leg *l, int64_t patience_ms);

/* Gives it octets of the message; all of them are taken. While some of them wait the hop has patience_ms
 * to read on; with none waiting it is the client who is slow. */
void leg_body(struct leg *l, struct buf *octets, int64_t patience_ms);

/* The hop has said something, or hung up, that was not heard yet. */
bool leg_has_input(const struct leg *l);

/* Octets of the message not yet with the kernel. */
size_t leg_unsent(const struct leg *l);

#endif
