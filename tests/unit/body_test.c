/* body_test.c - where a message ends, however it is cut. */
#include "tests/unit/test.h"

#include "smtpgate/body.h"

static const struct {
	struct str in;
	enum body_scan want;
	const char *passed, *rest; /* rest: behind the end */
} cases[] = {
#define IN(s)                      \
	{                          \
		(s), sizeof(s) - 1 \
	}
	{ IN(".\r\n"), BODY_END, "", "" },
	{ IN("a\r\n.\r\nQUIT\r\n"), BODY_END, "a\r\n", "QUIT\r\n" },
	{ IN("..\r\n.\r\n"), BODY_END, "..\r\n", "" },
	{ IN("a\r\n.b\r\n.\r\n"), BODY_END, "a\r\n.b\r\n", "" },
	{ IN("\r\n\r\n.\r\n"), BODY_END, "\r\n\r\n", "" },
	{ IN("a\n.\r\n"), BODY_FORBIDDEN, "a", NULL },
	{ IN("a\r.\r\n"), BODY_FORBIDDEN, "a", NULL },
	{ IN("a\r\n.\n"), BODY_FORBIDDEN, "a\r\n.", NULL },
	{ IN("a\r\n.\r\r\n"), BODY_FORBIDDEN, "a\r\n.", NULL },
	{ IN("a\0b\r\n"), BODY_FORBIDDEN, "a", NULL },
	{ IN("\n"), BODY_FORBIDDEN, "", NULL },
	{ IN("a\r\n."), BODY_MORE, "a\r\n", NULL },
	{ IN("a\r\n.\r"), BODY_MORE, "a\r\n", NULL },
	{ IN("a\r"), BODY_MORE, "a", NULL },
	{ IN("abc"), BODY_MORE, "abc", NULL },
#undef IN
};

/* Feeds in up to each length in turn, as a buffer that grows. */
static enum body_scan scan(struct str in, size_t step, char *passed, size_t *used)
{
	struct body b = { 0 };
	enum body_scan got = BODY_MORE;
	size_t start = 0, n = 0;

	for (size_t end = 0; end <= in.n && got == BODY_MORE; end += step) {
		struct str pass;
		size_t taken;

		got = body_scan(&b, (struct str){ in.p + start, end - start }, &pass, &taken);
		memcpy(passed + n, pass.p, pass.n);
		n += pass.n;
		start += taken;
		if (end < in.n && end + step > in.n)
			end = in.n - step;
	}
	passed[n] = '\0';
	*used = start;
	return got;
}

static void ends_at_the_same_place_however_it_is_cut(void **state)
{
	char passed[100];
	size_t used;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t step = 1; step <= cases[i].in.n; step++) {
			assert_int_equal(scan(cases[i].in, step, passed, &used), cases[i].want);
			assert_string_equal(passed, cases[i].passed);
			if (cases[i].rest != NULL)
				assert_true(
					str_eq(str_from(cases[i].in, used), str_of(cases[i].rest)));
		}
	}
}

static void a_refused_message_is_eaten_to_its_true_end(void **state)
{
	struct str in = STR("junk\n.\nmore\r.\r\r\n..\r\n\r\n.\r\nQUIT\r\n");

	(void)state;
	for (size_t cut = 0; cut <= in.n; cut++) {
		struct body b = { .mid_line = true };
		size_t used = 0, first = 0;
		bool ended = body_eat(&b, str_first(in, cut), &first);

		if (!ended)
			ended = body_eat(&b, str_from(in, cut), &used);
		assert_true(ended);
		assert_true(str_eq(str_from(in, first + used), STR("QUIT\r\n")));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_at_the_same_place_however_it_is_cut),
		cmocka_unit_test(a_refused_message_is_eaten_to_its_true_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
