/* reply_test.c - replies of next hops, byte by byte. */
#include "tests/unit/test.h"

#include "smtpgate/reply.h"

static const struct {
	const char *in;
	enum reply_read want;
	int code;
	const char *text;
} cases[] = {
	{ "250 ok\r\n", REPLY_WHOLE, 250, "ok" },
	{ "250\r\n", REPLY_WHOLE, 250, "" },
	{ "250-a\r\n250-b\r\n250 c\r\n", REPLY_WHOLE, 250, "a\nb\nc" },
	{ "250-a\r\n250", REPLY_PARTIAL, 0, "" },
	{ "250-a\r\n251 b\r\n", REPLY_BAD, 0, "" },
	{ "250 \x1b[31m\xff\r\n", REPLY_WHOLE, 250, "?[31m?" },
	{ "150 x\r\n", REPLY_BAD, 0, "" },
	{ "999 x\r\n", REPLY_BAD, 0, "" },
	{ "25 x\r\n", REPLY_BAD, 0, "" },
	{ "2500 x\r\n", REPLY_BAD, 0, "" },
	{ "hello\r\n", REPLY_BAD, 0, "" },
	{ "250 ok\n", REPLY_BAD, 0, "" },
	{ "250 a\rb\r\n", REPLY_BAD, 0, "" },
	{ "", REPLY_PARTIAL, 0, "" },
};

static void reads_the_same_however_it_comes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str in = str_of(cases[i].in);
		enum reply_read got = REPLY_PARTIAL;
		struct reply r;
		size_t used = 0;

		for (size_t n = 0; n <= in.n && got == REPLY_PARTIAL; n++)
			got = reply_read(str_first(in, n), &r, &used);
		assert_int_equal(got, cases[i].want);
		if (got != REPLY_WHOLE)
			continue;
		assert_int_equal(used, in.n);
		assert_int_equal(r.code, cases[i].code);
		assert_true(str_eq((struct str){ r.text, r.n }, str_of(cases[i].text)));
	}
}

static void an_endless_reply_is_bad(void **state)
{
	static char big[REPLY_OCTETS_MAX + 100];
	struct reply r;
	size_t used;

	(void)state;
	for (size_t i = 0; i + 10 <= sizeof(big); i += 10)
		memcpy(big + i, "250-abcd\r\n", 10);
	assert_int_equal(
		reply_read((struct str){ big, sizeof(big) / 10 * 10 }, &r, &used), REPLY_BAD);
}

static void is_written_with_its_code_on_every_line(void **state)
{
	struct reply r;
	struct buf out;
	size_t used;

	(void)state;
	assert_int_equal(reply_read(STR("550-5.1.1 one\r\n550 two\r\n"), &r, &used), REPLY_WHOLE);
	buf_init(&out, 1000);
	reply_put(&out, &r);
	assert_true(str_eq(buf_str(&out), STR("550-5.1.1 one\r\n550 two\r\n")));
	buf_free(&out);
	r.code = 354;
	assert_int_equal(reply_honest(&r).code, 451);
	r.code = 421;
	assert_int_equal(reply_honest(&r).code, 451); /* we do not hang up */
	assert_int_equal(reply_honest(&r).n, r.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_same_however_it_comes),
		cmocka_unit_test(an_endless_reply_is_bad),
		cmocka_unit_test(is_written_with_its_code_on_every_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
