/* conn.h - moves the octets between a stream and an engine, for every protocol.
 *
 * Towards a client it is half-duplex: no engine runs while what it said waits to be written, so a
 * peer that does not read is not read from. A next-hop connection is duplex: it reads and its engine
 * runs while it writes.
 *
 *	accept or dial -> (read -> run -> write -> obey)* -> conn_close -> gone() -> freed
 *
 * A conn is freed by libuv's close call-back and nowhere else; after gone() nobody may use it. The
 * engine is its owner's: gone() is where the owner frees it. */
#ifndef POPGATE_CONN_H
#define POPGATE_CONN_H

#include "common/base/addr.h"
#include "common/line/engine.h"
#include "common/line/proxyhdr.h"
#include "common/net/loop.h"
#include "common/net/tls.h"

struct conn; /* opaque; owned by its loop */

struct conn_hooks {
	/* The engine said STEP_ASK. Answer it through its own header and call conn_resume(c), now or
	 * later. In a duplex conn the engine may also be run again by conn_poke(). */
	void (*ask)(struct conn *c, struct engine *e);

	/* Duplex only, may be NULL: what waits to be written has fallen below half of out_max. */
	void (*flowed)(struct conn *c, struct engine *e);

	/* May be NULL: the handshake is done, conn_tls() tells; the engine runs next. */
	void (*secured)(struct conn *c, struct engine *e);

	/* The connection has ended, why in a word or two for the log: "quit" (the engine said so),
	 * "gone" (the peer did), "idle", "shutdown", "refused", "reset", "overflow", "tls" (the handshake
	 * or a record failed: conn_tls_error() says how). A dial that failed ends here too. The last
	 * anyone hears of c. */
	void (*gone)(struct conn *c, struct engine *e, const char *why);
};

struct conn_settings {
	const struct conn_hooks *hooks; /* borrowed */
	bool duplex;
	size_t in_max; /* octets that may wait for the engine: at least its longest line */
	size_t out_max; /* octets it may have said and not yet sent */
	int64_t idle_ms; /* conn_patience() at the start */
	struct tls_context *tls; /* borrowed: for STEP_TLS; NULL: no engine of this conn may say it.
				    Its kind, server or client, is the side that the conn takes */
	bool tls_at_once; /* TLS from the first octet (RFC 8314): the engine runs after the handshake */
	const char *tls_peer; /* of a dialled conn: the name to ask for and to verify; borrowed */
};

/* What a listener calls for each connection: look at conn_peer(), then conn_start() or conn_refuse(). */
typedef void conn_accepted(void *owner, struct conn *c);

/* Accepts on fd (listening, inherited; the loop's from now on) until the loop drains. */
MUST_USE enum err conn_listen(struct loop *l, int fd, conn_accepted *accepted, void *owner);

/* Who may pass clients on to a listener that takes the PROXY protocol. There nobody else is heard, and
 * without a header neither are they. */
struct conn_balancers {
	bool (*trusted)(void *ctx, struct addr peer);

	/* Why the connection was closed before anybody was there, in a word: "untrusted", "timeout",
	 * "gone" (without a word), "torn", "too-many", "shutdown", or what proxyhdr.h says. */
	void (*refused)(void *ctx, struct endpoint peer, const char *why);
	void *ctx;
};

/* As conn_listen(); accepted() is called once the header is there. balancers is borrowed. */
MUST_USE enum err conn_listen_balanced(struct loop *l, int fd, conn_accepted *accepted,
	const struct conn_balancers *balancers, void *owner);

/* What the balancer said; NULL where none is between. The client's ends are conn_peer() and conn_local();
 * LOCAL and UNKNOWN leave the balancer's there, and that is nobody's address. */
const struct proxyhdr_facts *conn_proxied(const struct conn *c);

/* Gives an accepted connection its engine and greets. */
void conn_start(struct conn *c, struct engine *e, const struct conn_settings *s);

/* Sends a last line instead of an engine, and hangs up; there is no gone() for it. In clear: where TLS
 * comes at once, the line is better empty. */
void conn_refuse(struct conn *c, struct str line);

/* Connects to a TCP address, or to the unix socket at path if path is not NULL. Failures that show
 * later come as gone(). The engine runs once the connection stands. */
MUST_USE enum err conn_dial(struct conn **out, struct loop *l, struct endpoint to, const char *path,
	struct engine *e, const struct conn_settings *s);

/* Takes over one end of a socket pair or an accepted unix stream: fd is the conn's from now on, also
 * on failure. */
MUST_USE enum err conn_adopt(
	struct conn **out, struct loop *l, int fd, struct engine *e, const struct conn_settings *s);

/* The other end; all zero for a unix socket. And our own end of it. */
struct endpoint conn_peer(const struct conn *c);
struct endpoint conn_local(struct conn *c);

/* What was agreed on in the TLS handshake; NULL while the connection is in clear, or not yet secured. A
 * handshake has 30 s at most, and no more than the patience of the connection. */
const struct tls_facts *conn_tls(const struct conn *c);

/* tls_exporter() of it, tls.h. */
MUST_USE bool conn_tls_exporter(const struct conn *c, uint8_t *dst);

/* Why TLS failed, in a few static words for the log ("no shared cipher"); NULL if it did not. */
const char *conn_tls_error(const struct conn *c);

/* The engine's question is answered: run it again. Safe inside ask(). */
void conn_resume(struct conn *c);

/* Duplex only: the owner gave the engine something to do. Safe inside any of the hooks. */
void conn_poke(struct conn *c);

/* Octets said and not yet handed to the kernel. */
size_t conn_unsent(const struct conn *c);

/* The peer has said something, or hung up, that was not read yet. */
bool conn_has_input(struct conn *c);

/* How long the peer may be silent from now on, in ms (0: for ever, for when it owes nothing); restarted by each whole command, by progress of
 * a body and by each write that ends, and not counted while the engine waits for its owner. */
void conn_patience(struct conn *c, int64_t ms);

/* Has the engine say its farewell, sends it and hangs up politely. */
void conn_end(struct conn *c, enum farewell why);

/* The same, but what the peer says to it is not waited for. */
void conn_part(struct conn *c, enum farewell why);

/* Hangs up at once. Safe from every call-back and as often as you like: only the first call acts. */
void conn_close(struct conn *c, const char *why);

#endif
