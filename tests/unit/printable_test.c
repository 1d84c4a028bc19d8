/* printable_test.c - what somebody else wrote never moves the cursor. */
#include "tests/unit/test.h"

#include "ctl/printable.h"

static const struct {
	const char *in, *out, *ascii;
} cases[] = {
	{ "anna@example.net", "anna@example.net", "anna@example.net" },
	{ "\033]0;title\a", "\\x1b]0;title\\x07", "\\x1b]0;title\\x07" },
	{ "a\r\nb\tc\177", "a\\x0d\\x0ab\\x09c\\x7f", "a\\x0d\\x0ab\\x09c\\x7f" },
	{ "m\xc3\xbcller", "m\xc3\xbcller", "m\\xc3\\xbcller" },
	{ "\xc2\x9b"
	  "31m",
		"\\xc2\\x9b31m", "\\xc2\\x9b31m" }, /* CSI of C1 */
	{ "\x9b"
	  "31m",
		"\\x9b31m", "\\x9b31m" },
	{ "a\xe2\x80\xae"
	  "b",
		"a\\xe2\\x80\\xaeb", "a\\xe2\\x80\\xaeb" }, /* turns text around */
	{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8", "\\xe2\\x80\\xa8" }, /* a line's end */
	{ "\xc3", "\\xc3", "\\xc3" },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80" },
};

static void shows_what_a_terminal_would_obey(void **state)
{
	char out[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(printable(str_of(cases[i].in), false, out, sizeof(out)),
			strlen(cases[i].out));
		assert_string_equal(out, cases[i].out);
		printable(str_of(cases[i].in), true, out, sizeof(out));
		assert_string_equal(out, cases[i].ascii);
	}
}

static void leaves_out_whole_characters_only(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(printable(STR("123456\xc3\xbc"), false, out, sizeof(out)), 6);
	assert_string_equal(out, "123456");
	assert_int_equal(printable(STR("12345\033"), false, out, sizeof(out)), 5);
	assert_string_equal(out, "12345");
}

static void fits_as_many_columns_as_there_are(void **state)
{
	size_t columns = 3;

	(void)state;
	assert_int_equal(printable_fit("ab\xc3\xbc"
				       "d",
				 &columns),
		4);
	assert_int_equal(columns, 3);
	columns = 10;
	assert_int_equal(printable_fit("abc", &columns), 3);
	assert_int_equal(columns, 3);
	assert_int_equal(printable_width(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_what_a_terminal_would_obey),
		cmocka_unit_test(leaves_out_whole_characters_only),
		cmocka_unit_test(fits_as_many_columns_as_there_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
