/* send_test.c - a message whole and its top, cut at every place. */
#include "tests/unit/test.h"

#include "pop3d/send.h"

static const char file[] = "A: 1\n.B: 2\n\none\r\n.two\nthree";

static void sends(uint64_t lines, const char *want)
{
	struct str all = STR(file);

	for (size_t cut = 0; cut <= all.n; cut++) {
		struct send s;
		struct buf out;

		buf_init(&out, 1000);
		send_start(&s, lines);
		if (send_piece(&s, str_first(all, cut), &out))
			(void)!send_piece(&s, str_from(all, cut), &out);
		send_end(&s, &out);
		assert_true(str_eq(buf_str(&out), str_of(want)));
		buf_free(&out);
	}
}

static void top_counts_lines_of_the_body(void **state)
{
	(void)state;
	sends(SEND_ALL, "A: 1\r\n..B: 2\r\n\r\none\r\n..two\r\nthree\r\n.\r\n");
	sends(0, "A: 1\r\n..B: 2\r\n\r\n.\r\n");
	sends(1, "A: 1\r\n..B: 2\r\n\r\none\r\n.\r\n");
	sends(2, "A: 1\r\n..B: 2\r\n\r\none\r\n..two\r\n.\r\n");
	sends(99, "A: 1\r\n..B: 2\r\n\r\none\r\n..two\r\nthree\r\n.\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(top_counts_lines_of_the_body) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
