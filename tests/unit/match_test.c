/* match_test.c - which of several is the better answer to "who had this address then, and this port?". */
#include "tests/unit/test.h"

#include "ctl/match.h"

static struct interval held(int64_t from, int64_t until, uint16_t low, uint16_t high)
{
	return (struct interval){ .from_ms = from,
		.until_ms = until,
		.first = { .ms = from, .port = low },
		.last = { .ms = from + 10, .port = high },
		.port_low = low,
		.port_high = high };
}

static void distance_counts_from_the_nearer_end(void **state)
{
	struct interval i = held(1000, 2000, 0, 0);

	(void)state;
	assert_int_equal(match_of(&i, 1000, 0, 0).off_ms, 0);
	assert_int_equal(match_of(&i, 1999, 0, 0).off_ms, 0);
	assert_int_equal(match_of(&i, 2000, 0, 0).off_ms, -1);
	assert_int_equal(match_of(&i, 2500, 0, 0).off_ms, -501);
	assert_int_equal(match_of(&i, 900, 0, 0).off_ms, 100);
	assert_int_equal(match_of(&i, 900, 99, 0).off_ms, 1);
	assert_int_equal(match_of(&i, 900, 100, 0).off_ms, 0); /* some time within that second */
}

static void the_sighting_shown_is_the_last_before_the_moment(void **state)
{
	struct interval i = held(1000, 2000, 0, 0);

	(void)state;
	assert_int_equal(match_of(&i, 1500, 0, 0).seen_ms, 1010);
	assert_int_equal(match_of(&i, 1005, 0, 0).seen_ms, 1000);
}

static void ports_are_the_same_between_or_off(void **state)
{
	struct interval i = held(1000, 2000, 100, 200), none = held(1000, 2000, 0, 0);

	(void)state;
	assert_int_equal(match_of(&i, 1500, 0, 100).port, PORT_SAME);
	assert_int_equal(match_of(&i, 1500, 0, 150).port, PORT_BETWEEN);
	assert_int_equal(match_of(&i, 1500, 0, 210).port, PORT_OFF);
	assert_int_equal(match_of(&i, 1500, 0, 210).port_off, 10);
	assert_int_equal(match_of(&i, 1500, 0, 0).port, PORT_UNKNOWN);
	assert_int_equal(match_of(&none, 1500, 0, 7).port, PORT_UNKNOWN);
}

static void the_better_answer_comes_first(void **state)
{
	/* at 1500, port 150; each row is better than those below it */
	const struct interval rows[] = {
		held(1000, 2000, 150, 900), /* the same port */
		held(1490, 1491, 150, 150), /* the same, of a message that was sent just before */
		held(1000, 1400, 150, 150), /* the same, but long gone */
		held(1000, 2000, 100, 200), /* between */
		held(1000, 2000, 160, 200), /* 10 off */
		held(1200, 2000, 900, 901), /* far off */
		held(1300, 2000, 0, 0), /* no port known, seen later */
		held(1000, 2000, 0, 0),
		held(1700, 1800, 100, 200),
	};
	const size_t n = sizeof(rows) / sizeof(rows[0]);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			struct match a = match_of(&rows[i], 1500, 0, 150),
				     b = match_of(&rows[k], 1500, 0, 150);
			int by = match_compare(&a, &b);

			assert_true(i == k ? by == 0 : (by < 0) == (i < k));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance_counts_from_the_nearer_end),
		cmocka_unit_test(the_sighting_shown_is_the_last_before_the_moment),
		cmocka_unit_test(ports_are_the_same_between_or_off),
		cmocka_unit_test(the_better_answer_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
