/* conn_tls_test.c - two connections of ours speak TLS over loopback, a half-duplex server and a duplex
 * client; and sockets that only pretend to. */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/list.h"
#include "common/base/material.h"
#include "common/line/line.h"
#include "common/net/conn.h"
#include "tests/unit/certificate.h"

#define BIG (3 << 20) /* octets */

static struct certificate authority, mail;
static char directory[] = "/tmp/popgate-conn.XXXXXX", ca_path[64];

/* "echo X" says X, "stls" begins TLS, "big" says BIG octets, "take" takes BIG and says so, "quit" ends. */
struct server {
	struct engine engine;
	struct conn *conn;
	bool greeted, taking;
	size_t big, taken; /* octets: still to be said, and heard */
	unsigned secured;
	const char *why, *error;
	char version[16];
};

/* Says lines one after the other, each after the answer to the one before, and keeps all answers. */
struct client {
	struct engine engine;
	struct conn *conn;
	const char *const *lines; /* ends in NULL */
	struct buf heard;
	size_t owed; /* octets still to come of "big" */
	bool began; /* TLS */
	bool verified;
	const char *why, *error;
};

struct site {
	struct loop *loop;
	struct tls_context *context, *client_context;
	struct server server;
	struct client client;
	struct conn_settings settings; /* of the server's end */
	int port;
};

static struct site *the_site; /* of the test that runs: hooks have no owner but the engine */

static enum step take(struct server *e, struct buf *in, struct buf *out)
{
	e->taken += in->len;
	buf_clear(in);
	if (e->taken < BIG)
		return STEP_READ;
	e->taking = false;
	buf_line(out, STR("taken"));
	return STEP_AGAIN;
}

static enum step command(struct server *e, struct str line, struct buf *out)
{
	if (str_starts_nocase(line, STR("echo ")))
		buf_line(out, str_from(line, 5));
	if (str_eq(line, STR("ask")))
		return STEP_ASK;
	e->big = str_eq(line, STR("big")) ? BIG : 0;
	e->taking = str_eq(line, STR("take"));
	if (str_eq(line, STR("stls"))) {
		buf_line(out, STR("go"));
		return STEP_TLS;
	}
	if (str_eq(line, STR("quit"))) {
		buf_line(out, STR("bye"));
		return STEP_CLOSE;
	}
	return STEP_AGAIN;
}

static enum step server_run(struct engine *engine, struct buf *in, struct buf *out)
{
	static const char kilobyte[1024];
	struct server *e = list_entry(engine, struct server, engine);
	struct str line;
	size_t used;
	enum step step;

	if (!e->greeted) {
		e->greeted = true;
		buf_line(out, STR("hello"));
		return STEP_AGAIN;
	}
	if (e->big > 0) {
		e->big -= sizeof(kilobyte);
		buf_add(out, (struct str){ kilobyte, sizeof(kilobyte) });
		return STEP_AGAIN;
	}
	if (e->taking)
		return take(e, in, out);
	if (line_cut(buf_str(in), 100, &line, &used) != LINE_WHOLE)
		return STEP_READ;
	step = command(e, line, out);
	buf_take(in, used);
	return step;
}

static enum step say_next(struct client *e, struct buf *out)
{
	const char *line = *e->lines;
	char *at;

	if (line == NULL)
		return STEP_READ;
	e->lines++;
	buf_add(out, str_of(line));
	e->owed = strcmp(line, "big\r\n") == 0 ? BIG : 0;
	if (strcmp(line, "take\r\n") == 0) {
		at = buf_reserve(out, BIG);
		assert_non_null(at);
		memset(at, 'x', BIG);
		buf_grew(out, BIG);
	}
	return STEP_READ;
}

static enum step client_run(struct engine *engine, struct buf *in, struct buf *out)
{
	struct client *e = list_entry(engine, struct client, engine);
	size_t n = e->owed < in->len ? e->owed : in->len;

	if (e->owed > 0) {
		buf_take(in, n);
		e->owed -= n;
		return e->owed > 0 ? STEP_READ : say_next(e, out);
	}
	if (e->began) {
		e->began = false;
		return say_next(e, out);
	}
	if (!str_ends(buf_str(in), STR("\n")))
		return STEP_READ;
	e->began = str_eq(buf_str(in), STR("go\r\n"));
	buf_move(&e->heard, in);
	return e->began ? STEP_TLS : say_next(e, out);
}

static void farewell(struct engine *engine, enum farewell why, struct buf *out)
{
	(void)engine;
	buf_line(out, why == FAREWELL_IDLE ? STR("too slow") : STR("closing down"));
}

static bool busy(const struct engine *engine)
{
	(void)engine;
	return false;
}

static const struct engine_ops server_ops = { server_run, farewell, busy };
static const struct engine_ops client_ops = { client_run, farewell, busy };

static void on_ask(struct conn *c, struct engine *e)
{
	(void)e;
	conn_resume(c);
}

static void on_secured(struct conn *c, struct engine *e)
{
	assert_ptr_equal(e, &the_site->server.engine);
	assert_non_null(conn_tls(c));
	the_site->server.secured++;
	snprintf(the_site->server.version, sizeof(the_site->server.version), "%s",
		conn_tls(c)->version);
}

static void drain_if_done(void)
{
	if (the_site->server.why != NULL &&
		(the_site->client.conn == NULL || the_site->client.why != NULL))
		loop_drain(the_site->loop, false);
}

static void on_server_gone(struct conn *c, struct engine *e, const char *why)
{
	(void)e;
	the_site->server.why = why;
	the_site->server.error = conn_tls_error(c);
	drain_if_done();
}

static void on_client_gone(struct conn *c, struct engine *e, const char *why)
{
	(void)e;
	the_site->client.why = why;
	the_site->client.error = conn_tls_error(c);
	the_site->client.verified = conn_tls(c) != NULL && conn_tls(c)->verified;
	drain_if_done();
}

static const struct conn_hooks server_hooks = {
	.ask = on_ask, .secured = on_secured, .gone = on_server_gone
};
static const struct conn_hooks client_hooks = { .ask = on_ask, .gone = on_client_gone };

static void on_accepted(void *owner, struct conn *c)
{
	struct site *s = owner;

	s->server.conn = c;
	s->server.engine.ops = &server_ops;
	conn_start(c, &s->server.engine, &s->settings);
}

static void open_contexts(struct site *s)
{
	struct buf bytes;

	buf_init(&bytes, MATERIAL_MAX);
	material_put(&bytes, &(struct material){ STR(""), str_of(mail.chain), str_of(mail.key) });
	assert_int_equal(
		tls_server_open(&s->context, &(struct tls_server){ buf_str(&bytes), "test", NULL }),
		ERR_NONE);
	buf_free(&bytes);
	assert_int_equal(
		tls_client_open(&s->client_context, &(struct tls_client){ true, ca_path, "test" }),
		ERR_NONE);
}

static void setup(struct site *s)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(s, 0, sizeof(*s));
	the_site = s;
	open_contexts(s);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 10), 0);
	getsockname(fd, (struct sockaddr *)&sa, &n);
	s->port = ntohs(sa.sin_port);
	assert_int_equal(loop_open(&s->loop), ERR_NONE);
	assert_int_equal(conn_listen(s->loop, fd, on_accepted, s), ERR_NONE);
	s->settings = (struct conn_settings){ .hooks = &server_hooks,
		.in_max = 4096,
		.out_max = 32768,
		.idle_ms = 5000,
		.tls = s->context };
}

static void finish(struct site *s)
{
	loop_close(&s->loop);
	tls_context_close(&s->context);
	tls_context_close(&s->client_context);
	buf_free(&s->client.heard);
}

static void start_client(struct site *s, const char *peer, const char *const *lines)
{
	const struct conn_settings settings = { .hooks = &client_hooks,
		.duplex = true,
		.in_max = 65536,
		.out_max = 2 * BIG,
		.idle_ms = 5000,
		.tls = s->client_context,
		.tls_at_once = s->settings.tls_at_once,
		.tls_peer = peer };
	struct endpoint to = { .port = (uint16_t)s->port };

	assert_true(addr_parse(STR("127.0.0.1"), &to.addr));
	s->client.engine.ops = &client_ops;
	s->client.lines = lines;
	buf_init(&s->client.heard, 65536);
	assert_int_equal(
		conn_dial(&s->client.conn, s->loop, to, NULL, &s->client.engine, &settings),
		ERR_NONE);
}

/* What the client heard has to be this; both ends end as they should. */
static void converse(struct site *s, const char *const *lines, const char *want)
{
	start_client(s, "mail.test", lines);
	loop_run(s->loop);
	assert_true(str_eq(buf_str(&s->client.heard), str_of(want)));
	assert_string_equal(s->server.why, "quit");
	assert_string_equal(s->client.why, "gone");
	assert_null(s->server.error);
	assert_null(s->client.error);
	assert_string_equal(s->server.version, "TLSv1.3");
	assert_true(s->client.verified);
	assert_int_equal(s->server.secured, 1);
	finish(s);
}

static void tls_begins_at_the_command_and_the_engine_goes_on(void **state)
{
	const char *const lines[] = { "echo one\r\n", "stls\r\n", "echo two\r\n",
		"ask\r\necho x\r\n", "quit\r\n", NULL };
	struct site s;

	(void)state;
	setup(&s);
	converse(&s, lines, "hello\r\none\r\ngo\r\ntwo\r\nx\r\nbye\r\n");
}

static void tls_at_once_greets_after_the_handshake(void **state)
{
	const char *const lines[] = { "echo one\r\n", "quit\r\n", NULL };
	struct site s;

	(void)state;
	setup(&s);
	s.settings.tls_at_once = true;
	converse(&s, lines, "hello\r\none\r\nbye\r\n");
}

static void what_came_in_clear_behind_the_command_is_dropped(void **state)
{
	const char *const lines[] = { "stls\r\necho injected\r\n", "echo two\r\n", "quit\r\n",
		NULL };
	struct site s;

	(void)state;
	setup(&s);
	converse(&s, lines, "hello\r\ngo\r\ntwo\r\nbye\r\n");
}

static void much_goes_both_ways(void **state)
{
	const char *const lines[] = { "stls\r\n", "big\r\n", "take\r\n", "big\r\n", "quit\r\n",
		NULL };
	struct site s;

	(void)state;
	setup(&s);
	converse(&s, lines, "hello\r\ngo\r\ntaken\r\nbye\r\n");
	assert_int_equal(s.server.taken, BIG);
}

static void a_name_that_is_not_the_peers_fails_at_both_ends(void **state)
{
	const char *const lines[] = { "stls\r\n", "echo never\r\n", NULL };
	struct site s;

	(void)state;
	setup(&s);
	start_client(&s, "wrong.test", lines);
	loop_run(s.loop);
	assert_string_equal(s.client.why, "tls");
	assert_string_equal(s.client.error, "hostname mismatch");
	assert_string_equal(s.server.why, "tls");
	assert_true(str_eq(buf_str(&s.client.heard), STR("hello\r\ngo\r\n")));
	assert_int_equal(s.server.secured, 0);
	finish(&s);
}

/* --- sockets that only pretend --- */

static int dial(const struct site *s)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)s->port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

static void a_silent_handshake_is_cut_whatever_the_engine_would_say(void **state)
{
	struct site s;
	int fd;
	char octet;

	(void)state;
	setup(&s);
	s.settings.tls_at_once = true;
	s.settings.idle_ms = 300;
	fd = dial(&s);
	loop_run(s.loop);
	finish(&s);
	assert_string_equal(s.server.why, "tls");
	assert_string_equal(s.server.error, "not done in time");
	assert_int_equal(recv(fd, &octet, 1, 0), 0);
	close(fd);
}

static void a_peer_that_hangs_up_in_the_handshake_is_told_from_a_slow_one(void **state)
{
	struct site s;
	int fd;

	(void)state;
	setup(&s);
	s.settings.tls_at_once = true;
	fd = dial(&s);
	say(fd, "\x16\x03\x01");
	shutdown(fd, SHUT_WR);
	loop_run(s.loop);
	finish(&s);
	assert_string_equal(s.server.why, "tls");
	assert_string_equal(s.server.error, "the peer hung up");
	close(fd);
}

static void commands_in_clear_reach_no_engine(void **state)
{
	struct site s;
	char octet;
	int fd;

	(void)state;
	setup(&s);
	s.settings.tls_at_once = true;
	fd = dial(&s);
	say(fd, "EHLO clear.test\r\nMAIL FROM:<a@b.test>\r\n");
	shutdown(fd, SHUT_WR);
	loop_run(s.loop);
	finish(&s);
	assert_string_equal(s.server.why, "tls");
	assert_string_equal(s.server.error, "wrong version number");
	assert_int_equal(recv(fd, &octet, 1, 0), 0);
	assert_false(s.server.greeted);
	close(fd);
}

static int make_certificates(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(ca_path, sizeof(ca_path), "%s/ca", directory);
	certificate_make(&authority, "Test CA", CERTIFICATE_P256, NULL);
	certificate_make(&mail, "mail.test", CERTIFICATE_P256, &authority);
	certificate_write(directory, "ca", authority.chain);
	return 0;
}

static int free_certificates(void **state)
{
	(void)state;
	certificate_free(&authority);
	certificate_free(&mail);
	unlink(ca_path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_begins_at_the_command_and_the_engine_goes_on),
		cmocka_unit_test(tls_at_once_greets_after_the_handshake),
		cmocka_unit_test(what_came_in_clear_behind_the_command_is_dropped),
		cmocka_unit_test(much_goes_both_ways),
		cmocka_unit_test(a_name_that_is_not_the_peers_fails_at_both_ends),
		cmocka_unit_test(a_silent_handshake_is_cut_whatever_the_engine_would_say),
		cmocka_unit_test(a_peer_that_hangs_up_in_the_handshake_is_told_from_a_slow_one),
		cmocka_unit_test(commands_in_clear_reach_no_engine),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
