/* mailname_test.c - names of files in a Maildir. */
#include "tests/unit/test.h"

#include "pop3d/mailname.h"

static const struct {
	const char *name, *unique; /* unique NULL: no message */
	uint64_t time;
	int64_t wire; /* -1: not said */
} cases[] = {
	{ "1234.a.host", "1234.a.host", 1234, -1 },
	{ "1234.a.host:2,S", "1234.a.host", 1234, -1 },
	{ "1234.a.host,S=10,W=12:2,RS", "1234.a.host,S=10,W=12", 1234, 12 },
	{ "1234.a,W=12x", "1234.a,W=12x", 1234, -1 },
	{ "1234.a,W=-1", "1234.a,W=-1", 1234, -1 },
	{ "1234.a,W=99999999999999999999", "1234.a,W=99999999999999999999", 1234, -1 },
	{ "x", "x", 0, -1 },
	{ "99999999999999999999.x", "99999999999999999999.x", 0, -1 },
	{ "", NULL, 0, -1 },
	{ ".", NULL, 0, -1 },
	{ ".hidden", NULL, 0, -1 },
	{ ":2,S", NULL, 0, -1 },
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
	}
}

static void a_uidl_is_1_to_70_printing_octets(void **state)
{
	static const char seventy[] =
		"0123456789012345678901234567890123456789012345678901234567890123456789x";

	(void)state;
	assert_true(mailname_is_uidl((struct str){ seventy, 70 }));
	assert_false(mailname_is_uidl((struct str){ seventy, 71 }));
	assert_false(mailname_is_uidl(STR("")));
	assert_false(mailname_is_uidl(STR("a b")));
	assert_false(mailname_is_uidl(STR("a\x7f")));
	assert_false(mailname_is_uidl(STR("\xc3\xa4")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_a_name_says),
		cmocka_unit_test(a_uidl_is_1_to_70_printing_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
