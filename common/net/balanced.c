/* balanced.c - a connection that a balancer passes on: before anybody hears of it, its PROXY header.
 *
 *	accepted -> from a balancer? -> header whole -> conn_accepted, with the client's own address
 *	                             \-> else closed, and the owner is told why
 *
 * The header has HEAD_MS in all, however slowly its octets come. What comes behind it stays in 'in': it is
 * the engine's, or the beginning of the TLS handshake. */
#include <stdlib.h>
#include <sys/socket.h>

#include "common/net/conn_private.h"

#define HEAD_MS 5000
#define HEADS_MAX 1024 /* a loop, that have not said theirs; no limit of clients counts them yet */

/* The end of one that never came to be a client's. */
static void on_headless(struct conn *c, struct engine *e, const char *why)
{
	struct head *h = c->head;

	(void)e;
	c->loop->heads--;
	if (strcmp(why, "idle") == 0)
		why = "timeout";
	else if (strcmp(why, "gone") == 0 && c->in.len > 0)
		why = "torn";
	h->balancers->refused(h->balancers->ctx, c->peer, why);
}

static const struct conn_hooks headless = { .gone = on_headless };

static void pass_on(struct conn *c)
{
	struct head *h = c->head;

	c->loop->heads--;
	c->hooks = NULL;
	conn_patience(c, 0);
	if (h->facts.of == PROXIED_CLIENT)
		c->peer = h->facts.client;
	h->accepted(h->owner, c);
}

/* True: there is no more to wait for. */
static bool heard(struct conn *c, struct str octets)
{
	const char *why;
	size_t used;

	buf_add(&c->in, octets);
	switch (proxyhdr_read(buf_str(&c->in), &c->head->facts, &used, &why)) {
	case PROXYHDR_PARTIAL: return false;
	case PROXYHDR_BROKEN: conn_close(c, why); return true;
	case PROXYHDR_WHOLE: break;
	}
	buf_take(&c->in, used);
	return true;
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	struct conn *c = list_entry(h, struct conn, uv.handle);

	(void)suggested;
	*b = uv_buf_init(c->loop->scratch, (unsigned)(PROXYHDR_MAX - c->in.len));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct conn *c = list_entry(s, struct conn, uv.stream);
	bool done;

	if (c->closing || n == 0)
		return;
	if (n < 0) {
		conn_close(c, "gone");
		return;
	}
	done = heard(c, (struct str){ b->base, (size_t)n });
	explicit_bzero(b->base, (size_t)n); /* a password may stand behind it */
	if (!done || c->closing)
		return;
	uv_read_stop(s);
	pass_on(c);
}

/* Mostly it is there already: one turn of the loop less. */
static bool heard_at_once(struct conn *c)
{
	uv_os_fd_t fd;
	ssize_t n = -1;
	bool done;

	if (uv_fileno(&c->uv.handle, &fd) == 0)
		n = recv(fd, c->loop->scratch, PROXYHDR_MAX, MSG_DONTWAIT);
	if (n == 0)
		conn_close(c, "gone");
	if (n <= 0)
		return c->closing;
	done = heard(c, (struct str){ c->loop->scratch, (size_t)n });
	explicit_bzero(c->loop->scratch, (size_t)n);
	return done;
}

void conn_await_head(struct conn *c, const struct conn_balancers *balancers,
	conn_accepted *accepted, void *owner)
{
	c->head = calloc(1, sizeof(*c->head));
	if (c->head == NULL) {
		conn_close(c, "reset");
		return;
	}
	*c->head = (struct head){ .balancers = balancers, .accepted = accepted, .owner = owner };
	c->hooks = &headless;
	c->loop->heads++;
	buf_init(&c->in, PROXYHDR_MAX);
	if (!balancers->trusted(balancers->ctx, c->peer.addr))
		conn_close(c, "untrusted");
	else if (c->loop->heads > HEADS_MAX)
		conn_close(c, "too-many");
	else if (!heard_at_once(c)) {
		conn_patience(c, HEAD_MS);
		if (uv_read_start(&c->uv.stream, on_alloc, on_read) != 0)
			conn_close(c, "gone");
	} else if (!c->closing) {
		pass_on(c);
	}
}

const struct proxyhdr_facts *conn_proxied(const struct conn *c)
{
	return c->head != NULL ? &c->head->facts : NULL;
}
