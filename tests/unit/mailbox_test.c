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
		cmocka_unit_test(a_bad_template_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
