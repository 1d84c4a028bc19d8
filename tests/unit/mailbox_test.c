/* mailbox_test.c - templates of Maildirs. */
#include "tests/unit/test.h"

#include "common/conf/mailbox.h"

static void a_template_becomes_a_path(void **state)
{
	char path[MAILBOX_PATH_MAX];
	struct subscriber who;

	(void)state;
	assert_true(subscriber_fold(STR("anna"), STR("example.net"), &who));
	assert_true(mailbox_path(STR("maildir:/v/%d/%n/100%%/%u"), &who, path));
	assert_string_equal(path, "/v/example.net/anna/100%/anna@example.net");
}

static void all_maildirs_lie_below_the_part_of_the_path_that_is_fixed(void **state)
{
	static const char *const cases[][2] = {
		{ "maildir:/var/mail/%d/%n", "/var/mail" },
		{ "maildir:/var/mail/v-%d/%n", "/var/mail" },
		{ "maildir:/%u", "/" },
		{ "maildir:/srv/100%%/%u", "/srv/100%" },
		{ "maildir:/srv/100%%/a%%b%n", "/srv/100%" },
		{ "maildir:/var/mail/all", "/var/mail/all" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char root[MAILBOX_PATH_MAX];

		assert_true(mailbox_root(str_of(cases[i][0]), root));
		assert_string_equal(root, cases[i][1]);
	}
}

static void a_bad_template_is_named(void **state)
{
	(void)state;
	assert_null(mailbox_fault(STR("maildir:/var/mail/%d/%n")));
	assert_non_null(mailbox_fault(STR("mbox:/var/mail/%n")));
	assert_non_null(mailbox_fault(STR("maildir:var/mail")));
	assert_non_null(mailbox_fault(STR("maildir:/var/%x")));
	assert_non_null(mailbox_fault(STR("maildir:/var/%")));
	assert_non_null(mailbox_fault(STR("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_template_becomes_a_path),
		cmocka_unit_test(all_maildirs_lie_below_the_part_of_the_path_that_is_fixed),
		cmocka_unit_test(a_bad_template_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
