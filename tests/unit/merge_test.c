/* merge_test.c - which record stands, which revocation covers it. */
#include "tests/unit/test.h"

#include "common/window/merge.h"

static void the_later_login_stands_in_either_order(void **state)
{
	const struct record a = { .login_ms = 100, .until_ms = 900, .logins = 2, .port = 1 };
	const struct record b = { .login_ms = 200, .until_ms = 300, .logins = 3, .port = 2 };
	const struct record c = { .login_ms = 200, .until_ms = 400, .logins = 1, .port = 3 };

	(void)state;
	assert_int_equal(merge_grants(&a, &b).port, 2);
	assert_int_equal(merge_grants(&b, &a).port, 2);
	assert_int_equal(merge_grants(&a, &b).logins, 5);
	assert_int_equal(merge_grants(&b, &c).port, 3);
	assert_int_equal(merge_grants(&c, &b).port, 3);
	assert_true(merge_later(&b, &a) && !merge_later(&a, &b) && !merge_later(&a, &a));
}

static void a_record_counts_only_behind_all_four(void **state)
{
	const struct record r = { .login_ms = 100 };

	(void)state;
	assert_false(merge_revoked(&r, &(struct not_before){ { 0, 0, 0, 0 } }));
	assert_false(merge_revoked(&r, &(struct not_before){ { 99, 99, 99, 99 } }));
	for (int scope = 0; scope < 4; scope++) {
		struct not_before nb = { { 0 } };

		nb.ms[scope] = 100;
		assert_true(merge_revoked(&r, &nb));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_later_login_stands_in_either_order),
		cmocka_unit_test(a_record_counts_only_behind_all_four),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
