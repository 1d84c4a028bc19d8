/* csv_test.c - cells of RFC 4180 that no spreadsheet takes for a formula. */
#include "tests/unit/test.h"

#include "ctl/csv.h"

static const struct {
	const char *in, *out;
} cells[] = {
	{ "anna@example.net", "anna@example.net" },
	{ "", "" },
	{ "a,b", "\"a,b\"" },
	{ "say \"hi\"", "\"say \"\"hi\"\"\"" },
	{ " blank", "\" blank\"" },
	{ "line\r\nend", "\"line\r\nend\"" },
	{ "=1+1", "'=1+1" },
	{ "+1", "'+1" },
	{ "-x@example.net", "'-x@example.net" },
	{ "@SUM(A1)", "'@SUM(A1)" },
	{ "=a,b", "\"'=a,b\"" },
	{ "\tx", "\"'\tx\"" },
	{ "a;=1", "a;'=1" },
	{ "a; \"@x", "\"a; \"\"'@x\"" },
	{ "a;b=c", "a;b=c" },
	{ "a=b-c", "a=b-c" },
};

static void cells_are_quoted_and_never_formulas(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		struct buf b;

		buf_init(&b, 256);
		csv_cell(&b, true, str_of(cells[i].in));
		assert_true(str_eq(buf_str(&b), str_of(cells[i].out)));
		buf_free(&b);
	}
}

static void a_line_has_commas_between_and_crlf_behind(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 256);
	csv_cell(&b, true, STR("a"));
	csv_number(&b, false, -5);
	csv_cell(&b, false, STR(""));
	csv_end(&b);
	assert_true(str_eq(buf_str(&b), STR("a,-5,\r\n")));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_are_quoted_and_never_formulas),
		cmocka_unit_test(a_line_has_commas_between_and_crlf_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
