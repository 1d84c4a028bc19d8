/* conn_test.c - the driver with a small engine on loopback sockets: order, limits, ends. */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/list.h"
#include "common/line/line.h"
#include "common/net/conn.h"
#include "common/net/work.h"

/* Speaks lines: "echo X" says X, "ask" asks its owner, "big" says 1 MB, "quit" ends. */
struct echo {
	struct engine engine;
	bool greeted, busy;
	unsigned big; /* kilobytes still to be said */
};

struct site {
	struct loop *loop;
	struct echo echo;
	struct conn *conn;
	const char *why; /* of its end; NULL while it lives */
	int port, listener;
	bool late; /* answers are given by a pool job, later */
	int asked, refuse;
};

static enum step echo_run(struct engine *engine, struct buf *in, struct buf *out)
{
	static const char kilobyte[1024];
	struct echo *e = list_entry(engine, struct echo, engine);
	struct str line;
	size_t used;

	if (!e->greeted) {
		e->greeted = true;
		buf_line(out, STR("hello"));
		return STEP_AGAIN;
	}
	if (e->big > 0) {
		e->big--;
		buf_add(out, (struct str){ kilobyte, sizeof(kilobyte) });
		return STEP_AGAIN;
	}
	if (line_cut(buf_str(in), 100, &line, &used) != LINE_WHOLE)
		return STEP_READ;
	if (str_starts_nocase(line, STR("echo ")))
		buf_line(out, str_from(line, 5));
	e->busy = str_eq(line, STR("busy"));
	e->big = str_eq(line, STR("big")) ? 8192 : 0;
	if (str_eq(line, STR("quit"))) {
		buf_take(in, used);
		buf_line(out, STR("bye"));
		return STEP_CLOSE;
	}
	if (str_eq(line, STR("part"))) {
		buf_take(in, used);
		buf_line(out, STR("bye"));
		return STEP_PART;
	}
	if (str_eq(line, STR("ask"))) {
		buf_take(in, used);
		return STEP_ASK;
	}
	buf_take(in, used);
	return STEP_AGAIN;
}

static void echo_farewell(struct engine *engine, enum farewell why, struct buf *out)
{
	(void)engine;
	buf_line(out, why == FAREWELL_IDLE ? STR("too slow") : STR("closing down"));
}

static bool echo_busy(const struct engine *engine)
{
	return ((const struct echo *)(const void *)engine)->busy;
}

static const struct engine_ops echo_ops = { echo_run, echo_farewell, echo_busy };

static void nothing(void *job)
{
	(void)job;
}

static void on_answer(void *job)
{
	struct site *s = job;

	if (s->why == NULL)
		conn_resume(s->conn);
}

static struct site *the_site; /* of the test that runs: hooks have no owner but the engine */

static void on_ask(struct conn *c, struct engine *e)
{
	(void)e;
	the_site->asked++;
	if (the_site->late)
		assert_true(work_submit(the_site->loop, nothing, on_answer, the_site));
	else
		conn_resume(c);
}

static void on_gone(struct conn *c, struct engine *e, const char *why)
{
	(void)c;
	assert_ptr_equal(e, &the_site->echo.engine);
	the_site->why = why;
	loop_drain(the_site->loop, false);
}

static const struct conn_hooks hooks = { .ask = on_ask, .gone = on_gone };

static void on_accepted(void *owner, struct conn *c)
{
	struct site *s = owner;
	const struct conn_settings settings = {
		.hooks = &hooks, .in_max = 4096, .out_max = 32768, .idle_ms = 400
	};

	if (s->refuse) {
		conn_refuse(c, STR("full\r\n"));
		loop_drain(s->loop, false);
		return;
	}
	s->conn = c;
	s->echo.engine.ops = &echo_ops;
	assert_true(conn_peer(c).port > 0);
	conn_start(c, &s->echo.engine, &settings);
}

static void setup(struct site *s)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t n = sizeof(sa);

	memset(s, 0, sizeof(*s));
	the_site = s;
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(s->listener, 10), 0);
	getsockname(s->listener, (struct sockaddr *)&sa, &n);
	s->port = ntohs(sa.sin_port);
	assert_int_equal(loop_open(&s->loop), ERR_NONE);
	assert_int_equal(conn_listen(s->loop, s->listener, on_accepted, s), ERR_NONE);
}

static int dial(const struct site *s)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)s->port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static void finish(struct site *s)
{
	loop_run(s->loop);
	loop_close(&s->loop);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

static void expect(int fd, const char *want)
{
	char got[4096];
	size_t n = 0;

	while (n < sizeof(got) - 1) {
		ssize_t r = recv(fd, got + n, sizeof(got) - 1 - n, 0);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	got[n] = '\0';
	assert_string_equal(got, want);
}

static void answers_a_piped_batch_in_order_and_says_goodbye(void **state)
{
	struct site s;
	int fd;
	const char batch[] = "echo one\r\nask\r\necho two\r\nquit\r\nnever read";

	(void)state;
	setup(&s);
	fd = dial(&s);
	say(fd, batch);
	shutdown(fd, SHUT_WR);
	finish(&s);
	expect(fd, "hello\r\none\r\ntwo\r\nbye\r\n");
	assert_int_equal(s.asked, 1);
	assert_string_equal(s.why, "quit");
	close(fd);
}

/* It never hangs up itself. */
static void who_parts_is_not_waited_for(void **state)
{
	struct site s;
	int fd;

	(void)state;
	setup(&s);
	fd = dial(&s);
	say(fd, "echo x\r\npart\r\n");
	finish(&s);
	expect(fd, "hello\r\nx\r\nbye\r\n");
	assert_string_equal(s.why, "quit");
	close(fd);
}

/* It did not keep its word: its answer must not be destroyed by that. */
static void who_parts_and_goes_on_hears_its_answer(void **state)
{
	static char more[20000];
	struct site s;
	int fd;

	(void)state;
	setup(&s);
	memset(more, 'x', sizeof(more) - 1);
	memcpy(more, "part\r\n", 6);
	fd = dial(&s);
	say(fd, more);
	shutdown(fd, SHUT_WR);
	finish(&s);
	errno = 0;
	expect(fd, "hello\r\nbye\r\n");
	assert_int_equal(errno, 0); /* an end, and no reset */
	close(fd);
}

static void runs_nothing_while_a_question_is_open(void **state)
{
	struct site s;
	int fd;

	(void)state;
	setup(&s);
	s.late = true;
	fd = dial(&s);
	say(fd, "ask\r\necho after\r\nquit\r\n");
	finish(&s);
	expect(fd, "hello\r\nafter\r\nbye\r\n");
	close(fd);
}

static void half_a_line_at_the_end_is_no_command(void **state)
{
	struct site s;
	int fd;

	(void)state;
	setup(&s);
	fd = dial(&s);
	say(fd, "echo x\r\nquit");
	shutdown(fd, SHUT_WR);
	finish(&s);
	expect(fd, "hello\r\nx\r\n");
	assert_string_equal(s.why, "gone");
	close(fd);
}

static void a_silent_peer_hears_why_and_is_cut(void **state)
{
	struct site s;
	int fd;

	(void)state;
	setup(&s);
	fd = dial(&s);
	say(fd, "half");
	finish(&s);
	expect(fd, "hello\r\ntoo slow\r\n");
	assert_string_equal(s.why, "idle");
	close(fd);
}

/* 8 MB wait for a client that reads none of it: the engine is stopped, memory stays bounded, and the
 * silence of a stuck write is silence too. */
static void a_peer_that_does_not_read_is_cut_and_stops_its_engine(void **state)
{
	struct site s;
	int fd, small = 4096;

	(void)state;
	setup(&s);
	fd = dial(&s);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	say(fd, "big\r\n");
	finish(&s);
	assert_string_equal(s.why, "idle");
	assert_true(s.echo.big > 0);
	close(fd);
}

static void a_refused_peer_gets_its_line(void **state)
{
	struct site s;
	int fd;

	(void)state;
	setup(&s);
	s.refuse = 1;
	fd = dial(&s);
	say(fd, "echo x\r\n");
	shutdown(fd, SHUT_WR);
	finish(&s);
	expect(fd, "full\r\n");
	close(fd);
}

static void shut_down(void *owner)
{
	loop_drain(((struct site *)owner)->loop, true);
}

static void a_shutdown_ends_the_idle_at_once(void **state)
{
	struct site s;
	int fd;

	(void)state;
	setup(&s);
	fd = dial(&s);
	assert_int_equal(loop_every(s.loop, 100, shut_down, &s), ERR_NONE);
	finish(&s);
	expect(fd, "hello\r\nclosing down\r\n");
	assert_string_equal(s.why, "shutdown");
	close(fd);
}

static void a_shutdown_lets_the_busy_go_on_until_the_deadline(void **state)
{
	struct site s;
	int fd;

	(void)state;
	setup(&s);
	loop_set_deadline(s.loop, 150);
	fd = dial(&s);
	say(fd, "busy\r\n");
	assert_int_equal(loop_every(s.loop, 50, shut_down, &s), ERR_NONE);
	finish(&s);
	expect(fd, "hello\r\nclosing down\r\n");
	assert_string_equal(s.why, "shutdown");
	close(fd);
}

static void a_dial_to_nobody_ends_in_refused(void **state)
{
	struct site s;
	struct endpoint to = { .port = 1 };
	const struct conn_settings settings = {
		.hooks = &hooks, .duplex = true, .in_max = 4096, .out_max = 4096, .idle_ms = 5000
	};

	(void)state;
	setup(&s);
	assert_true(addr_parse(STR("127.0.0.1"), &to.addr));
	s.echo.engine.ops = &echo_ops;
	assert_int_equal(conn_dial(&s.conn, s.loop, to, NULL, &s.echo.engine, &settings), ERR_NONE);
	finish(&s);
	assert_string_equal(s.why, "refused");
}

static void a_duplex_conn_runs_while_it_writes(void **state)
{
	struct site s;
	int pair[2];
	char got[4096];
	const struct conn_settings settings = { .hooks = &hooks,
		.duplex = true,
		.in_max = 4096,
		.out_max = 16 << 20,
		.idle_ms = 5000 };

	(void)state;
	setup(&s);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	s.echo.engine.ops = &echo_ops;
	say(pair[1], "big\r\nask\r\nask\r\n");
	assert_int_equal(conn_adopt(&s.conn, s.loop, pair[0], &s.echo.engine, &settings), ERR_NONE);
	assert_true(recv(pair[1], got, 7, 0) == 7);
	shutdown(pair[1], SHUT_WR); /* nobody reads the 8 MB, yet both questions are asked */
	finish(&s);
	assert_int_equal(s.asked, 2);
	assert_string_equal(s.why, "gone");
	close(pair[1]);
}

static unsigned open_at(const char *what)
{
	char path[64], target[64];
	unsigned found = 0;

	for (int fd = 0; fd < 256; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		found += strcmp(target, what) == 0;
	}
	return found;
}

/* Later, in a sandbox, it could not be opened any more, and every connection would try. */
static void a_loop_has_its_spare_descriptor_from_the_start(void **state)
{
	unsigned before = open_at("/dev/null");
	struct loop *l = NULL;

	(void)state;
	assert_int_equal(loop_open(&l), ERR_NONE);
	assert_int_equal(open_at("/dev/null"), before + 1);
	loop_close(&l);
	assert_int_equal(open_at("/dev/null"), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loop_has_its_spare_descriptor_from_the_start),
		cmocka_unit_test(answers_a_piped_batch_in_order_and_says_goodbye),
		cmocka_unit_test(who_parts_is_not_waited_for),
		cmocka_unit_test(who_parts_and_goes_on_hears_its_answer),
		cmocka_unit_test(runs_nothing_while_a_question_is_open),
		cmocka_unit_test(half_a_line_at_the_end_is_no_command),
		cmocka_unit_test(a_silent_peer_hears_why_and_is_cut),
		cmocka_unit_test(a_peer_that_does_not_read_is_cut_and_stops_its_engine),
		cmocka_unit_test(a_refused_peer_gets_its_line),
		cmocka_unit_test(a_shutdown_ends_the_idle_at_once),
		cmocka_unit_test(a_shutdown_lets_the_busy_go_on_until_the_deadline),
		cmocka_unit_test(a_dial_to_nobody_ends_in_refused),
		cmocka_unit_test(a_duplex_conn_runs_while_it_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
