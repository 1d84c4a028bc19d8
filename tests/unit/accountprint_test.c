/* accountprint_test.c - a fingerprint changes with the account and with nothing else. */
#include "tests/unit/test.h"

#include "common/users/accountprint.h"

static struct subscriber who(const char *name)
{
	struct subscriber s;

	assert_true(subscriber_fold(str_of(name), STR("example.net"), &s));
	return s;
}

static struct accountprint_key *key_of(uint8_t first)
{
	const uint8_t secret[MAC_KEY] = { first };
	struct accountprint_key *k;

	assert_int_equal(accountprint_key_open(&k, secret), ERR_NONE);
	return k;
}

static void it_changes_with_name_password_and_state(void **state)
{
	struct accountprint_key *k = key_of(1);
	const struct subscriber anna = who("anna"), bert = who("bert");
	const struct fingerprint f = accountprint(k, &anna, STR("{PLAIN}x"), false);
	const struct fingerprint same = accountprint(k, &anna, STR("{PLAIN}x"), false);
	const struct fingerprint others[] = {
		accountprint(k, &bert, STR("{PLAIN}x"), false),
		accountprint(k, &anna, STR("{PLAIN}y"), false),
		accountprint(k, &anna, STR("{PLAIN}x"), true),
		accountprint(k, &anna, STR(""), false),
	};

	(void)state;
	assert_true(fingerprint_eq(&f, &same));
	assert_false(fingerprints_differ(&f, &same));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_true(fingerprints_differ(&f, &others[i]));
	accountprint_key_close(&k);
	assert_null(k);
}

/* A host whose key was lost must not throw everybody out. */
static void another_key_or_none_says_nothing(void **state)
{
	struct accountprint_key *a = key_of(1), *b = key_of(2);
	const struct subscriber anna = who("anna");
	const struct fingerprint none = { { 0 } };
	const struct fingerprint f = accountprint(a, &anna, STR("{PLAIN}x"), false);
	const struct fingerprint g = accountprint(b, &anna, STR("{PLAIN}y"), false);

	(void)state;
	assert_false(fingerprint_is_none(&f));
	assert_false(fingerprints_differ(&f, &g));
	assert_false(fingerprints_differ(&f, &none));
	assert_false(fingerprints_differ(&none, &f));
	accountprint_key_close(&a);
	accountprint_key_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_changes_with_name_password_and_state),
		cmocka_unit_test(another_key_or_none_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
