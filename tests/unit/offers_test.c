/* offers_test.c - what a hop says in its answer to EHLO. */
#include "tests/unit/test.h"

#include "smtpgate/introduce.h"
#include "smtpgate/offers.h"

static struct offers said(const char *text)
{
	const struct reply r = reply_make(250, "");
	struct reply full = r;

	full.n = strlen(text);
	memcpy(full.text, text, full.n);
	return offers_read(&full);
}

static void keywords_in_any_case_and_their_parameters(void **state)
{
	const struct offers o = said("hop\nSIZE 1000\n8bitmime\nSMTPUTF8\nDSN\nSTARTTLS\n"
				     "AUTH CRAM-MD5 plain\nXCLIENT ADDR LOGIN\nPIPELINING");

	(void)state;
	assert_true(o.size && o.eight_bit && o.utf8 && o.dsn && o.starttls && o.pipelining);
	assert_true(o.auth_plain && !o.auth_login);
	assert_int_equal(o.size_max, 1000);
	assert_int_equal(o.xclient, XCLIENT_ADDR | XCLIENT_LOGIN);
}

static void the_first_line_offers_nothing(void **state)
{
	const struct offers o = said("8BITMIME SIZE\nDSNX\nSIZE much");

	(void)state;
	assert_false(o.eight_bit || o.dsn);
	assert_true(o.size);
	assert_int_equal(o.size_max, 0);
}

static void common_is_what_both_have(void **state)
{
	const struct offers a = said("h\nSIZE 1000\nDSN"), b = said("h\nSIZE 500\n8BITMIME\nDSN"),
			    c = said("h\nSIZE");
	struct offers o = offers_common(&a, &b);

	(void)state;
	assert_true(o.size && o.dsn && !o.eight_bit);
	assert_int_equal(o.size_max, 500);
	assert_int_equal(offers_common(&a, &c).size_max, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keywords_in_any_case_and_their_parameters),
		cmocka_unit_test(the_first_line_offers_nothing),
		cmocka_unit_test(common_is_what_both_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
