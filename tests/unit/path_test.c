/* path_test.c - paths and parameters of RFC 5321, strictly. */
#include "tests/unit/test.h"

#include "smtpgate/path.h"

static const struct {
	const char *in, *reverse, *forward; /* canonical text; NULL: refused */
} cases[] = {
	{ "<>", "", NULL },
	{ "<a@b.example>", "a@b.example", "a@b.example" },
	{ "<A.b@B.Example>", "A.b@b.example", "A.b@b.example" },
	{ "<postmaster>", NULL, "postmaster" },
	{ "<PostMaster>", NULL, "PostMaster" },
	{ "<anna>", NULL, NULL },
	{ "<\"a b\"@b.example>", "\"a b\"@b.example", "\"a b\"@b.example" },
	{ "<\"plain\"@b.example>", "plain@b.example", "plain@b.example" },
	{ "<\"a\\\"b\"@b.example>", "\"a\\\"b\"@b.example", "\"a\\\"b\"@b.example" },
	{ "<\"a@b\"@c.example>", "\"a@b\"@c.example", "\"a@b\"@c.example" },
	{ "<@one.example,@two.example:a@b.example>", "a@b.example", "a@b.example" },
	{ "<@one.example a@b.example>", NULL, NULL },
	{ "<a@[192.0.2.1]>", "a@[192.0.2.1]", "a@[192.0.2.1]" },
	{ "<a@[IPv6:2001:DB8::1]>", "a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]" },
	{ "<a@[300.0.2.1]>", NULL, NULL },
	{ "<a@[2001:db8::1]>", NULL, NULL },
	{ "<a@[]>", NULL, NULL },
	{ "<a@\"local.example\">", NULL, NULL },
	{ "<a@b.example.>", NULL, NULL },
	{ "<a@.example>", NULL, NULL },
	{ "<a@-b.example>", NULL, NULL },
	{ "<a@b..example>", NULL, NULL },
	{ "<a..b@b.example>", NULL, NULL },
	{ "<.a@b.example>", NULL, NULL },
	{ "<a.@b.example>", NULL, NULL },
	{ "<a b@b.example>", NULL, NULL },
	{ "<a@b@c.example>", NULL, NULL },
	{ "<a@b.example", NULL, NULL },
	{ "a@b.example", NULL, NULL },
	{ "<\"a@b.example>", NULL, NULL },
	{ "<\xc3\xa4@b.example>", "\xc3\xa4@b.example", "\xc3\xa4@b.example" },
	{ "<\"\xc3\xa4 b\"@B\xc3\xbc.Example>", "\"\xc3\xa4 b\"@b\xc3\xbc.example",
		"\"\xc3\xa4 b\"@b\xc3\xbc.example" },
	{ "<\xc3@b.example>", NULL, NULL },
	{ "<a\xc2\x85@b.example>", NULL, NULL }, /* NEL, a C1 control */
	{ "<a@l.example\xe3\x80\x82"
	  "e.example>",
		NULL, NULL }, /* an ideographic full stop */
	{ "<a@b\xef\xbc\x8e"
	  "example>",
		NULL, NULL },
	{ "<a@\xed\xa0\x80.example>", NULL, NULL }, /* a surrogate */
	{ "<a%c.example@b.example>", "a%c.example@b.example", "a%c.example@b.example" },
	{ "", NULL, NULL },
};

static void is_read_strictly_and_written_in_one_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const want[] = { cases[i].forward, cases[i].reverse };

		for (int reverse = 0; reverse < 2; reverse++) {
			struct path p;
			struct str rest;
			bool fine = path_read(str_of(cases[i].in), reverse == 1, &p, &rest);

			if (fine != (want[reverse] != NULL))
				fail_msg("%s (reverse %d)", cases[i].in, reverse);
			if (fine)
				assert_string_equal(p.text, want[reverse]);
		}
	}
}

static void routes_in_local_parts_are_seen(void **state)
{
	struct path p;
	struct str rest;

	(void)state;
	assert_true(path_read(STR("<a%b@c.example>"), false, &p, &rest) && path_is_routed(&p));
	assert_true(path_read(STR("<b!a@c.example>"), false, &p, &rest) && path_is_routed(&p));
	assert_true(path_read(STR("<\"a@b\"@c.example>"), false, &p, &rest) && path_is_routed(&p));
	assert_true(path_read(STR("<a+b@c.example>"), false, &p, &rest) && !path_is_routed(&p));
}

static void parameters_are_read_one_by_one(void **state)
{
	struct str rest = STR("  SIZE=10  BODY=8BITMIME X"), key, value;

	(void)state;
	assert_true(path_parameter(&rest, &key, &value));
	assert_true(str_eq(key, STR("SIZE")) && str_eq(value, STR("10")));
	assert_true(path_parameter(&rest, &key, &value));
	assert_true(str_eq(key, STR("BODY")) && str_eq(value, STR("8BITMIME")));
	assert_true(path_parameter(&rest, &key, &value));
	assert_true(str_eq(key, STR("X")) && value.n == 0);
	assert_true(path_parameter(&rest, &key, &value) && key.n == 0);
	rest = STR("SIZE=10");
	assert_false(path_parameter(&rest, &key, &value));
	rest = STR(" SIZE=");
	assert_false(path_parameter(&rest, &key, &value));
	rest = STR(" S_Z=1");
	assert_false(path_parameter(&rest, &key, &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_read_strictly_and_written_in_one_way),
		cmocka_unit_test(routes_in_local_parts_are_seen),
		cmocka_unit_test(parameters_are_read_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
