/* comments_test.c - comments go, and nothing else does. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf/comments.h"

static const struct {
	const char *in, *want;
} cases[] = {
	{ "", "" },
	{ "#", " " },
	{ "a # b", "a    " },
	{ "a#b\nc", "a  \nc" },
	{ "## b\n\n#c\nd", "    \n\n  \nd" },
	{ "a = \"x#y\" # \"\nb", "a = \"x#y\"    \nb" },
	{ "a = 'x#y' # '\nb", "a = 'x#y'    \nb" },
	{ "a = \"x\\\"#y\" #", "a = \"x\\\"#y\"  " },
	{ "a = 'x\\'#y' #", "a = 'x\\'#y'  " },
	{ "a = \"${B\"#}#\" #", "a = \"${B\"#}#\"  " },
	{ "a = ${B#} #", "a = ${B#}  " },
	{ "a = \"${B\" # c", "a = \"${B\"    " },
	{ "// don't\na = 'b#c'", "        \na = 'b#c'" },
	{ "a = maildir:/a//b # c", "a = maildir:/a//b    " },
	{ "a {// b\n}", "a {    \n}" },
	{ "/* a\n * 'b */ c = 'd#e'", "    \n         c = 'd#e'" },
	{ "a/* b", "a/* b" },
	{ "/* a", "/* a" },
	{ "/*/ a", "/*/ a" },
	{ "/*/", "/*/" },
	{ "/**/#", "     " },
	{ "a = \"b", "a = \"b" },
	{ "a = \"b\\", "a = \"b\\" },
	{ "{ \"a\", # b\n\"c\" }", "{ \"a\",    \n\"c\" }" },
};

static void comments_are_blanks_and_nothing_else_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *got = strdup(cases[i].in);

		assert_non_null(got);
		comments_blank(got, strlen(got));
		assert_string_equal(got, cases[i].want);
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comments_are_blanks_and_nothing_else_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
