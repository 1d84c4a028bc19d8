/* A session's life: connecting -> (TLS handshake) -> for each step: say, hear -> done or held. */
#include "tests/bench/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define COMPLAINTS_MAX 5
#define SOURCE_FIRST 0x7f010001U /* 127.1.0.1 */
#define SOURCE_LAST 0xfdfffeU /* so many behind it: up to 127.254.255.254 */

struct client {
	struct common *common;
	int fd;
	SSL *ssl; /* owned; NULL in clear */
	bool shaken;
	size_t step;
	struct turn turn;
	struct listener ear;
	struct buf say; /* what the present step says, unless it is the message */
	struct str out; /* what is left to be sent of it */
	bool spoken; /* the present step has had its say */
	int64_t said_us;
};

int64_t client_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- what is read and written, the same with and without TLS: octets, 0 at the end, -1 and a wish */

static const struct step *step_of(const struct client *c)
{
	return &c->common->script->steps[c->step];
}

void client_wrong(struct client *c, const char *what)
{
	if (c->common->complaints++ >= COMPLAINTS_MAX)
		return;
	c->ear.line[strcspn(c->ear.line, "\r\n")] = '\0';
	fprintf(stderr, "hammer: subscriber %u, step %zu (%s): %s\n", c->turn.user, c->step,
		step_of(c)->want != NULL ? step_of(c)->want : "hold", what);
	if (c->ear.line[0] != '\0')
		fprintf(stderr, "hammer: last heard: %s\n", c->ear.line);
}

static enum wish tls_wish(struct client *c, int result)
{
	switch (SSL_get_error(c->ssl, result)) {
	case SSL_ERROR_WANT_READ: return WISH_READ;
	case SSL_ERROR_WANT_WRITE: return WISH_WRITE;
	case SSL_ERROR_ZERO_RETURN: return WISH_DONE;
	default: return WISH_WRONG;
	}
}

static enum wish errno_wish(enum wish again)
{
	return errno == EAGAIN || errno == EINTR ? again : WISH_WRONG;
}

static ssize_t take(struct client *c, char *into, size_t max, enum wish *w)
{
	ssize_t n;

	if (c->ssl != NULL) {
		n = SSL_read(c->ssl, into, (int)max);
		if (n <= 0) {
			*w = tls_wish(c, (int)n);
			return *w == WISH_DONE ? 0 : -1;
		}
		return n;
	}
	n = recv(c->fd, into, max, 0);
	if (n < 0)
		*w = errno_wish(WISH_READ);
	return n;
}

static ssize_t give(struct client *c, struct str s, enum wish *w)
{
	ssize_t n;

	if (c->ssl != NULL) {
		n = SSL_write(c->ssl, s.p, (int)s.n);
		if (n <= 0)
			*w = tls_wish(c, (int)n);
		return n <= 0 ? -1 : n;
	}
	n = send(c->fd, s.p, s.n, MSG_NOSIGNAL);
	if (n < 0)
		*w = errno_wish(WISH_WRITE);
	return n;
}

/* --- opening */

/* Says why there is no connection, the first few times. */
static int no_connection(int fd)
{
	static unsigned said;

	if (said++ < COMPLAINTS_MAX)
		perror("hammer: connect");
	if (fd >= 0)
		close(fd);
	return -1;
}

static int dial(const struct plan *p, unsigned n)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)p->port) };
	struct sockaddr_in from = { .sin_family = AF_INET };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	from.sin_addr.s_addr =
		htonl(SOURCE_FIRST + (p->sources > 0 ? n % p->sources : n) % SOURCE_LAST);
	if (fd < 0)
		return no_connection(fd);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (inet_pton(AF_INET, p->host, &to.sin_addr) == 1 &&
		bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
		(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS))
		return fd;
	return no_connection(fd);
}

static bool tls_open(struct client *c)
{
	c->ssl = SSL_new(c->common->tls);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
		return false;
	SSL_set_connect_state(c->ssl);
	if (c->common->tickets_n > 0) {
		SSL_SESSION *ticket = c->common->tickets[--c->common->tickets_n];

		SSL_set_session(c->ssl, ticket); /* takes a reference of its own */
		SSL_SESSION_free(ticket);
	}
	return true;
}

struct client *client_open(struct common *common, unsigned n, unsigned user)
{
	const struct plan *p = common->plan;
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->common = common;
	c->turn.user = user;
	c->shaken = common->tls == NULL;
	buf_init(&c->say, 2048);
	c->fd = dial(p, n);
	if (c->fd < 0 || (common->tls != NULL && !tls_open(c)))
		client_close(&c);
	return c;
}

int client_fd(const struct client *c)
{
	return c->fd;
}

void client_close(struct client **client)
{
	struct client *c = *client;

	*client = NULL;
	if (c->ssl != NULL) {
		SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
	}
	if (c->fd >= 0)
		close(c->fd);
	buf_free(&c->say);
	free(c);
}

/* --- playing */

static enum wish shake(struct client *c)
{
	int result = SSL_do_handshake(c->ssl);
	enum wish w;

	if (result != 1) {
		w = tls_wish(c, result);
		if (w == WISH_WRONG || w == WISH_DONE)
			client_wrong(c, "the TLS handshake failed");
		return w == WISH_DONE ? WISH_WRONG : w;
	}
	c->shaken = true;
	c->common->resumed += SSL_session_reused(c->ssl) == 1;
	return WISH_DONE;
}

/* Takes the words of the present step, to be sent. */
static void speak(struct client *c)
{
	const struct step *s = step_of(c);

	buf_clear(&c->say);
	if (s->say != NULL)
		buf_add(&c->say, str_of(s->say));
	if (s->write != NULL)
		s->write(c->common->plan, &c->turn, &c->say);
	c->out = s->body ? (struct str){ c->common->plan->body, c->common->plan->body_n }
			 : buf_str(&c->say);
	c->said_us = client_now_us();
	c->spoken = true;
}

static enum wish send_rest(struct client *c)
{
	enum wish w = WISH_DONE;
	ssize_t n;

	while (c->out.n > 0) {
		n = give(c, c->out, &w);
		if (n < 0 && w == WISH_WRONG && step_of(c)->or_end)
			break; /* it hung up: that is what is read next */
		if (n < 0 && w == WISH_WRONG)
			client_wrong(c, strerror(errno));
		if (n < 0)
			return w;
		c->out = str_from(c->out, (size_t)n);
	}
	return WISH_DONE;
}

/* On to the next step, or back to the first of those that are repeated. */
static void advance(struct client *c)
{
	const struct script *s = c->common->script;

	if (step_of(c)->timed)
		histogram_add(&c->common->timed, client_now_us() - c->said_us);
	c->spoken = false;
	c->step++;
	if (s->again_to > 0 && c->step == s->again_to && ++c->turn.round < c->common->plan->each)
		c->step = s->again_from;
}

/* All that was fetched has to be as much as STAT said there is. */
static enum wish finish(struct client *c)
{
	c->common->octets += c->ear.octets;
	c->common->messages = c->ear.messages;
	if (c->ear.bodies == 0 ||
		(c->ear.octets == c->ear.expected && c->ear.bodies == c->ear.messages))
		return WISH_DONE;
	client_wrong(c, "STAT announced another number of messages or octets");
	return WISH_WRONG;
}

/* The server hung up, or reset the connection because it had hung up before. */
static enum wish at_end(struct client *c, const char *what)
{
	if (step_of(c)->or_end) {
		c->step++;
		return WISH_DONE;
	}
	client_wrong(c, what);
	return WISH_WRONG;
}

/* Reads once. WISH_DONE: the answer is whole and right. */
static enum wish hear_piece(struct client *c)
{
	static char piece[65536];
	enum wish w = WISH_READ;
	ssize_t n = take(c, piece, sizeof(piece), &w);

	if (n == 0 || (n < 0 && w == WISH_WRONG))
		return at_end(c, n == 0 ? "the server hung up" : strerror(errno));
	if (n < 0)
		return w;
	switch (hear_feed(&c->ear, step_of(c), (struct str){ piece, (size_t)n })) {
	case HEARD_MORE: return WISH_AGAIN;
	case HEARD_WRONG: client_wrong(c, "a wrong answer"); return WISH_WRONG;
	default: advance(c); return WISH_DONE;
	}
}

static enum wish hear(struct client *c)
{
	enum wish w;

	do
		w = hear_piece(c);
	while (w == WISH_AGAIN);
	return w;
}

enum wish client_go(struct client *c)
{
	enum wish w = c->shaken ? WISH_DONE : shake(c);

	while (w == WISH_DONE) {
		if (step_of(c)->hear == HEAR_END)
			return finish(c);
		if (step_of(c)->hear == HEAR_HOLD)
			return WISH_HOLD;
		if (!c->spoken)
			speak(c);
		w = send_rest(c);
		if (w == WISH_DONE)
			w = hear(c);
	}
	return w;
}

bool client_is_held(struct client *c)
{
	char octet;

	if (c->ssl != NULL) /* a ticket may have come late: only the end would be wrong */
		return recv(c->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
	return recv(c->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* --- TLS */

/* Keeps a ticket for a later connection, which another worker may well take. */
static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct common *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (c->tickets_n == TICKETS_KEPT)
		return 0;
	c->tickets[c->tickets_n++] = session;
	return 1;
}

bool client_tls_init(struct common *c)
{
	c->tls = SSL_CTX_new(TLS_client_method());
	if (c->tls == NULL)
		return false;
	SSL_CTX_set_app_data(c->tls, c);
	SSL_CTX_set_mode(c->tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
	SSL_CTX_set_min_proto_version(c->tls, TLS1_3_VERSION);
	if (c->plan->resume) {
		SSL_CTX_set_session_cache_mode(
			c->tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
		SSL_CTX_sess_set_new_cb(c->tls, on_ticket);
	}
	return true;
}

void client_tls_free(struct common *c)
{
	while (c->tickets_n > 0)
		SSL_SESSION_free(c->tickets[--c->tickets_n]);
	SSL_CTX_free(c->tls);
	c->tls = NULL;
}
