#include "tests/unit/test.h"

#include "tests/bench/hear.h"

static const struct {
	enum hear hear;
	const char *want, *said;
	enum heard heard;
	unsigned long long octets;
} cases[] = {
	{ HEAR_POP3, "+OK", "+OK fine\r\n", HEARD_RIGHT, 0 },
	{ HEAR_POP3, "+OK", "+OK fine", HEARD_MORE, 0 },
	{ HEAR_POP3, "+OK", "-ERR no\r\n", HEARD_WRONG, 0 },
	{ HEAR_POP3, "+OK", "+OK bare\n", HEARD_WRONG, 0 },
	{ HEAR_POP3, "+OK", "\n", HEARD_WRONG, 0 },
	{ HEAR_SMTP, "250", "250-a\r\n250-b\r\n250 c\r\n", HEARD_RIGHT, 0 },
	{ HEAR_SMTP, "250", "250-a\r\n", HEARD_MORE, 0 },
	{ HEAR_SMTP, "250", "250-a\r\n550 c\r\n", HEARD_WRONG, 0 },
	{ HEAR_SMTP, "5", "550 5.7.1 no\r\n", HEARD_RIGHT, 0 },
	{ HEAR_STAT, "+OK ", "+OK 3 1200\r\n", HEARD_RIGHT, 0 },
	{ HEAR_SMTP, "5", "5\r\n", HEARD_RIGHT, 0 },
	{ HEAR_STAT, "+OK ", "+OK 3 1200 and more\r\n", HEARD_RIGHT, 0 },
	{ HEAR_STAT, "+OK ", "+OK some\r\n", HEARD_WRONG, 0 },
	{ HEAR_STAT, "+OK ", "+OK 3 -1\r\n", HEARD_WRONG, 0 },
	{ HEAR_STAT, "+OK ", "+OK 3\r\n", HEARD_WRONG, 0 },
	{ HEAR_BODY, "+OK", "+OK\r\nab\r\n.\r\n", HEARD_RIGHT, 4 },
	{ HEAR_BODY, "+OK", "+OK\r\n.\r\n", HEARD_RIGHT, 0 },
	{ HEAR_BODY, "+OK", "+OK\r\n..\r\n...a\r\nb\r\n.\r\n", HEARD_RIGHT, 11 },
	{ HEAR_BODY, "+OK", "+OK\r\na\r\r\n\n.\n.\r\nb\r\n", HEARD_MORE, 13 },
	{ HEAR_BODY, "+OK", "+OK\r\na\r\n.\rb\r\n.\r\n", HEARD_RIGHT, 7 },
	{ HEAR_BODY, "+OK", "+OK\r\na\r\n.\r\r\n.\r\n", HEARD_RIGHT, 6 },
	{ HEAR_BODY, "+OK", "-ERR gone\r\n", HEARD_WRONG, 0 },
};

static enum heard in_pieces(size_t i, size_t piece, struct listener *l)
{
	struct step step = { .hear = cases[i].hear, .want = cases[i].want };
	struct str in = str_of(cases[i].said);
	enum heard heard = HEARD_MORE;

	while (in.n > 0 && heard == HEARD_MORE) {
		size_t n = piece < in.n ? piece : in.n;

		heard = hear_feed(l, &step, str_first(in, n));
		in = str_from(in, n);
	}
	return heard;
}

static void hears_the_same_however_the_octets_arrive(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece <= strlen(cases[i].said); piece++) {
			struct listener l = { 0 };

			assert_int_equal(in_pieces(i, piece, &l), cases[i].heard);
			assert_int_equal(l.octets, cases[i].octets);
		}
}

static void what_was_not_asked_for_is_wrong(void **state)
{
	struct step step = { .hear = HEAR_POP3, .want = "+OK" };
	struct listener l = { 0 };

	(void)state;
	assert_int_equal(hear_feed(&l, &step, STR("+OK\r\n+OK\r\n")), HEARD_WRONG);
}

static void a_line_of_any_length_is_judged_by_its_start(void **state)
{
	struct step step = { .hear = HEAR_POP3, .want = "+OK" };
	struct listener l = { 0 };
	char line[2000];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "+OK", 3);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	assert_int_equal(hear_feed(&l, &step, (struct str){ line, sizeof(line) }), HEARD_RIGHT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hears_the_same_however_the_octets_arrive),
		cmocka_unit_test(what_was_not_asked_for_is_wrong),
		cmocka_unit_test(a_line_of_any_length_is_judged_by_its_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
