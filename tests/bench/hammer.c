/* hammer.c - a small load for first figures: how many a second, with so many connections at a time.
 *
 *	hammer grants RUN_DIR STATE_DIR N        grants at the store's socket, then lookups in the view
 *	hammer pop3 PORT N                       logins: USER, PASS, STAT, QUIT, each a connection
 *	hammer smtp PORT N RECIPIENT             a message of 2 kB, each a connection
 *
 * Threads that block, so its own cost is part of what it measures: its figures are lower bounds. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/window/ask.h"
#include "common/window/view.h"

#define THREADS 16
#define IN_FLIGHT 2000

static struct {
	unsigned port, total;
	const char *recipient; /* NULL: POP3 */
	atomic_uint taken, failed;
} job;

static int dial(unsigned n)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)job.port) };
	struct sockaddr_in from = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	from.sin_addr.s_addr = htonl(0x7f010001U + n % 60000);
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
		connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Sends text, if any, and reads one line; does it begin as it should? */
static bool says(int fd, const char *text, const char *want)
{
	char line[1024];
	size_t n = 0;

	if (text != NULL && send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return false;
	while (n < sizeof(line) - 1 && (n == 0 || line[n - 1] != '\n')) {
		ssize_t got = recv(fd, line + n, sizeof(line) - 1 - n, 0);

		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	return strncmp(line, want, strlen(want)) == 0;
}

static bool login(int fd, unsigned n)
{
	char user[64];

	snprintf(user, sizeof(user), "USER user%u\r\n", n % 1000);
	return says(fd, NULL, "+OK") && says(fd, user, "+OK") &&
		says(fd, "PASS secret\r\n", "+OK") && says(fd, "STAT\r\n", "+OK") &&
		says(fd, "QUIT\r\n", "+OK");
}

static bool message(int fd)
{
	char body[2100], to[300];

	memset(body, 'x', sizeof(body));
	for (size_t i = 77; i < 2000; i += 78)
		memcpy(body + i - 1, "\r\n", 2);
	memcpy(body + 2000, "\r\n.\r\n", 6);
	snprintf(to, sizeof(to), "RCPT TO:<%s>\r\n", job.recipient);
	return says(fd, NULL, "220") && says(fd, "HELO bench\r\n", "250") &&
		says(fd, "MAIL FROM:<a@bench.example>\r\n", "250") && says(fd, to, "250") &&
		says(fd, "DATA\r\n", "354") && says(fd, body, "250") && says(fd, "QUIT\r\n", "221");
}

static void *work(void *unused)
{
	unsigned n;

	while ((n = atomic_fetch_add(&job.taken, 1)) < job.total) {
		int fd = dial(n);

		if (fd < 0 || !(job.recipient != NULL ? message(fd) : login(fd, n)))
			atomic_fetch_add(&job.failed, 1);
		if (fd >= 0)
			close(fd);
	}
	return unused;
}

static int hammer(void)
{
	pthread_t threads[THREADS];
	int64_t start = clock_steady_ms();
	double took;

	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	took = (double)(clock_steady_ms() - start) / 1000;
	printf("%u in %.2f s: %.0f a second, %u failed\n", job.total, took, job.total / took,
		job.failed);
	return job.failed == 0 ? 0 : 1;
}

static struct grant grant_of(unsigned n)
{
	struct grant g = { .source = { "bench", "plain", false } };
	char name[40];

	snprintf(name, sizeof(name), "user%u@example.net", n);
	if (!subscriber_fold(str_of(name), STR(""), &g.who) ||
		!addr_parse(STR("10.0.0.0"), &g.addr))
		abort();
	g.addr.b[13] = (uint8_t)(n >> 16);
	g.addr.b[14] = (uint8_t)(n >> 8);
	g.addr.b[15] = (uint8_t)n;
	return g;
}

static unsigned send_grants(struct ask *a, unsigned total)
{
	unsigned sent = 0, answered = 0, failed = 0;

	while (answered < total) {
		struct pollfd p = { .fd = ask_fd(a), .events = POLLIN };
		struct answer got;

		while (sent < total && sent - answered < IN_FLIGHT) {
			struct grant g = grant_of(sent);

			if (ask_grant(a, sent, &g) != ERR_NONE)
				break;
			sent++;
		}
		while (ask_receive(a, &got) == ERR_NONE) {
			answered++;
			failed += got.result != ERR_NONE;
		}
		if (answered < sent && poll(&p, 1, 5000) == 0)
			return total;
	}
	return failed;
}

static int grants(const char *run_dir, const char *state_dir, unsigned total)
{
	struct holders holders;
	struct view *v;
	struct ask *a;
	unsigned failed, held = 0;
	int64_t start;
	double took;

	if (ask_open(&a, run_dir) != ERR_NONE || view_open(&v, state_dir) != ERR_NONE) {
		fprintf(stderr, "hammer: no store in %s\n", run_dir);
		return 1;
	}
	start = clock_steady_ms();
	failed = send_grants(a, total);
	took = (double)(clock_steady_ms() - start) / 1000;
	printf("%u grants in %.2f s: %.0f a second, %u failed\n", total, took, total / took,
		failed);
	start = clock_steady_ms();
	for (unsigned n = 0; n < total; n++)
		held += view_check(v, grant_of(n).addr, clock_ms(), &holders) == HELD;
	took = (double)(clock_steady_ms() - start);
	printf("%u of %u held, %.2f microseconds a lookup\n", held, total, took * 1000 / total);
	ask_close(&a);
	view_close(&v);
	return failed == 0 && held == total ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "grants") == 0)
		return grants(argv[2], argv[3], (unsigned)atoi(argv[4]));
	if (argc >= 4) {
		job.port = (unsigned)atoi(argv[2]);
		job.total = (unsigned)atoi(argv[3]);
		job.recipient = strcmp(argv[1], "smtp") == 0 && argc == 5 ? argv[4] : NULL;
		return hammer();
	}
	fprintf(stderr,
		"usage: hammer grants RUN_DIR STATE_DIR N | pop3 PORT N | smtp PORT N RECIPIENT\n");
	return 2;
}
