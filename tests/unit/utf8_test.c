/* utf8_test.c - RFC 3629: shortest forms, no surrogates, nothing over U+10FFFF. */
#include "tests/unit/test.h"

#include "common/base/utf8.h"

static void knows_what_is_utf8(void **state)
{
	static const struct {
		const char *in;
		bool valid;
	} cases[] = {
		{ "", true },
		{ "plain", true },
		{ "\xc3\xa4", true },
		{ "\xe2\x82\xac", true },
		{ "\xf0\x9f\x93\xae", true },
		{ "\xf4\x8f\xbf\xbf", true },
		{ "\xc0\xaf", false },
		{ "\xe0\x80\xaf", false },
		{ "\xed\xa0\x80", false },
		{ "\xf4\x90\x80\x80", false },
		{ "\xff", false },
		{ "\x80", false },
		{ "a\xc3", false },
		{ "\xe2\x82", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(utf8_valid(str_of(cases[i].in)), cases[i].valid);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(knows_what_is_utf8) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
