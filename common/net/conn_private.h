/* conn_private.h - a connection's inside, for the conn files, balanced.c, dial.c and listen.c alone. */
#ifndef POPGATE_CONN_PRIVATE_H
#define POPGATE_CONN_PRIVATE_H

#include "common/net/conn.h"
#include "common/net/private.h"

struct head { /* balanced.c */
	struct proxyhdr_facts facts; /* once it is whole */
	const struct conn_balancers *balancers; /* borrowed, as are those below: who waits for it */
	conn_accepted *accepted;
	void *owner;
};

struct conn {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	struct loop *loop;
	struct node all; /* in loop->conns */
	struct node silent; /* in its patience list */
	struct patience *patience; /* NULL: for ever */
	int64_t since_ms; /* the loop's time when patience was last restarted */
	struct engine *engine; /* borrowed from the owner; NULL for one that is refused */
	const struct conn_hooks *hooks; /* NULL: nobody is told */
	struct buf in, out, wire; /* for the engine, from it, on its way */
	struct tls_context *tls_context; /* borrowed; NULL: never TLS */
	struct tls *tls; /* owned; NULL while in clear */
	const char *tls_peer; /* borrowed; of a dialled one */
	struct buf sealed; /* under TLS: from out, and what the handshake says, to wire */
	struct patience *rest; /* patience once the handshake is done */
	struct endpoint peer, here; /* here: ours, once it was asked for */
	struct head *head; /* owned; of one that came through a balancer */
	const char *why; /* of the end, once it is known */
	enum step want; /* what the engine said last */
	size_t discarded; /* octets, while lingering */
	bool duplex;
	bool connecting;
	bool reading; /* libuv reads */
	bool bulk; /* much came at the last read */
	bool writing; /* wire is libuv's */
	bool waiting; /* STEP_ASK is not answered */
	bool unasked; /* STEP_ASK has to wait for the writing */
	bool securing; /* from STEP_TLS until the handshake is done */
	bool unheard; /* conn_has_input() took something out of the kernel: run the engine soon */
	bool running; /* pump() is on the stack */
	bool again; /* and was wanted once more meanwhile */
	bool ended; /* the peer sends no more */
	bool finishing; /* only what is said remains to be sent */
	bool parting; /* and that is the end: nothing more comes from the peer, or nothing that matters */
	bool lingering; /* that is sent; we wait for the peer to see it */
	bool closing;
};

/* A conn with a handle that is not yet open; NULL without memory. path: a unix stream. */
struct conn *conn_new(struct loop *l, bool is_unix);

/* The next connection of server as a conn; *out is NULL on any failure. ERR_AWAY: it is gone already.
 * ERR_NOMEM: and it is still the server's. */
MUST_USE enum err conn_of_server(struct loop *l, uv_stream_t *server, struct conn **out);

void conn_set_engine(struct conn *c, struct engine *e, const struct conn_settings *s);

/* Runs the engine and does what it wants. */
void conn_pump(struct conn *c);

/* Only what is said remains to be sent; then hang up, for that reason. */
void conn_finish(struct conn *c, const char *why);

/* balanced.c: reads the header first; then accepted(), or the end. */
void conn_await_head(struct conn *c, const struct conn_balancers *balancers,
	conn_accepted *accepted, void *owner);

/* patience.c: the peer was heard of. */
void conn_restart_patience(struct conn *c);

/* --- conn_tls.c --- */

/* No engine runs and no word goes out in clear any more until the handshake is done. It begins at once
 * unless something is still on its way in clear: then conn_tls_begin(), once that is sent. */
void conn_secure(struct conn *c);
void conn_tls_begin(struct conn *c);

/* What came from the peer, empty for what waits inside, into in. */
void conn_open_sealed(struct conn *c, struct str octets);

/* Moves out to wire. */
void conn_seal(struct conn *c);

#endif
