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

/* What body_scan() has to find, octet by octet: how many may go on, how many of the dots are doubled. */
static enum body_scan plainly(struct str in, size_t *pass, uint64_t *dots)
{
	bool start = true;
	size_t i = 0;

	*dots = 0;
	for (; i < in.n; i++) {
		char c = in.p[i], next = i + 1 < in.n ? in.p[i + 1] : 'x';

		*pass = i;
		if (start && str_starts_nocase(str_from(in, i), STR(".\r\n")))
			return BODY_END;
		if (c == '\0' || c == '\n' || (c == '\r' && next != '\n'))
			return BODY_FORBIDDEN;
		*dots += start && c == '.';
		start = c == '\r';
		i += c == '\r';
	}
	*pass = i;
	return BODY_MORE;
}

/* Whatever stands there, and wherever: the blocks of body.c have ends, and so have the strides in them. */
static void a_long_message_is_read_as_octet_by_octet(void **state)
{
	const struct str odd[] = { STR("\0"), STR("\r"), STR("\n"), STR("\r\n."), STR("\r\n..\r\n"),
		STR("\r\r\n"), STR("\n\r"), STR("\r\n.\r\n"), STR("\r\n.\n"), STR("x.") };
	static char text[3 * 4096 + 500];

	(void)state;
	for (size_t at = 0; at < sizeof(text) - 10;
		at += at % 4096 < 4020 && at % 4096 > 140 ? 61 : 1)
		for (size_t k = 0; k < sizeof(odd) / sizeof(odd[0]); k++) {
			struct str in = { text, sizeof(text) }, pass;
			struct body b = { 0 };
			uint64_t dots;
			size_t want, used;

			for (size_t i = 0; i < sizeof(text); i++)
				text[i] = "12345678901234567890\r\n"[i % 22];
			memcpy(text + at, odd[k].p, odd[k].n);
			in.n -= text[in.n - 1] == '\r'; /* nothing is to be left */
			assert_int_equal(
				body_scan(&b, in, &pass, &used), plainly(in, &want, &dots));
			assert_int_equal(pass.n, want);
			assert_int_equal(b.dots, dots);
		}
}

/* Feeds in by pieces of step octets; what came out is in out. */
static enum body_scan rewrite(
	struct str in, size_t step, struct body *b, struct buf *out, size_t *used)
{
	enum body_scan got = BODY_MORE;
	size_t done = 0, n;

	while (done < in.n && got == BODY_MORE) {
		struct str piece =
			str_first(str_from(in, done), in.n - done < step ? in.n - done : step);

		got = body_rewrite(b, piece, out, &n);
		done += n;
	}
	*used = done;
	return got;
}

static void bare_line_ends_are_mended_and_end_nothing(void **state)
{
	static const struct {
		struct str in;
		enum body_scan want;
		const char *out, *rest;
	} rows[] = {
#define IN(s) { (s), sizeof(s) - 1 }
		{ IN(".\r\nQUIT\r\n"), BODY_END, "", "QUIT\r\n" },
		{ IN("a\r\n.\r\nQ"), BODY_END, "a\r\n", "Q" },
		{ IN("a\nb\rc\r\n.\r\n"), BODY_END, "a\r\nb\r\nc\r\n", "" },
		{ IN("a\n.\r\nb\r\n.\r\n"), BODY_END, "a\r\n..\r\nb\r\n", "" },
		{ IN("a\r\n.\nb\r\n.\r\n"), BODY_END, "a\r\n..\r\nb\r\n", "" },
		{ IN("a\r\n.\rb\r\n.\r\n"), BODY_END, "a\r\n..\r\nb\r\n", "" },
		{ IN("a\r.\r.\n.\n\r\n.\r\n"), BODY_END, "a\r\n..\r\n..\r\n..\r\n\r\n", "" },
		{ IN("a\r\r\n..b\r\n.\r\n"), BODY_END, "a\r\n\r\n..b\r\n", "" },
		{ IN("a\n.b\0c"), BODY_FORBIDDEN, "a\r\n.b", NULL },
#undef IN
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t step = 1; step <= rows[i].in.n; step++) {
			struct body b = { 0 };
			struct buf out;
			size_t used;

			buf_init(&out, 1000);
			assert_int_equal(rewrite(rows[i].in, step, &b, &out, &used), rows[i].want);
			assert_true(str_eq(buf_str(&out), str_of(rows[i].out)));
			if (rows[i].rest != NULL)
				assert_true(
					str_eq(str_from(rows[i].in, used), str_of(rows[i].rest)));
			buf_free(&out);
		}
	}
}

/* Given up at any octet, a message still ends where it would have. */
static void a_mended_message_can_be_given_up_at_any_octet(void **state)
{
	struct str in = STR("a\n.\r\n..\r\n.x\r\r\n.\r\nQUIT\r\n");

	(void)state;
	for (size_t cut = 0; cut < in.n - 6; cut++) {
		struct body b = { 0 };
		struct buf out;
		size_t used, rest;

		buf_init(&out, 1000);
		assert_int_equal(rewrite(str_first(in, cut), 1, &b, &out, &used), BODY_MORE);
		assert_true(body_eat(&b, str_from(in, cut), &rest));
		assert_true(str_eq(str_from(in, cut + rest), STR("QUIT\r\n")));
		buf_free(&out);
	}
}

static void chunks_are_stuffed_however_they_are_cut(void **state)
{
	struct str in = STR(".\r\n..\r\na.\r\n\r\n.x\r\n.");

	(void)state;
	for (size_t step = 1; step <= in.n; step++) {
		struct body b = { 0 };
		struct buf out;

		buf_init(&out, 1000);
		for (size_t at = 0; at < in.n; at += step)
			assert_true(body_chunk(&b,
				str_first(str_from(in, at), in.n - at < step ? in.n - at : step),
				&out));
		assert_true(body_chunk_end(&b, &out));
		assert_true(str_eq(buf_str(&out), STR("..\r\n...\r\na.\r\n\r\n..x\r\n..\r\n")));
		assert_int_equal(b.dots, 4);
		buf_free(&out);
	}
}

static void chunks_hold_no_bare_line_ends(void **state)
{
	static const char *const wrong[] = { "a\nb", "\n", "a\rb", "a\r\r\n", "\r\r" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct body whole = { 0 }, cut = { 0 };
		struct buf out;
		bool fine = true;

		buf_init(&out, 1000);
		assert_false(body_chunk(&whole, str_of(wrong[i]), &out));
		for (const char *c = wrong[i]; *c != '\0'; c++)
			fine = fine && body_chunk(&cut, (struct str){ c, 1 }, &out);
		assert_false(fine);
		buf_free(&out);
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
		cmocka_unit_test(a_long_message_is_read_as_octet_by_octet),
		cmocka_unit_test(bare_line_ends_are_mended_and_end_nothing),
		cmocka_unit_test(a_mended_message_can_be_given_up_at_any_octet),
		cmocka_unit_test(chunks_are_stuffed_however_they_are_cut),
		cmocka_unit_test(chunks_hold_no_bare_line_ends),
		cmocka_unit_test(a_refused_message_is_eaten_to_its_true_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
