/* when_test.c - moments as people and mails write them. */
#include "tests/unit/test.h"

#include "ctl/when.h"

#define T INT64_C(1769903999000) /* 2026-01-31T23:59:59Z */

static const struct {
	const char *text;
	int64_t ms;
	bool zoned;
} good[] = {
	{ "2026-01-31T23:59:59Z", T, true },
	{ "2026-01-31t23:59:59z", T, true },
	{ "2026-01-31 23:59:59", T, false },
	{ "2026-01-31 23:59", T - 59000, false },
	{ "2026-01-31T23:59:59.25Z", T + 250, true },
	{ "2026-01-31T23:59:59,1234567Z", T + 123, true },
	{ "2026-02-01T00:59:59+01:00", T, true },
	{ "2026-02-01T00:59:59+0100", T, true },
	{ "2026-01-31T18:59:59-05", T, true },
	{ "2026-01-31T23:59:59 +00:00", T, true },
	{ "2024-02-29T00:00:00Z", INT64_C(1709164800000), true },
	{ "1970-01-01T00:00:00Z", 0, true },
	{ "2000-03-01T00:00:00Z", INT64_C(951868800000), true },
	{ "Sat, 31 Jan 2026 23:59:59 +0000", T, true },
	{ "Sat, 31 Jan 2026 18:59:59 -0500 (EST)", T, true },
	{ "31 Jan 2026 23:59:59 GMT", T, true },
	{ "31 Jan 26 18:59:59 EST", T, true },
	{ "sat,31 jan 2026 23 : 59 : 59 +0000", T, true },
	{ "(on) Sat, 31 Jan (winter (cold)) 2026 23:59 UT", T - 59000, true },
	{ "1 Feb 2026 00:59:59 +0100", T, true },
	{ "31 Jan 126 23:59:59 Z", T, true },
	{ "31 Jan 2026 23:59:59", T, false },
	{ "Sat, 31 Jan 2026\r\n 23:59:59 +0000", T, true },
	{ "@1769903999", T, true },
	{ "  @0 ", 0, true },
};

static const char *const bad[] = {
	"",
	"now",
	"2026-01-31",
	"2026-02-29T00:00:00Z",
	"2026-13-01T00:00:00Z",
	"2026-00-01T00:00:00Z",
	"2026-01-31T24:00:00Z",
	"2026-01-31T23:60:00Z",
	"2026-01-31T23:59:59Zx",
	"2026-01-31T23:59:59+24:00",
	"2026-01-31T23:59:59+1",
	"26-01-31T23:59:59Z",
	"1969-12-31T23:59:59Z",
	"1970-01-01T00:00:00+01:00",
	"2026-01-31T23:59:59.Z",
	"31 Foo 2026 23:59:59 +0000",
	"Someday, 31 Jan 2026 23:59:59 +0000",
	"31 Jan 2026 23:59:59 +0000 extra",
	"31 Jan 2026 23:59:59 (open",
	"31 Jan 2026",
	"@-1",
	"@99999999999999999999",
	"@",
};

static void moments_are_read_in_all_three_forms(void **state)
{
	struct moment m;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!when_parse(str_of(good[i].text), &m) || m.ms != good[i].ms ||
			m.zoned != good[i].zoned)
			fail_msg("%s", good[i].text);
	}
}

static void what_is_no_moment_is_refused(void **state)
{
	struct moment m = { .ms = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (when_parse(str_of(bad[i]), &m) || m.ms != 7)
			fail_msg("%s", bad[i]);
}

static void what_is_written_stands_for_all_of_its_last_unit(void **state)
{
	struct moment m;

	(void)state;
	assert_true(when_parse(STR("2026-01-31T23:59:59.5Z"), &m) && m.span_ms == 0);
	assert_true(when_parse(STR("2026-01-31T23:59:59Z"), &m) && m.span_ms == 999);
	assert_true(when_parse(STR("2026-01-31 23:59"), &m) && m.span_ms == 59999);
	assert_true(when_parse(STR("31 Jan 2026 23:59:59 Z"), &m) && m.span_ms == 999);
	assert_true(when_parse(STR("31 Jan 2026 23:59 Z"), &m) && m.span_ms == 59999);
}

/* A shorter text is another moment or none, never a crash (the fuzz target goes further). */
static void every_beginning_is_survived(void **state)
{
	struct moment m;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		for (size_t n = 0; n <= strlen(good[i].text); n++)
			if (when_parse((struct str){ good[i].text, n }, &m))
				assert_true(m.ms >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_are_read_in_all_three_forms),
		cmocka_unit_test(what_is_no_moment_is_refused),
		cmocka_unit_test(what_is_written_stands_for_all_of_its_last_unit),
		cmocka_unit_test(every_beginning_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
