/* line_test.c - lines, the same however the octets arrive. */
#include "tests/unit/test.h"

#include "common/line/line.h"

static const struct {
	struct str in;
	enum line smtp, pop3;
} cases[] = {
	{ { "QUIT\r\n", 6 }, LINE_WHOLE, LINE_WHOLE },
	{ { "QUIT\r", 5 }, LINE_PARTIAL, LINE_PARTIAL },
	{ { "QUIT\n", 5 }, LINE_FORBIDDEN, LINE_WHOLE },
	{ { "a\rb\r\n", 5 }, LINE_FORBIDDEN, LINE_FORBIDDEN },
	{ { "a\0b\r\n", 5 }, LINE_FORBIDDEN, LINE_FORBIDDEN },
	{ { "\r\n", 2 }, LINE_WHOLE, LINE_WHOLE },
	{ { "12345678\r\n", 10 }, LINE_WHOLE, LINE_WHOLE },
	{ { "123456789\r\n", 11 }, LINE_TOO_LONG, LINE_TOO_LONG },
	{ { "123456789\n", 10 }, LINE_FORBIDDEN, LINE_WHOLE },
	{ { "1234567890\n", 11 }, LINE_TOO_LONG, LINE_TOO_LONG },
	{ { "", 0 }, LINE_PARTIAL, LINE_PARTIAL },
};

typedef enum line cut(struct str in, size_t max, struct str *line, size_t *used);

/* TCP may deliver any prefix: each must give PARTIAL or the final answer, never a third thing. */
static enum line cut_bytewise(cut *fn, struct str in)
{
	enum line got = LINE_PARTIAL;
	struct str line;
	size_t used;

	for (size_t n = 0; n <= in.n && got == LINE_PARTIAL; n++)
		got = fn(str_first(in, n), 10, &line, &used);
	return got;
}

static void cuts_the_same_however_the_bytes_arrive(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(cut_bytewise(line_cut, cases[i].in), cases[i].smtp);
		assert_int_equal(cut_bytewise(line_cut_lf, cases[i].in), cases[i].pop3);
	}
}

static void skips_behind_the_next_lf(void **state)
{
	bool ended;

	(void)state;
	assert_int_equal(line_skip(STR("abc\ndef\n"), &ended), 4);
	assert_true(ended);
	assert_int_equal(line_skip(STR("abc"), &ended), 3);
	assert_false(ended);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_the_same_however_the_bytes_arrive),
		cmocka_unit_test(skips_behind_the_next_lf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
