/* gate.h - the SMTP server that clients speak to, as an engine (RFC 5321, 1870, 2034, 2920, 3030, 3207,
 * 3461, 4954, 6152, 6531, 9422). It knows no socket, no account and no next hop: serve.c and relay.c
 * answer its questions, and tests do.
 *
 * On STEP_ASK gate->ask.kind says what is wanted; the owner calls the function named there and then has
 * the engine run again. What of a message may go on stands in gate->body, with its doubled dots and
 * without the line that ends it, whether it came by DATA or by BDAT. */
#ifndef POPGATE_GATE_H
#define POPGATE_GATE_H

#include "common/line/engine.h"
#include "smtpgate/body.h"
#include "smtpgate/envelope.h"
#include "smtpgate/policy.h"
#include "smtpgate/received.h"
#include "smtpgate/reply.h"

#define GATE_LINE_MAX \
	2048 /* octets of a command: 512 and what extensions add (RFC 5321 4.5.3.1.4) */
#define GATE_SASL_MAX 12288 /* octets of a line of AUTH, and of a response (RFC 4954 4) */
#define GATE_HELO_MAX 255
#define GATE_MECHANISMS_TEXT 128
#define GATE_IN_MAX (64 * 1024) /* what a connection has to hold for it */
#define GATE_OUT_MAX (32 * 1024)
#define GATE_BODY_MAX \
	(68 * 1024) /* octets in gate->body at most: of GATE_IN_MAX, and Received: before them */

enum gate_phase {
	GATE_START = 1, /* before HELO or EHLO */
	GATE_READY = 2,
	GATE_MAIL = 4, /* a sender was accepted */
	GATE_CHUNKS = 8, /* a message is under way by BDAT: only BDAT goes on with it */
};

enum gate_asks {
	GATE_ASKS_NOTHING,
	GATE_ASKS_GREETING, /* may the client be greeted? gate_room(), after a while if one likes */
	GATE_ASKS_AUTH, /* ask.mechanism begins an exchange if not empty; ask.response: gate_auth() */
	GATE_ASKS_PROOF, /* at MAIL, for gate->mail->envelope.sender: gate_proof() */
	GATE_ASKS_RECIPIENT, /* offer mail->recipient to the hop of ask.route: gate_reply() with its answer */
	GATE_ASKS_DATA, /* send DATA to all hops that took a recipient: gate_reply(), or gate_refuse(); 354 goes on */
	GATE_ASKS_ROOM, /* take from gate->body: gate_room(), or gate_fail() */
	GATE_ASKS_END, /* take the rest of gate->body, it is whole: gate_reply() with the final answer */
	GATE_ASKS_ABORT, /* the message is not to be completed: drop the hops without a dot; gate_room() */
	GATE_ASKS_RESET, /* the transaction is over unfinished: let the hops go; gate_room() */
};

enum gate_auth { /* how an exchange goes on */
	GATE_AUTH_CONTINUE, /* with a challenge */
	GATE_AUTH_OK,
	GATE_AUTH_FAIL, /* 535 */
	GATE_AUTH_SYNTAX, /* 501: the response is not what the mechanism wants */
	GATE_AUTH_LATER, /* 454 */
	GATE_AUTH_ABSENT, /* 504: no such mechanism */
	GATE_AUTH_IN_CLEAR, /* 538: not without TLS */
};

struct gate_refusal { /* for the log */
	const char *stage; /* "mail", "rcpt", "data" */
	const struct path *sender, *recipient; /* recipient may be NULL */
	int code;
	const char *reason;
};

struct gate_hooks { /* what the engine calls while it runs; owner is that of the facts */
	bool (*is_local)(void *owner, struct str domain);
	/* The SASL mechanisms to announce now, one space between them; "" for none. dst has
	 * GATE_MECHANISMS_TEXT octets. Returns dst. */
	const char *(*mechanisms)(void *owner, char *dst);
	/* The client gave up the exchange under way. */
	void (*auth_cancelled)(void *owner);
	/* A MAIL or RCPT was refused by us, or a message given up. */
	void (*refused)(void *owner, const struct gate_refusal *r);
	/* The shadow rules would have refused what was accepted. */
	void (*shadowed)(void *owner, const struct gate_refusal *r);
	/* Adds the client's address, port, and how they are known: "192.0.2.1 40123 direct". */
	void (*seen)(void *owner, struct buf *out);
	/* Adds the Received: line. */
	void (*received)(void *owner, struct buf *out);
};

struct gate_facts { /* fixed for a connection; texts are borrowed */
	enum gate_role role;
	const char *hostname;
	const char *refusal_text;
	uint64_t max_message_size; /* octets */
	unsigned max_recipients;
	bool split, no_deliver, no_relay; /* of struct policy_facts */
	struct policy_rules rules, shadow; /* what holds, and what is only logged */
	bool tls; /* from the first octet */
	bool starttls; /* TLS can be had */
	bool auth; /* AUTH is offered, as far as there are mechanisms() */
	bool rewrite; /* bare CR and LF in a message become CRLF instead of refusing it */

	/* What the hops take; the engine announces no more. size: the smallest SIZE, 0 for none. */
	bool eight_bit, utf8, dsn;
	uint64_t size;

	const struct gate_hooks *hooks; /* borrowed */
	void *owner;
};

struct gate_mail { /* of a transaction: a client that only waits has none, which is two thirds of its memory */
	struct envelope envelope;
	struct recipient recipient; /* of the last RCPT */
	struct reply reply; /* an answer on its way */
	const char *reason; /* of gate_refuse(); NULL: the hop has answered. Private */
	struct policy_client client; /* as gate_proof() said; private */
};

struct gate {
	struct engine engine; /* the first member */
	const struct gate_facts *facts; /* borrowed */
	struct {
		enum gate_asks kind;
		enum route route; /* RECIPIENT: mail->recipient is offered to it */
		char mechanism[32]; /* AUTH: upper case; "" for the next response */
		struct str response; /* AUTH: decoded; p is NULL where the client gave none */
	} ask;
	enum gate_phase phase;
	bool esmtp; /* EHLO, not HELO */
	bool tls; /* speaks TLS */
	bool authenticated;
	char *helo; /* owned; NULL: none was said */
	struct gate_mail *mail; /* owned; there from MAIL on, and while a chunk is read */
	unsigned recipients; /* accepted by a hop */
	bool seven_bit; /* set by the owner: a hop that took a recipient lacks 8BITMIME */
	uint64_t octets; /* of this message, passed on */
	struct buf body;
	unsigned errors;
	const char *cut; /* why we hung up, for the log; NULL: we did not */

	/* private */
	enum step (*then)(struct gate *g, struct buf *out);
	enum { /* how the next octets are read */
		GATE_READS_COMMANDS,
		GATE_READS_TAIL, /* of a bad line, dropped */
		GATE_READS_RESPONSE, /* of an AUTH exchange */
		GATE_READS_MESSAGE, /* of DATA */
		GATE_READS_CHUNK, /* of BDAT */
	} reads;
	struct body scan;
	struct received_count trace;
	uint64_t chunk, chunk_n; /* octets still to come of a chunk, and of all of it */
	bool last_chunk;
	enum gate_auth auth;
	unsigned auth_failures;
	struct buf sasl; /* a response or a challenge; wiped when used */
	bool greeted, in_body, eating, asked_hop, evicted;
};

void gate_init(struct gate *g, const struct gate_facts *facts);
void gate_free(struct gate *g);

/* As the client said it, cut to GATE_HELO_MAX octets; "" if it has not. */
struct str gate_helo(const struct gate *g);

/* The answers. Each only to its question; then the engine is to be run again. */
void gate_proof(struct gate *g, const struct policy_client *client);
void gate_auth(struct gate *g, enum gate_auth says, struct str challenge); /* challenge is copied */
void gate_reply(struct gate *g, const struct reply *r);
void gate_room(struct gate *g);

/* GATE_ASKS_DATA: the hops are not asked, because the client may not send any more. reason as of struct decision. */
void gate_refuse(struct gate *g, const struct reply *r, const char *reason);

/* While gate_in_body(): the hop will not have the message. The client's rest is read and answered with r. */
void gate_fail(struct gate *g, const struct reply *r);

/* The account that the client authenticated as is another one now: 421 before the next command. The owner ends
 * the connection as for a shutdown once gate_between() says that no answer is owed. */
void gate_evict(struct gate *g);
bool gate_between(const struct gate *g);

/* A message is coming in, or stands between two chunks of it. */
bool gate_in_body(const struct gate *g);

#endif
