/* sink.c - a next hop that takes everything and keeps nothing: what a gate costs is measured before it.
 *
 *	sink PORT [pop3]
 *
 * SMTP with PIPELINING and, for whoever wants to name the client, XCLIENT and XFORWARD. A message ends at
 * CRLF.CRLF only. XCOUNT answers how many messages, and how many octets of them, came so far; the
 * generator's count has to be the same. pop3: says +OK to everything, for a proxy's connections to be held. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/buf.h"

#define LINE_MAX_OCTETS 4096
#define EVENTS_MAX 256

struct peer {
	int fd;
	bool in_body, over;
	struct buf in, out;
};

static struct {
	unsigned long long messages, octets;
} taken;
static bool pop3;

static void greet_again(struct peer *p)
{
	buf_add(&p->out, STR("220 sink.example ESMTP\r\n"));
}

static void offer(struct peer *p)
{
	buf_add(&p->out,
		STR("250-sink.example\r\n250-PIPELINING\r\n250-SIZE 1000000000\r\n"
		    "250-8BITMIME\r\n250-XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT\r\n"
		    "250 XCLIENT ADDR PORT NAME HELO PROTO LOGIN\r\n"));
}

static void start_body(struct peer *p)
{
	p->in_body = true;
	buf_add(&p->out, STR("354 go on\r\n"));
}

static void count(struct peer *p)
{
	buf_printf(&p->out, "250 %llu %llu\r\n", taken.messages, taken.octets);
}

static void leave(struct peer *p)
{
	p->over = true;
	buf_add(&p->out, STR("221 bye\r\n"));
}

static const struct {
	const char *verb;
	void (*run)(struct peer *p);
} verbs[] = {
	{ "DATA", start_body },
	{ "EHLO", offer },
	{ "XCLIENT", greet_again },
	{ "XCOUNT", count },
	{ "QUIT", leave },
};

static void obey(struct peer *p, struct str line)
{
	if (pop3) {
		p->over = str_starts_nocase(line, STR("QUIT"));
		buf_add(&p->out, STR("+OK\r\n"));
		return;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (str_starts_nocase(line, str_of(verbs[i].verb))) {
			verbs[i].run(p);
			return;
		}
	buf_add(&p->out, STR("250 fine\r\n")); /* MAIL, RCPT, RSET, NOOP, XFORWARD, HELO */
}

/* Drops what of the body is there, but for four octets that may be the start of its end. */
static bool eat_body(struct peer *p)
{
	struct str in = buf_str(&p->in);
	const char *end = memmem(in.p, in.n, "\r\n.\r\n", 5);
	size_t drop = end != NULL ? (size_t)(end - in.p) + 5 : in.n > 4 ? in.n - 4 : 0;

	taken.octets += drop;
	buf_take(&p->in, drop);
	if (end == NULL)
		return false;
	taken.messages++;
	p->in_body = false;
	buf_add(&p->out, STR("250 taken\r\n"));
	return true;
}

static bool eat_line(struct peer *p)
{
	struct str in = buf_str(&p->in);
	size_t n = str_find(in, '\n');

	if (n == in.n) {
		p->over = in.n > LINE_MAX_OCTETS;
		return false;
	}
	obey(p, str_first(in, n));
	buf_take(&p->in, n + 1);
	return true;
}

static bool serve(struct peer *p)
{
	static char piece[65536];
	ssize_t n = recv(p->fd, piece, sizeof(piece), 0);
	struct str out;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	buf_add(&p->in, (struct str){ piece, (size_t)n });
	while (!p->over && (p->in_body ? eat_body(p) : eat_line(p)))
		;
	out = buf_str(&p->out);
	if (out.n > 0 && send(p->fd, out.p, out.n, MSG_NOSIGNAL) != (ssize_t)out.n)
		return false; /* a gate that does not read its few octets of answers is broken */
	buf_clear(&p->out);
	buf_trim(&p->in);
	return !p->over;
}

static void part(struct peer *p)
{
	close(p->fd);
	buf_free(&p->in);
	buf_free(&p->out);
	free(p);
}

static bool greet(int fd)
{
	struct str hello = pop3 ? STR("+OK\r\n") : STR("220 sink.example ESMTP\r\n");

	return send(fd, hello.p, hello.n, MSG_NOSIGNAL) == (ssize_t)hello.n;
}

static void meet(int epoll, int listener)
{
	struct peer *p;
	int on = 1, fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event e = { .events = EPOLLIN };

		p = calloc(1, sizeof(*p));
		if (p == NULL)
			abort();
		p->fd = fd;
		buf_init(&p->in, 1 << 20);
		buf_init(&p->out, 1 << 16);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		e.data.ptr = p;
		if (!greet(fd) || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
			part(p);
	}
}

static int listen_on(unsigned port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 4096) == 0)
		return fd;
	perror("sink");
	exit(1);
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS_MAX], e = { .events = EPOLLIN };
	int listener, epoll = epoll_create1(EPOLL_CLOEXEC);

	pop3 = argc == 3 && strcmp(argv[2], "pop3") == 0;
	if (argc != (pop3 ? 3 : 2)) {
		fprintf(stderr, "usage: sink PORT [pop3]\n");
		return 2;
	}
	listener = listen_on((unsigned)atoi(argv[1]));
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e); /* its data is NULL */
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++) {
			struct peer *p = events[i].data.ptr;

			if (p == NULL)
				meet(epoll, listener);
			else if (!serve(p))
				part(p);
		}
	}
}
