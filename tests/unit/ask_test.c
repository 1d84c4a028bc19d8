/* ask_test.c - what a worker sends to the store, as the store's socket sees it. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/conf/site.h"
#include "common/window/wire.h"

static char dir[] = "/tmp/popgate-ask.XXXXXX", path[80];
static int listener, store;
static struct ask *line;

static int setup(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/%s", dir, SITE_STORE_SOCKET);
	memcpy(at.sun_path, path, sizeof(path));
	listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(ask_open(&line, dir), ERR_NONE);
	store = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(store >= 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ask_close(&line);
	close(store);
	close(listener);
	unlink(path);
	rmdir(dir);
	memcpy(strrchr(dir, '.'), ".XXXXXX", 8);
	return 0;
}

/* How many requests came, each a use with the next number of messages. */
static unsigned taken(unsigned from)
{
	char packet[WIRE_MAX];
	struct request r;
	unsigned n = 0;
	ssize_t size;

	while ((size = recv(store, packet, sizeof(packet), 0)) > 0) {
		assert_true(wire_get_request((struct str){ packet, (size_t)size }, &r));
		assert_int_equal(r.kind, WIRE_USE);
		assert_int_equal(r.use.messages, from + n++);
	}
	return n;
}

static unsigned fill(struct use *u, unsigned from)
{
	for (unsigned i = 0; i < ASK_USES_MAX; i++) {
		u[i] = (struct use){ .messages = from + i, .port = 25 };
		use_helo(&u[i], STR("pc.example"));
	}
	return ASK_USES_MAX;
}

static void uses_that_go_together_are_a_request_each(void **state)
{
	struct use uses[ASK_USES_MAX];

	(void)state;
	fill(uses, 1);
	assert_int_equal(ask_uses(line, uses, 1), ERR_NONE);
	assert_int_equal(taken(1), 1);
	assert_int_equal(ask_uses(line, uses, ASK_USES_MAX), ERR_NONE);
	assert_int_equal(taken(1), ASK_USES_MAX);
}

static void a_store_that_is_behind_loses_uses_and_makes_nobody_wait(void **state)
{
	struct use uses[ASK_USES_MAX];
	unsigned n = 0;
	enum err e;

	(void)state;
	do
		n += fill(uses, n);
	while ((e = ask_uses(line, uses, ASK_USES_MAX)) == ERR_NONE);
	assert_int_equal(e, ERR_BUSY);
	assert_in_range(
		taken(0), n - ASK_USES_MAX, n - 1); /* in order, the last ones are missing */
}

static void a_store_that_is_gone_is_noticed(void **state)
{
	struct use uses[ASK_USES_MAX];

	(void)state;
	fill(uses, 0);
	close(store);
	assert_int_equal(ask_uses(line, uses, ASK_USES_MAX), ERR_AWAY);
	store = dup(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			uses_that_go_together_are_a_request_each, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_store_that_is_behind_loses_uses_and_makes_nobody_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(a_store_that_is_gone_is_noticed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
