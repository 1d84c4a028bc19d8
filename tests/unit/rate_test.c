/* rate_test.c - what was sent within the last hour, about. */
#include "tests/unit/test.h"

#include "common/window/rate.h"

#define HOUR INT64_C(3600000)

static const struct use one = { .messages = 1, .recipients = 3 };

static void uses_add_up(void **state)
{
	struct rate r = { 0 };
	struct rate_now now;

	(void)state;
	for (int64_t i = 0; i < 10; i++)
		rate_add(&r, &one, 1000 * HOUR + i * 60000);
	now = rate_at(&r, 1000 * HOUR + 600000);
	assert_int_equal(now.messages, 10);
	assert_int_equal(now.recipients, 30);
}

static void the_hour_before_counts_less_and_less(void **state)
{
	struct rate r = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		rate_add(&r, &one, 1000 * HOUR + HOUR - 1);
	assert_int_equal(rate_at(&r, 1001 * HOUR).messages, 100);
	assert_int_equal(rate_at(&r, 1001 * HOUR + HOUR / 2).messages, 50);
	assert_int_equal(rate_at(&r, 1001 * HOUR + HOUR - 1).messages, 1); /* rounded up */
	assert_int_equal(rate_at(&r, 1002 * HOUR).messages, 0);
	rate_add(&r, &one, 1001 * HOUR + HOUR / 2);
	assert_int_equal(rate_at(&r, 1001 * HOUR + HOUR / 2).messages, 51);
	assert_int_equal(rate_at(&r, 1000 * HOUR).messages, 101); /* the clock went back */
	rate_add(&r, &one, 1005 * HOUR);
	assert_int_equal(rate_at(&r, 1005 * HOUR).messages, 1);
}

static void counts_stay_at_their_end(void **state)
{
	const struct use much = { .messages = UINT32_MAX, .recipients = UINT32_MAX };
	struct rate r = { 0 };

	(void)state;
	for (int i = 0; i < 3; i++)
		rate_add(&r, &much, HOUR);
	assert_int_equal(rate_at(&r, HOUR).messages, UINT32_MAX);
	rate_add(&r, &much, 2 * HOUR);
	assert_int_equal(rate_at(&r, 2 * HOUR).recipients, UINT32_MAX);
}

static void a_login_is_remembered_for_eight_days(void **state)
{
	const struct use login = { .login = true };
	struct rate r = { 0 };

	(void)state;
	rate_add(&r, &login, 1000 * HOUR + 5);
	assert_int_equal(r.login_ms, 1000 * HOUR + 5);
	rate_add(&r, &one, 1000 * HOUR + 9);
	assert_int_equal(r.login_ms, 1000 * HOUR + 5);
	assert_int_equal(rate_at(&r, 1000 * HOUR + 9).messages, 1);
	assert_true(rate_matters(&r, (1000 + 8 * 24) * HOUR));
	assert_false(rate_matters(&r, (1001 + 8 * 24) * HOUR));
}

static void rows_come_back_and_nothing_else_does(void **state)
{
	struct rate r = { 5, { 1, 2 }, { 3, 4 }, 99 }, back;
	uint8_t bytes[RATE_MAX];
	size_t n = rate_encode(&r, bytes);

	(void)state;
	assert_true(rate_decode((struct str){ (char *)bytes, n }, &back));
	assert_memory_equal(&r, &back, sizeof(r));
	for (size_t i = 0; i < n; i++) {
		bytes[i] ^= 1;
		assert_false(rate_decode((struct str){ (char *)bytes, n }, &back));
		bytes[i] ^= 1;
		assert_false(rate_decode((struct str){ (char *)bytes, i }, &back));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uses_add_up),
		cmocka_unit_test(the_hour_before_counts_less_and_less),
		cmocka_unit_test(counts_stay_at_their_end),
		cmocka_unit_test(a_login_is_remembered_for_eight_days),
		cmocka_unit_test(rows_come_back_and_nothing_else_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
