/* value_test.c - durations, sizes, yes and no. */
#include "tests/unit/test.h"

#include "common/conf/value.h"

static void reads_durations(void **state)
{
	static const struct {
		const char *in;
		int64_t ms; /* -1: refused */
	} cases[] = { { "0", 0 }, { "250ms", 250 }, { "90s", 90000 }, { "30m", 1800000 },
		{ "2h", 7200000 }, { "7d", 604800000 }, { "30", -1 }, { "m", -1 }, { "", -1 },
		{ "-1s", -1 }, { "1.5h", -1 }, { "30 m", -1 }, { "9999999d", -1 },
		{ "99999999999999999999s", -1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ms = -1;

		assert_int_equal(value_duration(str_of(cases[i].in), &ms), cases[i].ms >= 0);
		assert_true(ms == cases[i].ms);
	}
}

static void reads_sizes(void **state)
{
	uint64_t n = 0;

	(void)state;
	assert_true(value_size(STR("50M"), &n) && n == 50 << 20);
	assert_true(value_size(STR("4096"), &n) && n == 4096);
	assert_false(value_size(STR("50MB"), &n));
	assert_false(value_size(STR("99999999999G"), &n));
}

static void reads_yes_and_no(void **state)
{
	bool b = false;

	(void)state;
	assert_true(value_bool(STR("Yes"), &b) && b);
	assert_true(value_bool(STR("off"), &b) && !b);
	assert_false(value_bool(STR("1"), &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(reads_sizes),
		cmocka_unit_test(reads_yes_and_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
