/* dsn_test.c - the parameters of delivery status notifications, RFC 3461. */
#include "tests/unit/test.h"

#include "smtpgate/dsn.h"

static void xtext_is_printable_and_well_encoded(void **state)
{
	(void)state;
	assert_true(xtext_fits(STR("QQ314159")));
	assert_true(xtext_fits(STR("a+2Bb+3Dc@d.example")));
	assert_true(xtext_fits(STR("")));
	assert_false(xtext_fits(STR("a+2bb"))); /* hex digits are upper case */
	assert_false(xtext_fits(STR("a+")));
	assert_false(xtext_fits(STR("a+2")));
	assert_false(xtext_fits(STR("a=b")));
	assert_false(xtext_fits(STR("a b")));
	assert_false(xtext_fits(STR("a+0Db"))); /* a CR, however it is written */
	assert_false(xtext_fits(STR("a\xc3\xa4")));
}

static void notify_is_never_or_a_list(void **state)
{
	unsigned n;

	(void)state;
	assert_true(dsn_notify_read(STR("never"), &n) && n == DSN_NOTIFY_NEVER);
	assert_true(dsn_notify_read(STR("SUCCESS,Delay"), &n) &&
		n == (DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY));
	assert_true(dsn_notify_read(STR("FAILURE"), &n) && n == DSN_NOTIFY_FAILURE);
	assert_false(dsn_notify_read(STR("NEVER,SUCCESS"), &n));
	assert_false(dsn_notify_read(STR("SUCCESS,"), &n));
	assert_false(dsn_notify_read(STR(""), &n));
	assert_false(dsn_notify_read(STR("ALWAYS"), &n));
}

static void an_original_recipient_has_a_type(void **state)
{
	(void)state;
	assert_true(dsn_orcpt_fits(STR("rfc822;anna+2Bx@example.net"), false));
	assert_true(dsn_orcpt_fits(STR("x400;/C=us/"), false) == false); /* = is to be encoded */
	assert_false(dsn_orcpt_fits(STR("anna@example.net"), false));
	assert_false(dsn_orcpt_fits(STR(";anna@example.net"), false));
	assert_false(dsn_orcpt_fits(STR("rfc822;"), false));
	assert_false(dsn_orcpt_fits(STR("utf-8;\xc3\xa4@b.example"), false));
	assert_true(dsn_orcpt_fits(STR("utf-8;\xc3\xa4@b.example"), true));
	assert_false(dsn_orcpt_fits(STR("rfc822;\xc3\xa4@b.example"), true));
}

static void ret_has_two_words(void **state)
{
	enum dsn_ret r;

	(void)state;
	assert_true(dsn_ret_read(STR("full"), &r) && r == DSN_RET_FULL);
	assert_true(dsn_ret_read(STR("HDRS"), &r) && r == DSN_RET_HDRS);
	assert_false(dsn_ret_read(STR("HDR"), &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xtext_is_printable_and_well_encoded),
		cmocka_unit_test(notify_is_never_or_a_list),
		cmocka_unit_test(an_original_recipient_has_a_type),
		cmocka_unit_test(ret_has_two_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
