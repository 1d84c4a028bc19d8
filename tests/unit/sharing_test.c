/* sharing_test.c - which rule is an address's. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "common/conf/site.h"

#define START "users \"passwd-file\" { path = \"/u\" }\n"

static struct buf complaints;

static enum err read_text(const char *text, struct conf **c, struct site *site)
{
	enum err e;

	buf_clear(&complaints);
	e = conf_parse(c, "test", str_of(text), &complaints);
	return e == ERR_NONE ? site_read(site, *c, &complaints) : e;
}

static const struct sharing_rule *rule(const struct site *s, const char *address)
{
	struct addr a;

	assert_true(addr_parse(str_of(address), &a));
	return sharing_of(&s->sharing, a);
}

static void the_longest_network_wins_whatever_the_order(void **state)
{
	struct conf *c = NULL;
	struct site s;

	(void)state;
	assert_int_equal(
		read_text(START
			"window { shared_after = 3 frozen_after = 9\n"
			"address \"100.64.0.0/10\" { frozen_after = 500 note = \"cgnat\" }\n"
			"address \"100.64.7.0/24\" { shared_after = 1 frozen_after = 2 }\n"
			"address \"100.0.0.0/8\" { shared_after = 0 }\n"
			"address \"2001:db8::/32\" { frozen_after = 77 } }\n",
			&c, &s),
		ERR_NONE);
	assert_true(rule(&s, "192.0.2.1")->general);
	assert_int_equal(rule(&s, "192.0.2.1")->frozen_after, 9);
	assert_int_equal(rule(&s, "100.64.7.9")->frozen_after, 2);
	assert_int_equal(rule(&s, "100.100.0.1")->frozen_after, 500);
	assert_int_equal(rule(&s, "100.100.0.1")->shared_after, 3); /* not said: as in general */
	assert_string_equal(rule(&s, "100.100.0.1")->note, "cgnat");
	assert_int_equal(rule(&s, "100.1.0.1")->shared_after, 0); /* said: never */
	assert_int_equal(rule(&s, "2001:db8::5")->frozen_after, 77);
	conf_close(&c);
}

static void mistakes_are_told_with_their_line(void **state)
{
	static const struct {
		const char *window, *complaint;
	} rows[] = {
		{ "address \"10.0.0.1/8\" { }", "not a network" },
		{ "address \"cgnat\" { }", "not a network" },
		{ "address \"10.0.0.0/8\" { shared_after = 60 }", "less than shared_after" },
		{ "shared_after = 60", "less than shared_after" },
	};
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *c = NULL;
		struct site s;

		snprintf(text, sizeof(text), START "window { %s }\n", rows[i].window);
		assert_int_equal(read_text(text, &c, &s), ERR_SYNTAX);
		buf_add(&complaints, (struct str){ "", 1 });
		assert_non_null(strstr(buf_str(&complaints).p, rows[i].complaint));
		assert_non_null(strstr(buf_str(&complaints).p, "test:2:"));
		conf_close(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_network_wins_whatever_the_order),
		cmocka_unit_test(mistakes_are_told_with_their_line),
	};
	int failed;

	buf_init(&complaints, 1 << 16);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&complaints);
	return failed;
}
