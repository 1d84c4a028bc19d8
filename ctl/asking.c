/* asking.c - see asking.h. One connection that may block, in clear or under TLS that is not verified: what is
 * asked is no secret, and the name of the certificate is not the question. */
#include "ctl/asking.h"

#include <sys/socket.h>
#include <unistd.h>

#include "common/net/tls.h"

#define PATIENCE_S 10
#define LINE_MAX_N 512
#define ROOM 65536

struct wire {
	int fd;
	struct tls_context *context;
	struct tls *tls; /* NULL: in clear */
	struct buf in, out, sealed;
};

static bool flush(struct wire *w)
{
	struct buf *from = &w->out;

	if (w->tls != NULL) {
		if (tls_ready(w->tls))
			tls_seal(w->tls, &w->out, &w->sealed);
		from = &w->sealed;
	}
	while (from->len > 0) {
		ssize_t n = send(w->fd, from->p + from->head, from->len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		buf_take(from, (size_t)n);
	}
	return true;
}

/* Waits for some octets of the other side. */
static bool hear(struct wire *w)
{
	char octets[4096];
	ssize_t n = recv(w->fd, octets, sizeof(octets), 0);
	struct str heard = { octets, n > 0 ? (size_t)n : 0 };

	if (n <= 0)
		return false;
	if (w->tls == NULL)
		buf_add(&w->in, heard);
	else if (tls_receive(w->tls, heard, &w->in, &w->sealed) == TLS_FAILED)
		return false;
	return !w->in.broken && flush(w);
}

static bool take_line(struct wire *w, char *line, size_t size)
{
	struct str in;
	size_t n;

	while (n = str_find(buf_str(&w->in), '\n'), n == w->in.len)
		if (w->in.len > LINE_MAX_N || !hear(w))
			return false;
	in = str_first(buf_str(&w->in), n);
	if (in.n > 0 && in.p[in.n - 1] == '\r')
		in.n--;
	if (!str_to_cstr(in, line, size))
		return false;
	buf_take(&w->in, n + 1);
	return true;
}

static bool shake_hands(struct wire *w, const char *alpn)
{
	const struct tls_client client = { .protocol = alpn };

	if (tls_client_open(&w->context, &client) != ERR_NONE ||
		tls_open(&w->tls, w->context, NULL) != ERR_NONE ||
		tls_receive(w->tls, STR(""), &w->in, &w->sealed) == TLS_FAILED || !flush(w))
		return false;
	while (!tls_ready(w->tls))
		if (!hear(w))
			return false;
	return true;
}

/* How the two protocols say yes: in their greeting, and before "ADDRESS PORT WAY". */
static const struct dialect {
	const char *greeting, *yes;
} dialects[] = { { "+OK", "+OK " }, { "220 ", "250 2.0.0 " } };

static const struct dialect *recognize(const char *greeting)
{
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
		if (str_starts_nocase(str_of(greeting), str_of(dialects[i].greeting)))
			return &dialects[i];
	return NULL;
}

static bool read_answer(const struct dialect *d, const char *line, struct asked_facts *out)
{
	struct str s = str_of(line), address, port, way;
	uint64_t n;

	if (!str_starts_nocase(s, str_of(d->yes)))
		return false;
	s = str_from(s, strlen(d->yes));
	if (!str_split(s, ' ', &address, &s) || !str_split(s, ' ', &port, &way) ||
		!addr_parse(address, &out->seen.addr) || !str_to_u64(port, UINT16_MAX, &n))
		return false;
	out->seen.port = (uint16_t)n;
	return str_to_cstr(way, out->way, sizeof(out->way));
}

static enum asked converse(struct wire *w, bool tls, const char *alpn, struct asked_facts *out)
{
	char line[LINE_MAX_N + 1];
	const struct dialect *d;
	bool fine;

	if (tls && !shake_hands(w, alpn))
		return tls_error(w->tls) != NULL ? ASKED_FOREIGN : ASKED_CLOSED;
	if (!take_line(w, line, sizeof(line)))
		return w->in.len == 0 ? ASKED_CLOSED : ASKED_FOREIGN;
	d = recognize(line);
	buf_line(&w->out, STR("XADR"));
	fine = d != NULL && flush(w) && take_line(w, line, sizeof(line)) &&
		read_answer(d, line, out);
	buf_line(&w->out, STR("QUIT"));
	(void)!flush(w);
	return fine ? ASKED_ANSWERED : ASKED_FOREIGN;
}

static bool dial(struct wire *w, struct endpoint to, struct asked_facts *out)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(to, &sa);

	w->fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->fd < 0 ||
		setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
		setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
		connect(w->fd, (struct sockaddr *)&sa, n) != 0)
		return false;
	n = sizeof(sa);
	if (getsockname(w->fd, (struct sockaddr *)&sa, &n) != 0)
		return false;
	out->ours = endpoint_of((struct sockaddr *)&sa);
	return true;
}

enum asked ask_daemon(struct endpoint to, bool tls, const char *alpn, struct asked_facts *out)
{
	struct wire w = { .fd = -1 };
	enum asked says = ASKED_UNREACHABLE;

	buf_init(&w.in, ROOM);
	buf_init(&w.out, ROOM);
	buf_init(&w.sealed, ROOM);
	if (dial(&w, to, out))
		says = converse(&w, tls, alpn, out);
	tls_close(&w.tls);
	tls_context_close(&w.context);
	buf_free(&w.in);
	buf_free(&w.out);
	buf_free(&w.sealed);
	if (w.fd >= 0)
		close(w.fd);
	return says;
}
