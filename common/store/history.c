/* history.c - see history.h. The historian is this very program, run anew: nothing that the store has open or
 * mapped is open in it. */
#include "common/store/history.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/store/history_events.h"

#define BACKLOG_MAX (32 << 20) /* octets of what the historian has not taken yet */
#define AGAIN_MIN_MS 1000 /* between two starts */
#define AGAIN_MAX_MS 60000
#define QUIET_MS 60000 /* between two lines on what was lost */
#define LAST_WORDS_MS 5000 /* what the historian may take at the end */

struct history {
	const struct site *site; /* borrowed */
	pid_t pid; /* 0: none runs */
	int fd; /* the channel; -1: none */
	struct buf waiting; /* events */
	bool suspect; /* the last one died of something */
	int64_t again_ms, pause_ms; /* steady clock: when the next may be started */
	uint64_t lost; /* not yet told */
	int64_t lost_ms, said_ms; /* said_ms: steady clock */
};

/* --- the historian's life --- */

static void hang_up(struct history *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
}

/* In the child: only what may be called between fork and exec. */
static void become_historian(int fd)
{
	char number[16];
	char *words[] = { "popgate-history", "--history", number, NULL };

	snprintf(number, sizeof(number), "%d", fd);
	if (fcntl(fd, F_SETFD, 0) == 0)
		execv("/proc/self/exe", words);
	_exit(127);
}

static bool set_up(struct history *h)
{
	const struct site *s = h->site;
	struct history_setup setup = {
		.keep_ms = s->history.keep_ms,
		.counts_ms = s->history.counts_ms,
		.max_size = s->history.max_size,
		.ipv4_prefix = s->window.ipv4_prefix,
		.ipv6_prefix = s->window.ipv6_prefix,
		.suspect = h->suspect,
		.sandbox = s->sandbox,
		.syslog = s->log_syslog,
		.format = s->log_format,
		.level = s->log_level,
	};
	uint8_t packet[1 + sizeof(setup)] = { CHANNEL_SETUP };

	if (!str_to_cstr(str_of(s->state_dir), setup.state_dir, sizeof(setup.state_dir)))
		return false;
	memcpy(packet + 1, &setup, sizeof(setup));
	return send(h->fd, packet, sizeof(packet), MSG_NOSIGNAL) == (ssize_t)sizeof(packet);
}

static void start(struct history *h)
{
	int pair[2];

	h->again_ms = clock_steady_ms() + h->pause_ms;
	h->pause_ms = h->pause_ms * 2 < AGAIN_MAX_MS ? h->pause_ms * 2 : AGAIN_MAX_MS;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
		log_say(LOG_LEVEL_ERROR, "history.failed", "no socket for the historian: %s",
			err_text(err_of_errno(errno)));
		return;
	}
	h->fd = pair[0];
	h->pid = fork();
	if (h->pid == 0)
		become_historian(pair[1]);
	close(pair[1]);
	if (h->pid < 0) {
		h->pid = 0;
		log_say(LOG_LEVEL_ERROR, "history.failed", "the historian cannot be started");
		hang_up(h);
	} else if (!set_up(h)) {
		hang_up(h);
	}
}

/* What became of it. It never ends by itself while the channel stands. */
static void bury(struct history *h)
{
	int status = 0;
	struct log_line l;

	if (h->pid == 0 || waitpid(h->pid, &status, WNOHANG) != h->pid)
		return;
	h->pid = 0;
	h->suspect = !(WIFSIGNALED(status) &&
		(WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM));
	hang_up(h);
	log_begin(&l, LOG_LEVEL_ERROR, "history.died");
	if (WIFSIGNALED(status))
		log_int(&l, "signal", WTERMSIG(status));
	else
		log_int(&l, "status", WEXITSTATUS(status));
	log_end(&l);
}

enum err history_open(struct history **out, const struct site *site)
{
	struct history *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return ERR_NOMEM;
	h->site = site;
	h->fd = -1;
	h->pause_ms = AGAIN_MIN_MS;
	buf_init(&h->waiting, BACKLOG_MAX);
	if (site->history.keep_ms > 0)
		start(h);
	*out = h;
	return ERR_NONE;
}

/* --- telling it --- */

static void lose(struct history *h)
{
	int64_t now = clock_steady_ms();

	h->lost++;
	h->lost_ms = clock_ms();
	if (h->said_ms != 0 && now - h->said_ms < QUIET_MS)
		return;
	h->said_ms = now;
	log_say(LOG_LEVEL_ERROR, "history.lost",
		"the historian is behind: who held which address is no longer written down");
}

void history_tell(struct history *h, const struct request *r, int64_t stamp_ms, int64_t until_ms)
{
	const struct event e = { .request = *r, .stamp_ms = stamp_ms, .until_ms = until_ms };
	uint8_t bytes[EVENT_MAX];
	struct str event = { (const char *)bytes, 0 };

	if (h == NULL || h->site->history.keep_ms == 0)
		return;
	event.n = event_put(&e, bytes);
	if (buf_room(&h->waiting) >= event.n)
		buf_add(&h->waiting, event);
	if (h->waiting.broken || buf_room(&h->waiting) < event.n)
		lose(h);
	if (h->waiting.broken)
		buf_free(&h->waiting); /* no memory: what waits is lost as well */
}

/* As many whole events as fit a packet; how many octets of waiting they are. */
static size_t fill(const struct history *h, uint8_t *packet)
{
	struct str left = buf_str(&h->waiting);
	size_t n = 0;

	packet[0] = CHANNEL_EVENTS;
	while (left.n > 0) {
		size_t one = event_length(left);

		if (one == 0 || 1 + n + one > CHANNEL_PACKET_MAX)
			break;
		memcpy(packet + 1 + n, left.p, one);
		n += one;
		left = str_from(left, one);
	}
	return n;
}

static bool send_all(struct history *h, const uint8_t *packet, size_t n)
{
	return send(h->fd, packet, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static void tell_lost(struct history *h)
{
	uint8_t packet[1 + 8 + 8] = { CHANNEL_LOST };

	if (h->lost == 0)
		return;
	memcpy(packet + 1, &h->lost_ms, 8);
	memcpy(packet + 9, &h->lost, 8);
	if (send_all(h, packet, sizeof(packet)))
		h->lost = 0;
}

void history_flush(struct history *h)
{
	uint8_t packet[CHANNEL_PACKET_MAX];

	if (h == NULL || h->fd < 0)
		return;
	tell_lost(h);
	while (h->waiting.len > 0) {
		size_t n = fill(h, packet);

		if (n == 0 || !send_all(h, packet, n + 1))
			break;
		buf_take(&h->waiting, n);
	}
	buf_trim(&h->waiting);
}

/* --- questions --- */

/* Without a historian the answer is ours: that there is none. */
static void refuse(enum err why, int fd)
{
	const struct history_answer a = { .says = HISTORY_END, .end.result = why };
	uint8_t packet[HISTORY_PACKET_MAX];

	(void)!send(fd, packet, history_put(&a, packet), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool pass_on(struct history *h, const struct request *r, int fd)
{
	uint8_t packet[1 + WIRE_MAX] = { CHANNEL_QUESTION };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS } };
	struct iovec part = { packet, 1 + wire_put_request(r, packet + 1) };
	struct msghdr m = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room) };

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	return sendmsg(h->fd, &m, MSG_NOSIGNAL) == (ssize_t)part.iov_len;
}

void history_question(struct history *h, const struct request *r, int fd)
{
	if (h == NULL || h->site->history.keep_ms == 0) {
		refuse(ERR_ABSENT, fd);
		return;
	}
	history_flush(h); /* what was acknowledged before is part of the answer */
	if (h->fd < 0)
		refuse(ERR_AWAY, fd);
	else if (h->waiting.len > 0 || !pass_on(h, r, fd))
		refuse(ERR_BUSY, fd);
}

void history_tick(struct history *h)
{
	if (h == NULL || h->site->history.keep_ms == 0)
		return;
	bury(h);
	if (h->pid == 0 && clock_steady_ms() >= h->again_ms)
		start(h);
	else if (h->pid != 0 && clock_steady_ms() > h->again_ms + AGAIN_MAX_MS)
		h->pause_ms = AGAIN_MIN_MS; /* it lives well */
	history_flush(h);
}

/* So that who starts the next store finds nobody at work. One that takes too long ends by itself. */
static void await_end(struct history *h)
{
	int64_t until = clock_steady_ms() + LAST_WORDS_MS;

	while (h->pid != 0 && waitpid(h->pid, NULL, WNOHANG) == 0 && clock_steady_ms() < until)
		poll(NULL, 0, 5);
	h->pid = 0;
}

void history_close(struct history **h)
{
	if (*h == NULL)
		return;
	history_flush(*h);
	hang_up(*h);
	await_end(*h);
	buf_free(&(*h)->waiting);
	free(*h);
	*h = NULL;
}
