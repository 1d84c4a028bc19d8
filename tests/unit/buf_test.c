/* buf_test.c - first in, first out, and never over the limit. */
#include "tests/unit/test.h"

#include "common/base/buf.h"

static void assert_holds(const struct buf *b, const char *want)
{
	assert_true(str_eq(buf_str(b), str_of(want)));
}

static void gives_back_in_order_what_it_took(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (int i = 0; i < 300; i++) {
		buf_add(&b, STR("abc"));
		buf_take(&b, 2);
		buf_take(&b, 1);
	}
	buf_printf(&b, "%d-%s", 7, "x");
	buf_line(&b, STR("!"));
	assert_holds(&b, "7-x!\r\n");
	assert_false(b.broken);
	buf_free(&b);
}

static void breaks_instead_of_growing_over_its_limit(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_add(&b, STR("1234567890"));
	assert_int_equal(buf_room(&b), 0);
	assert_null(buf_reserve(&b, 1));
	buf_add(&b, STR("x"));
	assert_true(b.broken);
	assert_holds(&b, "1234567890");
	buf_take(&b, 10);
	assert_int_equal(buf_room(&b), 0); /* broken stays broken */
	buf_free(&b);
	assert_false(b.broken);
}

static void an_empty_one_owns_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_add(&b, STR("123"));
	buf_trim(&b);
	assert_non_null(b.p);
	buf_clear(&b);
	buf_trim(&b);
	assert_null(b.p);
	assert_int_equal(buf_str(&b).n, 0);
	buf_free(&b);
}

static void moves_all_of_one_behind_another(void **state)
{
	struct buf from, to;

	(void)state;
	buf_init(&from, 100);
	buf_init(&to, 100);
	buf_add(&from, STR("one"));
	buf_move(&to, &from);
	buf_add(&from, STR("two"));
	buf_move(&to, &from);
	assert_holds(&to, "onetwo");
	assert_int_equal(from.len, 0);
	buf_free(&from);
	buf_free(&to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_in_order_what_it_took),
		cmocka_unit_test(breaks_instead_of_growing_over_its_limit),
		cmocka_unit_test(an_empty_one_owns_nothing),
		cmocka_unit_test(moves_all_of_one_behind_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
