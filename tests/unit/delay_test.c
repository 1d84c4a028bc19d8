/* delay_test.c - waiting on a loop: in order, stopped, opened out of another. */
#include "tests/unit/test.h"

#include "common/base/clock.h"
#include "common/net/delay.h"

static struct {
	struct loop *loop;
	struct delay *other;
	char said[16];
	size_t n;
} the;

static void say(char c)
{
	the.said[the.n++] = c;
	the.said[the.n] = '\0';
}

static void on_a(void *owner)
{
	(void)owner;
	say('a');
	delay_close(&the.other);
}

static void on_never(void *owner)
{
	(void)owner;
	say('!');
}

static void on_last(void *owner)
{
	(void)owner;
	say('c');
	loop_drain(the.loop, true);
}

static void on_b(void *owner)
{
	struct delay *d;

	say('b');
	assert_ptr_equal(owner, &the);
	assert_int_equal(delay_open(&d, the.loop, 1, on_last, NULL), ERR_NONE);
}

static void they_come_when_they_are_due_unless_they_were_stopped(void **state)
{
	struct delay *a, *b, *stopped;
	int64_t start = clock_steady_ms();

	(void)state;
	assert_int_equal(loop_open(&the.loop), ERR_NONE);
	assert_int_equal(delay_open(&b, the.loop, 600, on_b, &the), ERR_NONE);
	assert_int_equal(delay_open(&a, the.loop, 10, on_a, NULL), ERR_NONE);
	assert_int_equal(delay_open(&the.other, the.loop, 10, on_never, NULL), ERR_NONE);
	assert_int_equal(delay_open(&stopped, the.loop, 300, on_never, NULL), ERR_NONE);
	delay_close(&stopped);
	assert_null(stopped);
	delay_close(&stopped);
	loop_run(the.loop);
	assert_string_equal(the.said, "abc");
	assert_true(clock_steady_ms() - start >= 600);
	loop_close(&the.loop);
}

static void what_still_waits_when_the_loop_ends_is_dropped(void **state)
{
	struct delay *d;

	(void)state;
	the.n = 0;
	assert_int_equal(loop_open(&the.loop), ERR_NONE);
	for (int64_t ms = 1000; ms < 1040; ms++) /* more lengths than there are lists */
		assert_int_equal(delay_open(&d, the.loop, ms, on_never, NULL), ERR_NONE);
	loop_close(&the.loop);
	assert_int_equal(the.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_come_when_they_are_due_unless_they_were_stopped),
		cmocka_unit_test(what_still_waits_when_the_loop_ends_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
