/* str_test.c - questions about octets. */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "common/base/str.h"

static void numbers_are_digits_within_a_limit(void **state)
{
	static const struct {
		const char *in;
		uint64_t max;
		bool fine;
		uint64_t out;
	} cases[] = {
		{ "0", 9, true, 0 },
		{ "9", 9, true, 9 },
		{ "10", 9, false, 0 },
		{ "007", 9, true, 7 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "4294967297", UINT32_MAX, false, 0 },
		{ "", 9, false, 0 },
		{ "-1", 9, false, 0 },
		{ "+1", 9, false, 0 },
		{ " 1", 9, false, 0 },
		{ "1x", 9, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t out = 77;

		assert_int_equal(
			str_to_u64(str_of(cases[i].in), cases[i].max, &out), cases[i].fine);
		assert_true(out == (cases[i].fine ? cases[i].out : 77));
	}
}

static void a_name_is_never_cut_short(void **state)
{
	char dst[4] = "xxx";

	(void)state;
	assert_true(str_to_cstr(STR("abc"), dst, sizeof(dst)));
	assert_string_equal(dst, "abc");
	assert_false(str_to_cstr(STR("abcd"), dst, sizeof(dst)));
	assert_string_equal(dst, "");
	assert_false(str_to_cstr(STR("a\0b"), dst, sizeof(dst)));
}

static void splits_at_the_first(void **state)
{
	struct str head, tail;

	(void)state;
	assert_true(str_split(STR("a:b:c"), ':', &head, &tail));
	assert_true(str_eq(head, STR("a")) && str_eq(tail, STR("b:c")));
	assert_false(str_split(STR("abc"), ':', &head, &tail));
	assert_true(str_eq(head, STR("abc")) && tail.n == 0);
	assert_true(str_split(STR(":"), ':', &head, &tail));
	assert_true(head.n == 0 && tail.n == 0);
}

static void compares_ascii_letters_in_either_case(void **state)
{
	(void)state;
	assert_true(str_eq_nocase(STR("QuIt"), STR("qUiT")));
	assert_false(str_eq_nocase(STR("quit"), STR("quits")));
	assert_false(str_eq_nocase(STR("\xc4"), STR("\xe4")));
	assert_true(str_starts_nocase(STR("FROM:<>"), STR("from:")));
	assert_false(str_starts_nocase(STR("FRO"), STR("from:")));
	assert_true(str_ends(STR("a\r\n"), STR("\r\n")));
	assert_true(str_eq(str_trim(STR(" \ta b\t ")), STR("a b")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_digits_within_a_limit),
		cmocka_unit_test(a_name_is_never_cut_short),
		cmocka_unit_test(splits_at_the_first),
		cmocka_unit_test(compares_ascii_letters_in_either_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
