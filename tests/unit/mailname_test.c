/* mailname_test.c - names of files in a Maildir. */
#include "tests/unit/test.h"

#include "pop3d/mailname.h"

static const struct {
	const char *name, *unique; /* unique NULL: no message */
	uint64_t time;
	int64_t wire, file; /* -1: not said */
	bool trashed;
} cases[] = {
	{ "1234.a.host", "1234.a.host", 1234, -1, -1, false },
	{ "1234.a.host:2,S", "1234.a.host", 1234, -1, -1, false },
	{ "1234.a.host:2,ST", "1234.a.host", 1234, -1, -1, true },
	{ "1234.T.host,T:1,T", "1234.T.host,T", 1234, -1, -1, false },
	{ "1234.a.host,S=10,W=12:2,RS", "1234.a.host,S=10,W=12", 1234, 12, 10, false },
	{ "1234.a.host,W=12,S=10", "1234.a.host,W=12,S=10", 1234, 12, 10, false },
	{ "1234.a,S=10,W=22", "1234.a,S=10,W=22", 1234, 22, 10, false },
	{ "1234.a,S=10,W=23", "1234.a,S=10,W=23", 1234, -1, 10, false },
	{ "1234.a,S=10,W=9", "1234.a,S=10,W=9", 1234, -1, 10, false },
	{ "1234.a,W=12x", "1234.a,W=12x", 1234, -1, -1, false },
	{ "1234.a,W=-1", "1234.a,W=-1", 1234, -1, -1, false },
	{ "1234.a,W=12,W=", "1234.a,W=12,W=", 1234, 12, -1, false },
	{ "1234.a,W=12,W=x", "1234.a,W=12,W=x", 1234, -1, -1, false },
	{ "1234.a,W=99999999999999999999", "1234.a,W=99999999999999999999", 1234, -1, -1, false },
	{ "x", "x", 0, -1, -1, false },
	{ "99999999999999999999.x", "99999999999999999999.x", 0, -1, -1, false },
	{ "", NULL, 0, -1, -1, false },
	{ ".", NULL, 0, -1, -1, false },
	{ ".hidden", NULL, 0, -1, -1, false },
	{ ":2,S", NULL, 0, -1, -1, false },
};

static void reads_what_a_name_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mailname m;

		assert_int_equal(mailname_read(str_of(cases[i].name), &m), cases[i].unique != NULL);
		if (cases[i].unique == NULL)
			continue;
		assert_true(str_eq(m.unique, str_of(cases[i].unique)));
		assert_true(m.time == cases[i].time);
		assert_int_equal(m.has_wire_size, cases[i].wire >= 0);
		assert_true(!m.has_wire_size || m.wire_size == (uint64_t)cases[i].wire);
		assert_int_equal(m.has_file_size, cases[i].file >= 0);
		assert_true(!m.has_file_size || m.file_size == (uint64_t)cases[i].file);
		assert_int_equal(m.trashed, cases[i].trashed);
	}
}

static int order(const char *a, const char *b)
{
	struct mailname x, y;

	assert_true(mailname_read(str_of(a), &x) && mailname_read(str_of(b), &y));
	return mailname_compare(x.time, x.unique, y.time, y.unique);
}

static void orders_by_time_and_then_by_octets(void **state)
{
	(void)state;
	assert_true(order("9.z", "10.a") < 0 && order("10.a", "9.z") > 0);
	assert_true(order("9.a", "9.b") < 0 && order("9.a", "9.ab") < 0);
	assert_int_equal(order("9.a:2,S", "9.a"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_a_name_says),
		cmocka_unit_test(orders_by_time_and_then_by_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
