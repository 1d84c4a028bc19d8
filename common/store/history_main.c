/* history_main.c - the historian: takes what the store tells it, writes it down every few seconds, purges, and
 * answers. It ends when the channel does, which is when the store ends, however it ends. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/daemon/sandbox.h"
#include "common/store/history.h"
#include "common/store/history_events.h"
#include "common/store/history_read.h"

#define WRITE_EVERY_MS 2000
#define WRITE_AT (4 << 20) /* octets of events that are written at once */
#define PENDING_MAX (16 << 20)
#define QUESTION_MAX_MS 30000 /* a peer that reads nothing for so long is hung up on */
#define VERDICT 64 /* what a child found is its exit status, from here on; below, it died of it */
#define QUIET_MS 60000 /* between two lines on the same trouble */

struct chronicle {
	int fd;
	struct history_setup setup;
	struct book book;
	struct buf pending; /* events */
	struct question questions[QUESTIONS_MAX];
	int64_t write_ms, tick_ms, said_ms; /* steady clock: when to do so next; last */
	bool ended; /* the store has hung up */
};

/* --- trouble --- */

static void complain(struct chronicle *c, const char *what, enum err e)
{
	int64_t now = clock_steady_ms();
	struct log_line l;

	if (c->said_ms != 0 && now - c->said_ms < QUIET_MS)
		return;
	c->said_ms = now;
	log_begin(&l, LOG_LEVEL_ERROR, "history.failed");
	log_text(&l, "what", what);
	log_err(&l, e);
	log_int(&l, "lost", (int64_t)c->book.lost);
	log_end(&l);
}

static size_t count_events(struct str all)
{
	size_t n, count = 0;

	for (; (n = event_length(all)) > 0; all = str_from(all, n))
		count++;
	return count;
}

/* What is pending is not going to be written. */
static void lose_pending(struct chronicle *c, const char *what, enum err e)
{
	c->book.lost += count_events(buf_str(&c->pending));
	c->book.lost_ms = clock_ms();
	buf_clear(&c->pending);
	buf_trim(&c->pending);
	complain(c, what, e);
}

static void set_aside(struct chronicle *c)
{
	struct log_line l;
	char name[64];
	enum err e = book_set_aside(c->setup.state_dir, clock_ms(), name, sizeof(name));

	log_begin(&l, LOG_LEVEL_ERROR, "history.damaged");
	log_text(&l, "state_dir", c->setup.state_dir);
	log_text(&l, "moved_to", e == ERR_NONE ? name : NULL);
	log_end(&l);
}

/* By a child, whose death is an answer, too. */
static enum err verify(struct chronicle *c)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		enum err e = book_open(&c->book, c->setup.state_dir, clock_ms());

		_exit(VERDICT + (int)(e == ERR_NONE ? book_verify(&c->book) : e));
	}
	if (child < 0)
		return err_of_errno(errno);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return ERR_IO;
	if (!WIFEXITED(status) || WEXITSTATUS(status) < VERDICT)
		return ERR_DAMAGED;
	return (enum err)(WEXITSTATUS(status) - VERDICT);
}

static enum err open_book(struct chronicle *c)
{
	enum err e = c->setup.suspect ? verify(c) : ERR_NONE;

	if (e == ERR_NONE)
		e = book_open(&c->book, c->setup.state_dir, clock_ms());
	if (e == ERR_DAMAGED) {
		set_aside(c);
		e = book_open(&c->book, c->setup.state_dir, clock_ms());
	}
	c->setup.suspect = false;
	return e;
}

/* After an error; the next attempt opens it anew, and looks first. */
static void give_up(struct chronicle *c, enum err e)
{
	book_close(&c->book);
	c->setup.suspect = e == ERR_DAMAGED;
}

/* --- writing --- */

static enum err write_event(struct book *b, const struct event *e)
{
	switch (e->request.kind) {
	case WIRE_GRANT: return book_grant(b, &e->request.grant, e->stamp_ms, e->until_ms);
	case WIRE_REVOKE: return book_revoke(b, &e->request.revocation, e->stamp_ms);
	case WIRE_USE: return book_use(b, &e->request.use, e->stamp_ms);
	default: return ERR_NONE;
	}
}

static enum err write_events(struct chronicle *c)
{
	struct str left = buf_str(&c->pending);
	enum err e = book_begin(&c->book);
	struct event event;
	size_t n;

	if (e == ERR_NONE)
		e = book_room(&c->book);
	for (; e == ERR_NONE && (n = event_length(left)) > 0; left = str_from(left, n))
		if (event_get(str_first(left, n), &event))
			e = write_event(&c->book, &event);
	if (e == ERR_NONE)
		return book_commit(&c->book);
	book_abort(&c->book);
	return e;
}

static void write_pending(struct chronicle *c)
{
	enum err e = ERR_NONE;

	c->write_ms = clock_steady_ms() + WRITE_EVERY_MS;
	if (c->pending.len == 0)
		return;
	if (c->book.env == NULL)
		e = open_book(c);
	if (e != ERR_NONE) {
		lose_pending(c, "open", e);
		return;
	}
	e = write_events(c);
	if (e != ERR_NONE) {
		lose_pending(c, "write", e);
		give_up(c, e);
		return;
	}
	buf_clear(&c->pending);
	buf_trim(&c->pending);
}

static void purge(struct chronicle *c)
{
	int64_t now = clock_ms(), day = (now - c->setup.counts_ms) / DAY_MS;
	size_t gone = 0;
	enum err e = book_begin(&c->book);

	if (e == ERR_NONE)
		e = book_purge(
			&c->book, now - c->setup.keep_ms, (uint16_t)(day < 0 ? 0 : day), &gone);
	if (e == ERR_NONE && gone > 0)
		e = book_commit(&c->book);
	else
		book_abort(&c->book);
	if (e == ERR_NONE && gone > 0)
		log_say(LOG_LEVEL_DEBUG, "history.purged", "%zu rows", gone);
	if (e == ERR_NONE)
		return;
	complain(c, "purge", e);
	give_up(c, e);
}

static void tick(struct chronicle *c)
{
	int64_t now = clock_steady_ms();

	if (now < c->tick_ms)
		return;
	c->tick_ms = now + 1000;
	log_tick(now);
	if (c->book.env != NULL)
		purge(c);
	for (size_t i = 0; i < QUESTIONS_MAX; i++)
		if (c->questions[i].fd >= 0 && now - c->questions[i].moved_ms > QUESTION_MAX_MS)
			question_close(&c->questions[i]);
}

/* --- answering --- */

static struct book_terms terms_of(const struct chronicle *c)
{
	return (struct book_terms){ clock_ms(), c->setup.keep_ms, c->setup.counts_ms };
}

/* What was told before is written first, so that the answer knows it. */
static void begin_question(struct chronicle *c, int fd, const struct request *r)
{
	const struct book_terms terms = terms_of(c);
	struct question *q = NULL, none;
	enum err e = ERR_NONE;

	for (size_t i = 0; i < QUESTIONS_MAX && q == NULL; i++)
		if (c->questions[i].fd < 0)
			q = &c->questions[i];
	question_begin(q != NULL ? q : &none, fd, r);
	if (q == NULL) {
		question_refuse(&none, ERR_BUSY, &c->book, &terms);
		return;
	}
	write_pending(c);
	if (c->book.env == NULL)
		e = open_book(c);
	if (e == ERR_NONE)
		return;
	complain(c, "open", e);
	question_refuse(q, e, &c->book, &terms);
}

static void step_questions(struct chronicle *c)
{
	const struct book_terms terms = terms_of(c);
	enum err e = ERR_NONE;

	for (size_t i = 0; i < QUESTIONS_MAX; i++) {
		struct question *q = &c->questions[i];

		if (q->fd < 0 || q->blocked)
			continue;
		if (c->book.env == NULL)
			question_refuse(q, ERR_AWAY, &c->book, &terms);
		else
			e = question_step(q, &c->book, &terms);
		if (e == ERR_NONE)
			continue;
		complain(c, "read", e);
		give_up(c, e);
	}
}

/* --- the channel --- */

static int socket_in(struct msghdr *m)
{
	struct cmsghdr *h = CMSG_FIRSTHDR(m);
	int fd = -1;

	if (h != NULL && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
		h->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(h), sizeof(fd));
	return fd;
}

static void take_question(struct chronicle *c, struct str packet, int fd)
{
	struct request r;

	if (fd < 0)
		return;
	if (wire_get_request(packet, &r) && (r.kind == WIRE_WHO || r.kind == WIRE_REPORT))
		begin_question(c, fd, &r);
	else
		close(fd);
}

static void take_events(struct chronicle *c, struct str events)
{
	if (buf_room(&c->pending) < events.n)
		write_pending(c);
	buf_add(&c->pending, events);
	if (c->pending.broken) {
		buf_free(&c->pending);
		lose_pending(c, "memory", ERR_NOMEM);
	}
}

static void take_lost(struct chronicle *c, struct str packet)
{
	uint64_t lost;

	if (packet.n != 16)
		return;
	memcpy(&c->book.lost_ms, packet.p, 8);
	memcpy(&lost, packet.p + 8, 8);
	c->book.lost += lost;
}

/* One packet; false if there is none. */
static bool take_packet(struct chronicle *c)
{
	static char packet[CHANNEL_PACKET_MAX];
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { packet, sizeof(packet) };
	struct msghdr m = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(c->fd, &m, MSG_CMSG_CLOEXEC);
	int fd = n > 0 ? socket_in(&m) : -1;
	struct str rest = { packet + 1, n > 0 ? (size_t)n - 1 : 0 };

	c->ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	if (n <= 0)
		return false;
	switch (packet[0]) {
	case CHANNEL_EVENTS: take_events(c, rest); break;
	case CHANNEL_QUESTION: take_question(c, rest, fd); break;
	case CHANNEL_LOST: take_lost(c, rest); break;
	case CHANNEL_SETUP:
		if (rest.n == sizeof(c->setup))
			memcpy(&c->setup, rest.p, sizeof(c->setup));
		break;
	}
	return true;
}

/* Waits until there is something to do. */
static void await(
	const struct chronicle *c, struct question **blocked, struct pollfd *polls, size_t *n)
{
	int64_t now = clock_steady_ms();
	int64_t next = c->pending.len > 0 && c->write_ms < c->tick_ms ? c->write_ms : c->tick_ms;
	bool busy = false;

	polls[0] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
	*n = 1;
	for (size_t i = 0; i < QUESTIONS_MAX; i++) {
		const struct question *q = &c->questions[i];

		busy = busy || (q->fd >= 0 && !q->blocked);
		if (q->fd < 0 || !q->blocked)
			continue;
		blocked[*n] = (struct question *)(uintptr_t)q;
		polls[(*n)++] = (struct pollfd){ .fd = q->fd, .events = POLLOUT };
	}
	if (poll(polls, *n, busy || next <= now ? 0 : (int)(next - now)) <= 0)
		*n = 0;
}

static void serve(struct chronicle *c)
{
	while (!c->ended) {
		struct pollfd polls[1 + QUESTIONS_MAX];
		struct question *blocked[1 + QUESTIONS_MAX];
		size_t n;

		await(c, blocked, polls, &n);
		for (size_t i = 1; i < n; i++)
			if (polls[i].revents != 0)
				blocked[i]->blocked = false;
		while (take_packet(c) && c->pending.len < WRITE_AT)
			;
		if (c->pending.len >= WRITE_AT || clock_steady_ms() >= c->write_ms)
			write_pending(c);
		step_questions(c);
		tick(c);
	}
	write_pending(c);
}

/* The setup is the first packet. */
static bool hear_setup(struct chronicle *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };

	return poll(&p, 1, 10000) == 1 && take_packet(c) && c->setup.state_dir[0] != '\0';
}

static enum err confine(const struct history_setup *setup)
{
	struct sandbox s;

	sandbox_init(&s, &(struct site){ .sandbox = setup->sandbox }, "history",
		SANDBOX_FILES | SANDBOX_FORKS);
	sandbox_place(&s, setup->state_dir, SANDBOX_OWN);
	return sandbox_enter(&s);
}

int historian(int fd)
{
	struct chronicle c = { .fd = fd };
	enum err e;

	buf_init(&c.pending, PENDING_MAX);
	for (size_t i = 0; i < QUESTIONS_MAX; i++)
		c.questions[i].fd = -1;
	if (!hear_setup(&c))
		return 2;
	site_open_log(&(struct site){ .log_syslog = c.setup.syslog,
			      .log_format = c.setup.format,
			      .log_level = c.setup.level },
		"popgate-store");
	c.book.max_size = c.setup.max_size;
	c.book.ipv4_prefix = c.setup.ipv4_prefix;
	c.book.ipv6_prefix = c.setup.ipv6_prefix;
	e = confine(&c.setup);
	if (e == ERR_NONE)
		e = open_book(&c);
	else
		c.ended = true;
	if (e != ERR_NONE)
		complain(&c, "open", e);
	serve(&c);
	for (size_t i = 0; i < QUESTIONS_MAX; i++)
		question_close(&c.questions[i]);
	book_close(&c.book);
	buf_free(&c.pending);
	return 0;
}
