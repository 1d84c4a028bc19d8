/* logwrite_test.c - the log waits for nobody, loses little, says what it lost, and folds. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"

static int ends[2];
static char text[1 << 20];

static void open_log(int fd)
{
	log_open(&(struct log_settings){ "test", fd, LOG_LOGFMT, LOG_LEVEL_INFO, false, NULL });
}

static void open_pipe(void)
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	log_never_wait(ends[1]);
	open_log(ends[1]);
}

/* All that can be read now, behind what was read before. */
static size_t take(size_t n)
{
	ssize_t more;

	while ((more = read(ends[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)more;
	text[n] = '\0';
	return n;
}

static unsigned count(const char *word)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
		n++;
	return n;
}

static void say(unsigned n)
{
	log_say(LOG_LEVEL_INFO, "x.said", "number %u %0800u", n, 0);
}

/* Each number of x.said stands once, in its order, from 0 on. */
static unsigned in_order(void)
{
	unsigned n = 0;
	char word[32];
	const char *p = text;

	for (;; n++) {
		snprintf(word, sizeof(word), "number %u ", n);
		p = strstr(p, word);
		if (p == NULL)
			return n;
	}
}

static void a_full_pipe_delays_lines_and_keeps_their_order(void **state)
{
	size_t n = 0;

	(void)state;
	open_pipe();
	for (unsigned i = 0; i < 200; i++) /* a pipe holds 64 kB */
		say(i);
	for (unsigned turns = 0; turns < 10; turns++) {
		n = take(n);
		log_tick(clock_steady_ms());
	}
	assert_int_equal(in_order(), 200);
	assert_int_equal(count("log.dropped"), 0);
	close(ends[0]);
	close(ends[1]);
}

static void what_no_queue_holds_is_counted(void **state)
{
	unsigned kept, dropped = 0;
	size_t n = 0;

	(void)state;
	open_pipe();
	for (unsigned i = 0; i < 2000; i++)
		say(i);
	for (unsigned turns = 0; turns < 20; turns++) {
		n = take(n);
		log_tick(clock_steady_ms());
	}
	kept = in_order();
	assert_true(kept >= (LOG_QUEUE_MAX + 65536) / LOG_LINE_MAX && kept < 1000);
	assert_int_equal(count("event=log.dropped"), 1);
	assert_int_equal(
		sscanf(strstr(text, "event=log.dropped"), "event=log.dropped lines=%u", &dropped),
		1);
	assert_int_equal(kept + dropped, 2000);
	close(ends[0]);
	close(ends[1]);
}

static void a_pipe_without_a_reader_harms_nobody(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	open_pipe();
	close(ends[0]);
	for (unsigned i = 0; i < 10; i++)
		say(i);
	close(ends[1]);
	open_pipe();
	say(0);
	take(0);
	assert_non_null(strstr(text, "level=error prog=test"));
	assert_non_null(strstr(text, "event=log.dropped lines=10\n"));
	assert_int_equal(in_order(), 1);
	close(ends[0]);
	close(ends[1]);
}

static void a_stream_that_is_not_read_makes_nobody_wait(void **state)
{
	size_t n = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	open_log(ends[1]);
	for (unsigned i = 0; i < 400; i++)
		say(i);
	for (unsigned turns = 0; turns < 20; turns++) {
		n = take(n);
		log_tick(clock_steady_ms());
	}
	assert_int_equal(in_order(), 400);
	close(ends[0]);
	close(ends[1]);
}

static void full_disks_leave_no_line_that_reads_as_two(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	open_log(fd);
	say(0);
	say(1);
	close(fd);
	open_pipe();
	say(0);
	take(0);
	assert_non_null(strstr(text, "event=log.dropped lines=2\n"));
	close(ends[0]);
	close(ends[1]);
}

/* --- lines of a turn --- */

/* Each write comes out as a datagram of its own. */
static void open_writes(void)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
	open_log(ends[1]);
	log_gather(true);
}

static void close_writes(void)
{
	log_gather(false);
	close(ends[0]);
	close(ends[1]);
}

static ssize_t next_write(void)
{
	ssize_t n = recv(ends[0], text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return n;
}

static void lines_of_a_turn_go_out_in_one_write(void **state)
{
	(void)state;
	open_writes();
	for (unsigned i = 0; i < 3; i++)
		say(i);
	assert_int_equal(next_write(), -1);
	log_turn();
	assert_true(next_write() > 0);
	assert_int_equal(in_order(), 3);
	assert_int_equal(count("\n"), 3);
	log_turn();
	assert_int_equal(next_write(), -1);
	close_writes();
}

static void errors_and_what_stands_before_them_go_out_at_once(void **state)
{
	(void)state;
	open_writes();
	say(0);
	log_say(LOG_LEVEL_ERROR, "x.failed", "number 1 ");
	say(2);
	assert_true(next_write() > 0);
	assert_int_equal(in_order(), 2);
	assert_non_null(strstr(text, "event=x.failed"));
	assert_int_equal(next_write(), -1);
	close_writes();
	assert_true(next_write() < 0);
}

static void no_write_is_longer_than_a_pipe_takes_whole(void **state)
{
	unsigned lines = 0;
	ssize_t n;

	(void)state;
	open_writes();
	for (unsigned i = 0; i < 100; i++)
		say(i);
	log_turn();
	while ((n = next_write()) > 0) {
		assert_true(n <= PIPE_BUF && text[n - 1] == '\n');
		lines += count("event=x.said");
	}
	assert_int_equal(lines, 100);
	close_writes();
}

/* Its copy of the lines that were gathered is its parent's to write; its own go out when it ends. */
static void a_child_writes_its_own_lines_alone(void **state)
{
	pid_t child;
	int status;

	(void)state;
	open_writes();
	say(0);
	child = fork();
	if (child == 0) {
		say(1);
		log_flush();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(next_write() > 0);
	assert_int_equal(count("number 0 "), 0);
	assert_int_equal(count("number 1 "), 1);
	log_turn();
	assert_true(next_write() > 0);
	assert_int_equal(count("number 0 "), 1);
	assert_int_equal(count("number 1 "), 0);
	close_writes();
}

static void a_disk_that_fills_up_loses_the_torn_line_and_those_behind(void **state)
{
	char path[] = "/tmp/popgate-log.XXXXXX";
	const struct rlimit small = { 1500, RLIM_INFINITY },
			    free = { RLIM_INFINITY, RLIM_INFINITY };
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	open_log(fd);
	log_gather(true);
	for (unsigned i = 0; i < 4; i++) /* the third is torn */
		say(i);
	log_turn();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &free), 0);
	say(4);
	log_gather(false);
	ends[0] = open(path, O_RDONLY);
	take(0);
	assert_int_equal(in_order(), 3); /* its beginning is there */
	assert_non_null(strstr(text, "event=log.dropped lines=2\n"));
	assert_non_null(strstr(text, "number 4 "));
	close(ends[0]);
	close(fd);
	unlink(path);
}

/* --- syslog --- */

static int syslog_at(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	unlink(path);
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof(at)), 0);
	return s;
}

/* Takes the datagrams that come until this number was heard; each is whole and the next in order. */
static void hear(int s, unsigned from, unsigned to)
{
	char line[LOG_LINE_MAX + 200], want[64];

	for (unsigned turns = 0; from <= to; turns++) {
		ssize_t n = recv(s, line, sizeof(line) - 1, 0);

		assert_true(turns < 1000);
		if (n < 0) {
			log_tick(clock_steady_ms());
			continue;
		}
		line[n] = '\0';
		snprintf(want, sizeof(want), "msg=\"number %u ", from++);
		assert_memory_equal(line, "<22>", 4); /* mail.info */
		assert_non_null(strstr(line, " test["));
		assert_non_null(strstr(line, "]: ts="));
		assert_non_null(strstr(line, want));
		assert_null(strchr(line, '\n'));
	}
}

static void syslog_may_fill_up_end_and_come_back(void **state)
{
	char dir[] = "/tmp/popgate-log.XXXXXX", path[64];
	int s;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	log_open(&(struct log_settings){ "test", -1, LOG_LOGFMT, LOG_LEVEL_INFO, true, path });
	say(0); /* nobody listens yet */
	s = syslog_at(path);
	for (unsigned i = 1; i < 100; i++) /* its queue is shorter */
		say(i);
	hear(s, 0, 99);
	close(s);
	say(100);
	s = syslog_at(path); /* it was started anew */
	say(101);
	hear(s, 100, 101);
	close(s);
	unlink(path);
	rmdir(dir);
}

/* --- folding --- */

static void refuse(const char *sid, int64_t port, const char *to)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_WARN, "x.refused");
	log_text(&l, "sid", sid);
	log_text(&l, "addr", "192.0.2.1");
	log_int(&l, "port", port);
	log_text(&l, "to", to);
	log_end_folded(&l);
}

static void a_run_is_one_line_and_a_count(void **state)
{
	int64_t now = clock_steady_ms();

	(void)state;
	open_pipe();
	refuse("s1", 1000, "bob");
	refuse("s2", 1001, "bob");
	refuse("s3", 1002, "carol");
	refuse("s4", 1003, "bob");
	take(0);
	assert_int_equal(count("event=x.refused"), 2);
	log_tick(now + LOG_FOLD_MS + 1000);
	take(0);
	assert_int_equal(count("event="), 1);
	assert_non_null(strstr(text, " sid=s4 addr=192.0.2.1 port=1003 to=bob repeated=2\n"));
	log_tick(now + 3 * LOG_FOLD_MS); /* nothing came: the run is over */
	refuse("s5", 1004, "bob");
	assert_int_equal(take(0) > 0, 1);
	assert_non_null(strstr(text, "sid=s5"));
	assert_null(strstr(text, "repeated"));
	close(ends[0]);
	close(ends[1]);
}

static void more_runs_than_places_lose_nothing(void **state)
{
	unsigned lines = 0, repeated, more;
	size_t n = 0;
	char to[16];

	(void)state;
	open_pipe();
	for (unsigned i = 0; i < 500; i++) {
		snprintf(to, sizeof(to), "b%u", i * i % (2 * LOG_FOLD_RUNS));
		refuse("s", i, to);
		n = take(n);
	}
	log_flush();
	take(n);
	for (const char *p = text; (p = strstr(p, "event=x.refused")) != NULL; p++) {
		const char *end = strchr(p, '\n'), *r = strstr(p, "repeated=");

		more = 1;
		if (r != NULL && r < end && sscanf(r, "repeated=%u", &repeated) == 1)
			more = repeated;
		lines += more;
	}
	assert_int_equal(lines, 500);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_pipe_delays_lines_and_keeps_their_order),
		cmocka_unit_test(what_no_queue_holds_is_counted),
		cmocka_unit_test(a_pipe_without_a_reader_harms_nobody),
		cmocka_unit_test(a_stream_that_is_not_read_makes_nobody_wait),
		cmocka_unit_test(full_disks_leave_no_line_that_reads_as_two),
		cmocka_unit_test(lines_of_a_turn_go_out_in_one_write),
		cmocka_unit_test(errors_and_what_stands_before_them_go_out_at_once),
		cmocka_unit_test(no_write_is_longer_than_a_pipe_takes_whole),
		cmocka_unit_test(a_child_writes_its_own_lines_alone),
		cmocka_unit_test(a_disk_that_fills_up_loses_the_torn_line_and_those_behind),
		cmocka_unit_test(syslog_may_fill_up_end_and_come_back),
		cmocka_unit_test(a_run_is_one_line_and_a_count),
		cmocka_unit_test(more_runs_than_places_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
