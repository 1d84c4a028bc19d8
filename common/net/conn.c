/* conn.c - see conn.h. Written as what happens, in the order in which it happens to a connection. */
#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/net/conn_private.h"

#define BATCH 16384 /* octets of replies to piped commands that are sent together */
#define SEAL_ROOM \
	1024 /* octets that TLS adds to those for the engine; what is too much waits inside */
#define BULK 16384 /* octets at a read that mean that more of the kind follow */
#define LINGER_MS 2000 /* how long a peer has to take our last words before we are gone */
#define LINGER_OCTETS 65536 /* and how much it may send meanwhile */

static void advance(struct conn *c);

/* --- birth --- */

struct conn *conn_new(struct loop *l, bool is_unix)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->loop = l;
	c->why = "gone";
	if (is_unix)
		uv_pipe_init(&l->uv, &c->uv.pipe, 0);
	else
		uv_tcp_init(&l->uv, &c->uv.tcp);
	list_append(&l->conns, &c->all);
	return c;
}

enum err conn_of_server(struct loop *l, uv_stream_t *server, struct conn **out)
{
	struct conn *c = conn_new(l, false);
	struct sockaddr_storage sa;
	int n = sizeof(sa);

	*out = NULL;
	if (c == NULL)
		return ERR_NOMEM;
	if (uv_accept(server, &c->uv.stream) != 0 ||
		uv_tcp_getpeername(&c->uv.tcp, (struct sockaddr *)&sa, &n) != 0) {
		conn_close(c, "gone");
		return ERR_AWAY;
	}
	c->peer = endpoint_of((struct sockaddr *)&sa);
	*out = c;
	return ERR_NONE;
}

void conn_set_engine(struct conn *c, struct engine *e, const struct conn_settings *s)
{
	c->engine = e;
	c->hooks = s->hooks;
	c->duplex = s->duplex;
	assert(c->in.len <= s->in_max);
	c->in.max = (uint32_t)s->in_max; /* what stood behind a PROXY header is there already */
	buf_init(&c->out, s->out_max);
	buf_init(&c->wire, s->out_max);
	c->tls_context = s->tls;
	c->tls_peer = s->tls_peer;
	conn_patience(c, s->idle_ms);
	if (s->tls_at_once)
		conn_secure(c);
}

void conn_start(struct conn *c, struct engine *e, const struct conn_settings *s)
{
	conn_set_engine(c, e, s);
	conn_pump(c);
}

void conn_refuse(struct conn *c, struct str line)
{
	buf_init(&c->out, line.n);
	buf_init(&c->wire, line.n);
	buf_add(&c->out, line);
	c->why = "refused";
	c->finishing = true;
	conn_patience(c, LINGER_MS);
	advance(c);
}

/* --- reading --- */

/* Into the loop's own block, for nobody knows how much comes; where much came before, into the connection's: of a
 * message of 100 kB that is as much less to be copied and wiped. */
static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	struct conn *c = list_entry(h, struct conn, uv.handle);
	size_t room = c->lingering ? SCRATCH_SIZE : buf_room(&c->in);
	char *into = NULL;

	(void)suggested;
	if (c->tls != NULL)
		room += SEAL_ROOM;
	if (room > SCRATCH_SIZE)
		room = SCRATCH_SIZE;
	if (c->bulk && c->tls == NULL && !c->lingering)
		into = buf_reserve(&c->in, room);
	*b = uv_buf_init(into != NULL ? into : c->loop->scratch, (unsigned)room);
}

static void stop_reading(struct conn *c)
{
	if (c->reading)
		uv_read_stop(&c->uv.stream);
	c->reading = false;
}

/* Who reads here next is somebody else: what came in clear may be a password. */
static void wipe_scratch(struct conn *c, ssize_t n)
{
	if (n > 0)
		explicit_bzero(c->loop->scratch, (size_t)n);
}

static void discard(struct conn *c, ssize_t n)
{
	wipe_scratch(c, n);
	c->discarded += n > 0 ? (size_t)n : 0;
	if (n < 0 || c->discarded > LINGER_OCTETS)
		conn_close(c, c->why);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct conn *c = list_entry(s, struct conn, uv.stream);

	if (n == 0 && !c->closing)
		buf_trim(&c->in);
	if (c->closing || n == 0)
		return;
	c->bulk = n >= BULK;
	if (c->lingering) {
		discard(c, n);
		return;
	}
	if (n == UV_EOF) {
		c->ended = true;
		stop_reading(c);
	} else if (n < 0) {
		if (n != UV_ENOBUFS)
			conn_close(c, "reset");
		stop_reading(c);
		return;
	} else if (c->tls != NULL) {
		conn_open_sealed(c, (struct str){ b->base, (size_t)n });
	} else if (b->base != c->loop->scratch) {
		buf_grew(&c->in, (size_t)n);
	} else {
		buf_add(&c->in, (struct str){ b->base, (size_t)n });
		wipe_scratch(c, n);
	}
	if (c->in.broken)
		conn_close(c, "overflow");
	else
		conn_pump(c);
}

/* Towards a client nothing is read while something waits to be written. While a question is open it
 * is, up to in's limit: a client that vanishes shows in no other way. */
static void set_reading(struct conn *c)
{
	bool wanted = c->lingering ||
		(!c->ended && !c->finishing && buf_room(&c->in) > 0 &&
			(c->tls == NULL || !tls_waiting(c->tls)) && (c->duplex || !c->writing));

	if (c->closing || c->connecting || wanted == c->reading)
		return;
	if (!wanted) {
		stop_reading(c);
		return;
	}
	c->reading = uv_read_start(&c->uv.stream, on_alloc, on_read) == 0;
	if (!c->reading)
		conn_close(c, "reset");
}

/* --- writing --- */

static void on_written(uv_write_t *req, int status)
{
	struct conn *c = req->data;

	free(req);
	c->writing = false;
	if (c->closing)
		return;
	if (status != 0) {
		conn_close(c, "reset");
		return;
	}
	buf_clear(&c->wire);
	conn_restart_patience(c);
	advance(c);
	if (c->duplex && !c->closing && c->hooks != NULL && c->hooks->flowed != NULL &&
		conn_unsent(c) < c->out.max / 2)
		c->hooks->flowed(c, c->engine);
}

/* The request is on the heap: it is needed too seldom for each connection to carry its 192 octets. */
static bool write_rest(struct conn *c)
{
	uv_buf_t b = uv_buf_init(c->wire.p + c->wire.head, (unsigned)c->wire.len);
	uv_write_t *req = malloc(sizeof(*req));

	if (req == NULL)
		return false;
	req->data = c;
	if (uv_write(req, &c->uv.stream, &b, 1, on_written) == 0)
		return true;
	free(req);
	return false;
}

/* Most replies fit the socket's buffer: the rest, if any, is libuv's to send. */
static void write_wire(struct conn *c)
{
	uv_buf_t b = uv_buf_init(c->wire.p + c->wire.head, (unsigned)c->wire.len);
	int n = uv_try_write(&c->uv.stream, &b, 1);

	if (n < 0 && n != UV_EAGAIN) {
		conn_close(c, "reset");
		return;
	}
	if (n > 0) {
		buf_take(&c->wire, (size_t)n);
		if (c->duplex)
			conn_restart_patience(c);
	}
	if (c->wire.len == 0)
		return;
	c->writing = write_rest(c);
	if (!c->writing)
		conn_close(c, "reset");
}

static void flush(struct conn *c)
{
	if (c->closing || c->connecting || c->writing)
		return;
	if (c->tls != NULL)
		conn_seal(c);
	else
		buf_move(&c->wire, &c->out);
	buf_trim(&c->out); /* what it got in exchange */
	if (c->wire.len > 0)
		write_wire(c);
	if (c->wire.len == 0)
		buf_trim(&c->wire);
}

size_t conn_unsent(const struct conn *c)
{
	return c->out.len + c->sealed.len + c->wire.len;
}

/* --- running the engine --- */

static bool may_run(const struct conn *c)
{
	return !c->closing && !c->finishing && !c->waiting && !c->connecting && !c->securing &&
		(c->duplex || !c->writing);
}

static void ask(struct conn *c)
{
	c->waiting = true;
	if (!c->duplex)
		list_remove(&c->silent); /* it is we who are slow now */
	c->hooks->ask(c, c->engine);
}

void conn_finish(struct conn *c, const char *why)
{
	c->why = why;
	c->finishing = true;
	c->securing = false; /* or never again */
}

/* Under TLS more may wait than had room. */
static bool more_waits(const struct conn *c)
{
	return c->tls != NULL && tls_waiting(c->tls) && buf_room(&c->in) > 0;
}

/* Has the engine run once. */
static void run(struct conn *c)
{
	size_t before = c->in.len;

	c->want = c->engine->ops->run(c->engine, &c->in, &c->out);
	if (c->in.len < before)
		conn_restart_patience(c);
	if (c->want == STEP_CLOSE || c->want == STEP_PART)
		conn_finish(c, "quit");
	c->parting = c->want == STEP_PART && c->in.len == 0;
	if (c->want == STEP_TLS)
		conn_secure(c);
}

/* One turn of the engine. False: it has nothing to do until something happens. A question is not asked
 * while much waits to be written: its answer would only add to it. */
static bool turn(struct conn *c)
{
	c->again = false;
	if (c->unasked) {
		c->unasked = false;
		ask(c);
		return true;
	}
	if (more_waits(c))
		conn_open_sealed(c, STR(""));
	if (c->finishing)
		return false;
	run(c);
	if (c->out.broken) {
		conn_close(c, "overflow");
		return false;
	}
	if (!c->finishing && c->out.len >= BATCH)
		flush(c);
	if (c->want == STEP_ASK && !c->duplex && c->writing)
		c->unasked = true;
	else if (c->want == STEP_ASK && !c->closing)
		ask(c);
	return c->again || c->want == STEP_AGAIN || c->want == STEP_ASK ||
		(c->want == STEP_READ && more_waits(c));
}

void conn_pump(struct conn *c)
{
	if (c->running) {
		c->again = true;
		return;
	}
	c->running = true;
	while (may_run(c) && turn(c))
		;
	c->running = false;
	if (!c->closing)
		advance(c);
}

void conn_resume(struct conn *c)
{
	if (c->closing || !c->waiting)
		return;
	c->waiting = false;
	if (!c->duplex)
		conn_restart_patience(c);
	conn_pump(c);
}

void conn_poke(struct conn *c)
{
	assert(c->duplex);
	if (c->closing)
		return;
	c->waiting = false;
	conn_pump(c);
}

/* --- the end --- */

/* Closing with octets unread sends RST, which destroys the reply just written (RFC 1122 4.2.2.13):
 * so end our side, and read what still comes for a moment. All is written, so shutdown(2) can be had at once:
 * libuv's would cost two more calls. Who said good-bye sends no more, and that spares three of the 26 calls that
 * a refused client costs. */
static void linger(struct conn *c)
{
	uv_os_fd_t fd;

	if (c->parting) {
		conn_close(c, c->why);
		return;
	}
	conn_patience(c, LINGER_MS);
	c->lingering = true;
	buf_free(&c->in);
	if (c->ended || uv_fileno(&c->uv.handle, &fd) != 0 || shutdown(fd, SHUT_WR) != 0)
		conn_close(c, c->why);
}

/* What is next when something has changed outside of the engine. */
static void advance(struct conn *c)
{
	bool was_writing = c->writing || c->wire.len > 0;

	flush(c);
	if (c->securing && c->tls == NULL && !c->closing && !c->connecting && conn_unsent(c) == 0) {
		conn_tls_begin(c);
		flush(c);
	}
	if (c->closing)
		return;
	if (c->finishing && !c->lingering && conn_unsent(c) == 0)
		linger(c);
	else if (c->ended && c->securing)
		conn_close(c, "tls");
	else if (c->ended && may_run(c) && c->want == STEP_READ && !c->running)
		conn_close(c, "gone"); /* it had its say, and half a line is no command */
	else if (!was_writing && may_run(c) && (c->want == STEP_AGAIN || c->unasked) && !c->running)
		conn_pump(c);
	if (c->in.len == 0 && !c->closing)
		buf_trim(&c->in);
	set_reading(c);
}

static void end(struct conn *c, enum farewell why, bool parting)
{
	if (c->closing || c->finishing)
		return;
	if (c->securing) { /* half a handshake has no words */
		conn_close(c, "shutdown");
		return;
	}
	conn_finish(c, why == FAREWELL_IDLE ? "idle" : "shutdown");
	c->parting = parting;
	if (c->engine != NULL)
		c->engine->ops->farewell(c->engine, why, &c->out);
	conn_patience(c, LINGER_MS);
	advance(c);
}

void conn_end(struct conn *c, enum farewell why)
{
	end(c, why, false);
}

void conn_part(struct conn *c, enum farewell why)
{
	end(c, why, true);
}

static void on_closed(uv_handle_t *h)
{
	struct conn *c = list_entry(h, struct conn, uv.handle);
	struct loop *l = c->loop;

	list_remove(&c->all);
	buf_free(&c->in);
	buf_free(&c->out);
	buf_free(&c->wire);
	buf_free(&c->sealed);
	tls_close(&c->tls);
	free(c->head);
	free(c);
	loop_check_end(l);
}

void conn_close(struct conn *c, const char *why)
{
	if (c->closing)
		return;
	c->closing = true;
	list_remove(&c->silent);
	if (c->hooks != NULL)
		c->hooks->gone(c, c->engine, why);
	uv_close(&c->uv.handle, on_closed);
}

struct endpoint conn_peer(const struct conn *c)
{
	return c->peer;
}

/* A message asks twice. */
struct endpoint conn_local(struct conn *c)
{
	struct sockaddr_storage sa = { 0 };
	int n = sizeof(sa);

	if (c->head != NULL && c->head->facts.of == PROXIED_CLIENT)
		return c->head->facts.gate;
	if (c->here.port == 0 && uv_tcp_getsockname(&c->uv.tcp, (struct sockaddr *)&sa, &n) == 0)
		c->here = endpoint_of((struct sockaddr *)&sa);
	return c->here;
}
