/* gate.h - the SMTP server that clients speak to, as an engine (RFC 5321, 1870, 6152, 2034, 2920). It
 * knows no socket and no next hop: relay.c answers its questions, and tests do.
 *
 * On STEP_ASK gate->ask.kind says what is wanted; the owner calls the function named there and then has
 * the engine run again. What of a message may go on stands in gate->body, with its doubled dots and
 * without the line that ends it. */
#ifndef POPGATE_GATE_H
#define POPGATE_GATE_H

#include "common/line/engine.h"
#include "smtpgate/body.h"
#include "smtpgate/envelope.h"
#include "smtpgate/policy.h"
#include "smtpgate/reply.h"

#define GATE_LINE_MAX \
	2048 /* octets of a command: 512 and what extensions add (RFC 5321 4.5.3.1.4) */
#define GATE_IN_MAX (64 * 1024) /* what a connection has to hold for it */
#define GATE_OUT_MAX (32 * 1024)
#define GATE_BODY_MAX (64 * 1024) /* octets in gate->body at most */

enum gate_phase {
	GATE_START = 1, /* before HELO or EHLO */
	GATE_READY = 2,
	GATE_MAIL = 4, /* a sender was accepted */
};

enum gate_asks {
	GATE_ASKS_NOTHING,
	GATE_ASKS_PROOF, /* at MAIL, for gate->envelope.sender: gate_proof() */
	GATE_ASKS_RECIPIENT, /* offer ask.recipient to the hop of ask.route: gate_reply() with its answer */
	GATE_ASKS_DATA, /* send DATA to all hops that took a recipient: gate_reply(); 354 goes on */
	GATE_ASKS_ROOM, /* take from gate->body: gate_room(), or gate_fail() */
	GATE_ASKS_END, /* take the rest of gate->body, it is whole: gate_reply() with the final answer */
	GATE_ASKS_ABORT, /* the message is not to be completed: drop the hops without a dot; gate_room() */
	GATE_ASKS_RESET, /* the transaction is over unfinished: let the hops go; gate_room() */
};

struct gate_refusal { /* for the log */
	const char *stage; /* "mail", "rcpt", "data" */
	const struct path *sender, *recipient; /* recipient may be NULL */
	int code;
	const char *reason;
};

struct gate_facts { /* fixed for a connection; texts are borrowed */
	enum gate_role role;
	const char *hostname;
	const char *refusal_text;
	uint64_t max_message_size; /* octets */
	unsigned max_recipients;
	bool split, no_deliver, no_relay; /* of struct policy_facts */
	bool eight_bit; /* the hops take 8BITMIME */
	bool (*is_local)(void *owner, struct str domain);
	/* A MAIL or RCPT was refused by us, or a message given up. */
	void (*refused)(void *owner, const struct gate_refusal *r);
	/* Adds the Received: line. */
	void (*received)(void *owner, struct buf *out);
	void *owner;
};

struct gate {
	struct engine engine; /* the first member */
	const struct gate_facts *facts; /* borrowed */
	struct {
		enum gate_asks kind;
		struct recipient recipient;
		enum route route;
	} ask;
	enum gate_phase phase;
	bool esmtp; /* EHLO, not HELO */
	size_t helo_n;
	char helo[256]; /* as the client said it, cut to fit */
	struct envelope envelope;
	unsigned recipients; /* accepted by a hop */
	uint64_t octets; /* of this message, passed on */
	struct buf body;
	unsigned errors;

	/* private */
	enum step (*then)(struct gate *g, struct buf *out);
	enum proof proof;
	struct reply reply; /* an answer on its way */
	struct body scan;
	bool greeted, skipping, in_body, eating, asked_hop;
};

void gate_init(struct gate *g, const struct gate_facts *facts);
void gate_free(struct gate *g);

/* The answers. Each only to its question; then the engine is to be run again. */
void gate_proof(struct gate *g, enum proof proof);
void gate_reply(struct gate *g, const struct reply *r);
void gate_room(struct gate *g);

/* While a message comes in: the hop will not have it. The client's rest is read and answered with r. */
void gate_fail(struct gate *g, const struct reply *r);

/* A message is coming in. */
bool gate_in_body(const struct gate *g);

#endif
