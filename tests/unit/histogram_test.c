#include "tests/unit/test.h"

#include "tests/bench/histogram.h"

static void a_part_is_at_most_3_percent_too_high_and_never_too_low(void **state)
{
	(void)state;
	for (int64_t us = 0; us < INT64_C(1) << 41; us += us / 7 + 1) {
		struct histogram h = { 0 };

		histogram_add(&h, us);
		histogram_add(&h, INT64_C(1) << 41); /* so that the longest time does not cut it */
		assert_true(histogram_part(&h, 0) >= us);
		assert_true(histogram_part(&h, 0) <= us + us / 31);
	}
}

static void a_part_is_the_time_that_as_many_did_not_exceed(void **state)
{
	struct histogram h = { 0 };

	(void)state;
	assert_int_equal(histogram_part(&h, 0.5), 0);
	for (int i = 0; i < 100; i++)
		histogram_add(&h, i < 99 ? 10 : 31);
	assert_int_equal(histogram_part(&h, 0.5), 10);
	assert_int_equal(histogram_part(&h, 0.98), 10);
	assert_int_equal(histogram_part(&h, 0.99), 31);
	assert_int_equal(histogram_part(&h, 1), 31);
}

static void nothing_is_counted_outside(void **state)
{
	struct histogram h = { 0 };

	(void)state;
	histogram_add(&h, -5);
	assert_int_equal(histogram_part(&h, 1), 0);
	histogram_add(&h, INT64_MAX);
	assert_int_equal(h.n, 2);
	assert_true(histogram_part(&h, 1) >= INT64_C(1) << 41);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_is_at_most_3_percent_too_high_and_never_too_low),
		cmocka_unit_test(a_part_is_the_time_that_as_many_did_not_exceed),
		cmocka_unit_test(nothing_is_counted_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
