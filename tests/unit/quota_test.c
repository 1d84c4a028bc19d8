/* quota_test.c - lines of maildirsize. */
#include "tests/unit/test.h"

#include "pop3d/quota.h"

static void knows_a_quota_by_its_first_line(void **state)
{
	static const char *const good[] = { "1000S\n", "1000S,10C\n", "0C\n12 1\n",
		"1000000S,1000C\n   7  1\n" };
	static const char *const bad[] = { "", "\n", "1000S", "1000\n", "S\n", "1000S,\n", ",10C\n",
		"-1S\n", "From anna\n", "1000s\n", "1000S 10C\n", "99999999999999999999S\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(quota_begins(str_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(quota_begins(str_of(bad[i])));
}

static void takes_off_what_was_deleted(void **state)
{
	char text[QUOTA_LINE_MAX];

	(void)state;
	assert_true(str_eq(quota_line(1234, 2, text), STR("-1234 -2\n")));
	assert_true(str_eq(quota_line(UINT64_MAX, UINT64_MAX, text),
		STR("-18446744073709551615 -18446744073709551615\n")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_a_quota_by_its_first_line),
		cmocka_unit_test(takes_off_what_was_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
