/* conn_tls.c - a connection that speaks TLS: what conn.c does with octets in clear goes through here.
 *
 *	STEP_TLS -> conn_secure -> out is sent -> conn_tls_begin, in is wiped -> handshake -> engine
 *
 * The whole handshake has one patience, which no single octet restarts. */
#include <assert.h>
#include <sys/socket.h>

#include "common/net/conn_private.h"

#define HANDSHAKE_MS 30000
#define EXTRA 131072 /* octets: records' headers, and all that a handshake may have to say */

static void be_patient(struct conn *c)
{
	c->rest = c->patience;
	if (c->patience == NULL || c->patience->ms > HANDSHAKE_MS)
		c->patience = loop_patience(c->loop, HANDSHAKE_MS);
	conn_restart_patience(c);
	c->securing = true;
}

void conn_secure(struct conn *c)
{
	assert(c->tls_context != NULL && c->tls == NULL);
	be_patient(c);
}

static void on_secured(struct conn *c)
{
	c->securing = false;
	c->want = STEP_AGAIN;
	c->patience = c->rest;
	conn_restart_patience(c);
	if (c->hooks != NULL && c->hooks->secured != NULL)
		c->hooks->secured(c, c->engine);
}

/* What came in clear behind the command that began TLS may be somebody else's (RFC 2595 4, RFC 3207 4.2):
 * it is wiped, never obeyed. Where TLS comes at once, what came behind a PROXY header is its beginning. */
void conn_tls_begin(struct conn *c)
{
	struct buf early;

	if (c->want == STEP_TLS)
		buf_free(&c->in);
	buf_init(&early, c->in.len);
	buf_move(&early, &c->in);
	buf_free(&c->wire);
	buf_init(&c->wire, c->out.max + c->out.max / 8 + EXTRA);
	buf_init(&c->sealed, c->wire.max);
	if (tls_open(&c->tls, c->tls_context, c->tls_peer) != ERR_NONE)
		conn_close(c, "tls");
	else
		conn_open_sealed(c, buf_str(&early));
	buf_free(&early);
}

void conn_open_sealed(struct conn *c, struct str octets)
{
	enum tls_says says = tls_receive(c->tls, octets, &c->in, &c->sealed);

	if (c->securing && tls_ready(c->tls))
		on_secured(c);
	if (says == TLS_ENDED)
		c->ended = true;
	else if (says == TLS_FAILED && !c->closing)
		conn_finish(c, "tls");
}

/* The last words and the notice that they are the last go together. */
void conn_seal(struct conn *c)
{
	if (tls_ready(c->tls))
		tls_seal(c->tls, &c->out, &c->sealed);
	if (c->finishing)
		tls_end(c->tls, &c->sealed);
	buf_move(&c->wire, &c->sealed);
	buf_trim(&c->sealed);
}

const struct tls_facts *conn_tls(const struct conn *c)
{
	return c->tls != NULL && tls_ready(c->tls) ? tls_facts(c->tls) : NULL;
}

bool conn_tls_exporter(const struct conn *c, uint8_t *dst)
{
	return c->tls != NULL && tls_exporter(c->tls, dst);
}

const char *conn_tls_error(const struct conn *c)
{
	if (c->tls != NULL && tls_error(c->tls) != NULL)
		return tls_error(c->tls);
	if (!c->securing)
		return NULL;
	return c->ended ? "the peer hung up" : "not done in time";
}

/* Under TLS what waits in the kernel may be no more than a new ticket: only opening it tells. */
static bool hear(struct conn *c, int fd)
{
	size_t room = buf_room(&c->in) < SCRATCH_SIZE ? buf_room(&c->in) : SCRATCH_SIZE;
	ssize_t n = -1;

	if (c->in.len == 0 && !c->ended && !tls_waiting(c->tls))
		n = recv(fd, c->loop->scratch, room, MSG_DONTWAIT);
	if (n == 0)
		return true; /* the end of input stays to be read */
	if (n > 0) {
		conn_open_sealed(c, (struct str){ c->loop->scratch, (size_t)n });
		c->unheard = c->loop->unheard = true;
	}
	return c->in.len > 0 || c->ended || c->finishing || tls_waiting(c->tls);
}

bool conn_has_input(struct conn *c)
{
	uv_os_fd_t fd;
	char octet;

	if (c->closing || uv_fileno(&c->uv.handle, &fd) != 0)
		return false;
	if (c->tls != NULL)
		return hear(c, fd);
	if (c->in.len > 0)
		return true;
	return recv(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

void conn_hear_unheard(struct loop *l)
{
	struct node *n = l->unheard ? l->conns.next : &l->conns, *next;

	l->unheard = false;
	for (; n != &l->conns; n = next) {
		struct conn *c = list_entry(n, struct conn, all);

		next = n->next;
		if (!c->unheard)
			continue;
		c->unheard = false;
		conn_pump(c);
	}
}
