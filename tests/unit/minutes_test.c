/* minutes_test.c - logins per minute: an hour is kept, and no more. */
#include "tests/unit/test.h"

#include "common/window/minutes.h"

#define MINUTE INT64_C(60000)
#define NOW (INT64_C(29000000) * MINUTE + 1234)

static void keeps_an_hour(void **state)
{
	struct minutes m = { 0 };

	(void)state;
	for (int64_t ago = 70; ago >= 0; ago--)
		minutes_add(&m, NOW - ago * MINUTE, (uint32_t)ago + 1);
	for (unsigned ago = 0; ago < MINUTES; ago++)
		assert_int_equal(minutes_at(&m, NOW, ago), ago + 1);
	assert_int_equal(minutes_at(&m, NOW, MINUTES), 0);
}

static void a_quiet_time_counts_nothing(void **state)
{
	struct minutes m = { 0 };

	(void)state;
	minutes_add(&m, NOW, 7);
	assert_int_equal(minutes_at(&m, NOW + 5 * MINUTE, 5), 7);
	assert_int_equal(minutes_at(&m, NOW + 5 * MINUTE, 0), 0);
	minutes_add(&m, NOW + 5 * MINUTE, 1);
	for (unsigned ago = 1; ago < 5; ago++)
		assert_int_equal(minutes_at(&m, NOW + 5 * MINUTE, ago), 0);
	assert_int_equal(minutes_at(&m, NOW + 5 * MINUTE, 5), 7);
	minutes_add(&m, NOW + 500 * MINUTE, 1);
	assert_int_equal(minutes_at(&m, NOW + 5 * MINUTE, 5), 0);
}

static void a_clock_that_went_back_does_no_harm(void **state)
{
	struct minutes m = { 0 };

	(void)state;
	minutes_add(&m, NOW, 1);
	minutes_add(&m, NOW - 3 * MINUTE, 2);
	assert_int_equal(minutes_at(&m, NOW, 3), 2);
	minutes_add(&m, NOW - 3000 * MINUTE, 4);
	assert_int_equal(minutes_at(&m, NOW - 3000 * MINUTE, 0), 4);
	assert_int_equal(minutes_at(&m, NOW, 0), 0);
}

static void a_row_comes_back_as_it_was_and_damage_is_seen(void **state)
{
	struct minutes m = { 0 }, back;
	uint8_t bytes[MINUTES_MAX];
	size_t n;

	(void)state;
	minutes_add(&m, NOW, 3);
	n = minutes_encode(&m, bytes);
	assert_true(minutes_decode((struct str){ (const char *)bytes, n }, &back));
	assert_memory_equal(&m, &back, sizeof(m));
	for (size_t i = 0; i < n; i++) {
		bytes[i] ^= 1;
		assert_false(minutes_decode((struct str){ (const char *)bytes, n }, &back));
		bytes[i] ^= 1;
		assert_false(minutes_decode((struct str){ (const char *)bytes, i }, &back));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_an_hour),
		cmocka_unit_test(a_quiet_time_counts_nothing),
		cmocka_unit_test(a_clock_that_went_back_does_no_harm),
		cmocka_unit_test(a_row_comes_back_as_it_was_and_damage_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
