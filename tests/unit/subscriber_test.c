/* subscriber_test.c - one folding for all. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "common/base/subscriber.h"

static const struct {
	const char *typed, *domain, *want; /* want NULL: refused */
} cases[] = {
	{ "anna", "example.net", "anna@example.net" },
	{ "Anna@Example.NET", "other.example", "anna@example.net" },
	{ "a.b+c-d_e=f", "example.net", "a.b+c-d_e=f@example.net" },
	{ "anna", "", NULL },
	{ "", "example.net", NULL },
	{ "@example.net", "example.net", NULL },
	{ "anna@", "example.net", NULL },
	{ "a@b@c", "example.net", NULL },
	{ "../etc", "example.net", NULL },
	{ "a/b", "example.net", NULL },
	{ ".anna", "example.net", NULL },
	{ "an..na", "example.net", NULL },
	{ "anna.", "example.net", NULL },
	{ "an na", "example.net", NULL },
	{ "anna\n", "example.net", NULL },
	{ "anna@.example.net", "", NULL },
	{ "anna@exa..mple", "", NULL },
	{ "anna@-example.net", "", NULL },
	{ "\xc3\xa4nna", "example.net", NULL },
	{ "01234567890123456789012345678901234567890123456789012345678901234", "example.net",
		NULL },
};

static void folds_or_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct subscriber s = { 0 };
		bool fine = subscriber_fold(str_of(cases[i].typed), str_of(cases[i].domain), &s);

		assert_int_equal(fine, cases[i].want != NULL);
		assert_string_equal(s.name, fine ? cases[i].want : "");
	}
	assert_false(subscriber_fold(STR("an\0na"), STR("example.net"), &(struct subscriber){ 0 }));
}

static void knows_what_it_folded_itself(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *typed = cases[i].typed;
		struct subscriber s = subscriber_of(typed), folded;
		bool same = subscriber_fold(str_of(typed), STR(""), &folded) &&
			strcmp(typed, folded.name) == 0;

		assert_int_equal(subscriber_is_folded(&s), same);
		if (subscriber_fold(str_of(typed), str_of(cases[i].domain), &folded))
			assert_true(subscriber_is_folded(&folded));
	}
}

static void has_two_halves(void **state)
{
	struct subscriber s;

	(void)state;
	assert_true(subscriber_fold(STR("anna"), STR("example.net"), &s));
	assert_true(str_eq(subscriber_local(&s), STR("anna")));
	assert_true(str_eq(subscriber_domain(&s), STR("example.net")));
}

static void is_the_same_again_from_its_text(void **state)
{
	char local[100] = "anna", typed[300];
	struct subscriber who, again;

	(void)state;
	for (size_t n = 4; n <= 64; n += 20, memset(local, 'x', n)) {
		snprintf(typed, sizeof(typed), "%.*s@Example.NET", (int)n, local);
		assert_true(subscriber_fold(str_of(typed), STR(""), &who));
		again = subscriber_of(who.name);
		assert_true(subscriber_eq(&who, &again));
		assert_string_equal(again.name, who.name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds_or_refuses),
		cmocka_unit_test(knows_what_it_folded_itself),
		cmocka_unit_test(has_two_halves),
		cmocka_unit_test(is_the_same_again_from_its_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
