/* logwrite.c - brings finished lines to a descriptor or to syslog and never waits for who reads them.
 *
 * A line that is not taken at once waits in the queue, and all after it, so that they stay in order. What
 * finds the queue full is lost, as is everything for a pipe that nobody holds any more. syslog may come
 * back: for it, lines wait. */
#include "common/base/log_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/dev/log"
#define HEADER_MAX 128

enum sent { /* what became of a line */
	SENT,
	LATER,
	NEVER,
};

enum way { /* how not to wait for the descriptor */
	WAY_SOCKET,
	WAY_FREE, /* it never makes us wait */
	WAY_LOOK,
};

static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

static struct {
	size_t from, to; /* what waits: each piece of whole lines with its length in front */
	char octets[LOG_QUEUE_MAX];
} queue;
/* Lines of one turn of a loop. A batch is one write: a call less for each line of a busy turn, and there were
 * three lines a session. No more than a pipe takes whole or not at all (pipe(7)). */
static struct {
	bool on;
	size_t n;
	char octets[PIPE_BUF];
} batch;
static pid_t owner; /* whose queue and batch it is: a child does not write what its parent has to */
static uint64_t lost; /* since it was last said */
static bool torn; /* the last line ends in its middle */
static enum way way = WAY_LOOK;
static int syslog_fd = -1;
static struct sockaddr_un syslog_at;

/* Its own copy: the last lines are written when the config is gone. */
static void know_syslog(const char *path)
{
	if (syslog_fd >= 0)
		close(syslog_fd);
	syslog_fd = -1;
	syslog_at.sun_family = AF_UNIX;
	snprintf(syslog_at.sun_path, sizeof(syslog_at.sun_path), "%s",
		path != NULL ? path : DEFAULT_SOCKET);
}

void logwrite_open(void)
{
	int fd = log_settings.fd;
	struct stat st;

	know_syslog(log_settings.syslog_socket);
	way = WAY_LOOK;
	if (fd < 0 || fstat(fd, &st) != 0)
		return;
	if (S_ISSOCK(st.st_mode))
		way = WAY_SOCKET;
	else if (S_ISREG(st.st_mode) || (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0)
		way = WAY_FREE;
}

void log_keep_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

void log_never_wait(int fd)
{
	char path[32];
	struct stat st;
	int own;

	if (fstat(fd, &st) != 0 || (!S_ISFIFO(st.st_mode) && !isatty(fd)))
		return; /* sockets are asked not to wait each time, files do not */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own < 0)
		return;
	dup2(own, fd);
	close(own);
}

/* --- the two ways out --- */

static ssize_t write_unless_full(int fd, const char *line, size_t n)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (poll(&p, 1, 0) == 1)
		return write(fd, line, n);
	errno = EAGAIN;
	return -1;
}

/* *taken: octets of a piece that is lost which went out all the same. */
static enum sent to_fd(const char *line, size_t n, size_t *taken)
{
	int fd = log_settings.fd;
	ssize_t done;

	switch (way) {
	case WAY_SOCKET: done = send(fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL); break;
	case WAY_FREE: done = write(fd, line, n); break;
	default: done = write_unless_full(fd, line, n); break;
	}
	if (done < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? LATER : NEVER;
	torn = (size_t)done < n; /* a disk is full */
	*taken = (size_t)done;
	return torn ? NEVER : SENT;
}

static bool syslog_connect(void)
{
	if (syslog_fd >= 0)
		close(syslog_fd);
	syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return syslog_fd >= 0 &&
		connect(syslog_fd, (struct sockaddr *)&syslog_at, sizeof(syslog_at)) == 0;
}

static enum sent to_syslog(const char *line, size_t n)
{
	if (send(syslog_fd, line, n, MSG_NOSIGNAL) == (ssize_t)n)
		return SENT;
	if (errno == EAGAIN || errno == ENOBUFS)
		return LATER;
	if (!syslog_connect()) /* it ended, or it was started anew on another socket */
		return LATER;
	return send(syslog_fd, line, n, MSG_NOSIGNAL) == (ssize_t)n ? SENT : LATER;
}

/* Of a piece of one or more lines; to syslog they go one by one, without their ends. */
static void lose(const char *lines, size_t n)
{
	const char *end = lines + n;

	do
		lost++;
	while ((lines = memchr(lines, '\n', (size_t)(end - lines))) != NULL && ++lines < end);
}

/* What can never go out is counted as lost; of a piece that tears, from the line on that is torn. */
static enum sent put_out(const char *lines, size_t n)
{
	size_t taken = 0;
	enum sent sent = log_settings.fd < 0 ? to_syslog(lines, n) : to_fd(lines, n, &taken);

	if (sent == NEVER)
		lose(lines + taken, n - taken);
	return sent;
}

/* --- the queue --- */

static void enqueue(const char *line, size_t n)
{
	if (queue.from > 0 && queue.to + sizeof(n) + n > sizeof(queue.octets)) {
		memmove(queue.octets, queue.octets + queue.from, queue.to - queue.from);
		queue.to -= queue.from;
		queue.from = 0;
	}
	if (queue.to + sizeof(n) + n > sizeof(queue.octets)) {
		lose(line, n);
		return;
	}
	memcpy(queue.octets + queue.to, &n, sizeof(n));
	memcpy(queue.octets + queue.to + sizeof(n), line, n);
	queue.to += sizeof(n) + n;
}

/* True if nothing waits any more. */
static bool drain(void)
{
	while (queue.from < queue.to) {
		const char *line = queue.octets + queue.from + sizeof(size_t);
		enum sent sent;
		size_t n;

		memcpy(&n, queue.octets + queue.from, sizeof(n));
		sent = put_out(line, n);
		if (sent == LATER)
			return false;
		queue.from += sizeof(n) + n;
	}
	queue.from = queue.to = 0;
	return true;
}

/* --- lines --- */

static size_t put_header(char *to, enum log_level level)
{
	time_t now = time(NULL);
	char stamp[32] = "";
	struct tm local;
	int n = 0;

	if (log_settings.fd < 0 && localtime_r(&now, &local) != NULL &&
		strftime(stamp, sizeof(stamp), "%b %e %H:%M:%S", &local) > 0)
		n = snprintf(to, HEADER_MAX, "<%d>%s %.40s[%d]: ", LOG_MAIL | priorities[level],
			stamp, log_settings.program, (int)log_pid());
	else if (log_settings.fd >= 0 && log_settings.priorities)
		n = snprintf(to, HEADER_MAX, "<%d>", priorities[level]);
	return n > 0 ? (size_t)n : 0;
}

static size_t whole_line(const struct log_line *l, char *to)
{
	size_t n = put_header(to, l->level);

	memcpy(to + n, l->text, l->n);
	n += l->n;
	if (log_settings.fd >= 0)
		to[n++] = '\n';
	return n;
}

static void say_lost(void)
{
	struct log_line l;
	char line[LOG_LINE_MAX + HEADER_MAX];
	uint64_t before = lost;
	size_t n = 0;

	if (lost == 0)
		return;
	if (torn)
		line[n++] = '\n';
	log_begin(&l, LOG_LEVEL_ERROR, "log.dropped");
	log_int(&l, "lines", (int64_t)lost);
	log_finish(&l);
	n += whole_line(&l, line + n);
	lost = put_out(line, n) == SENT ? 0 : before;
}

/* All that waits goes first. */
static void send_lines(const char *lines, size_t n)
{
	enum sent sent = LATER;

	if (drain()) {
		say_lost();
		sent = put_out(lines, n);
	}
	if (sent == LATER)
		enqueue(lines, n);
}

void logwrite_gathered(void)
{
	size_t n = batch.n;

	batch.n = 0;
	if (n > 0 && owner == log_pid())
		send_lines(batch.octets, n);
}

void logwrite_gather(bool on)
{
	logwrite_gathered();
	batch.on = on;
}

void logwrite_drain(int wait_ms)
{
	if (owner != log_pid())
		return;
	logwrite_gathered();
	if (!drain() && wait_ms > 0) {
		struct pollfd p = { .fd = log_settings.fd < 0 ? syslog_fd : log_settings.fd,
			.events = POLLOUT };

		poll(&p, 1, wait_ms);
		drain();
	}
	if (queue.to == 0)
		say_lost();
}

static void own(void)
{
	if (owner == log_pid())
		return;
	queue.from = queue.to = batch.n = 0;
	owner = log_pid();
	lost = 0;
}

void logwrite_line(const struct log_line *l)
{
	char line[LOG_LINE_MAX + HEADER_MAX];
	size_t n = whole_line(l, line);

	own();
	if (batch.n + n > sizeof(batch.octets))
		logwrite_gathered();
	if (!batch.on || log_settings.fd < 0 || n > sizeof(batch.octets)) {
		logwrite_gathered();
		send_lines(line, n);
		return;
	}
	memcpy(batch.octets + batch.n, line, n);
	batch.n += n;
	if (l->level == LOG_LEVEL_ERROR)
		logwrite_gathered();
}
