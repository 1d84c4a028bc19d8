/* accountprint_test.c - a fingerprint changes with the account and with nothing else. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

static struct passwdfile *open_crowd(unsigned n)
{
	char path[] = "/tmp/popgate-accounts.XXXXXX";
	struct passwdfile *f = NULL;
	int fd = mkstemp(path);

	for (unsigned i = 0; i < n; i++)
		assert_true(dprintf(fd, "u%u:{PLAIN}%u\n", i, i) > 0);
	close(fd);
	assert_int_equal(passwdfile_open(&f, path, STR("example.net")), ERR_NONE);
	unlink(path);
	return f;
}

/* Is what changed() says of the i-th account the same as without a memory, and true? */
static void judge(const struct accountprint_key *k, const struct passwdfile *f,
	struct accountprints *known, uint32_t i)
{
	struct passwd_account a;
	struct fingerprint as_it_is, other;

	passwdfile_nth(f, i, &a);
	assert_int_equal(a.nth, i);
	as_it_is = accountprint(k, &a.who, a.stored, false);
	other = accountprint(k, &a.who, STR("{PLAIN}other"), false);
	assert_false(accountprint_changed(k, f, known, &a.who, &as_it_is));
	assert_true(accountprint_changed(k, f, known, &a.who, &other));
	assert_false(accountprint_changed(k, f, NULL, &a.who, &as_it_is));
	assert_true(accountprint_changed(k, f, NULL, &a.who, &other));
}

static void accounts_that_share_a_place_are_told_apart(void **state)
{
	struct accountprint_key *k = key_of(1);
	struct passwdfile *f = open_crowd(2 * ACCOUNTPRINTS + 2);
	struct accountprints *known = calloc(1, sizeof(*known));
	const struct accountprints none = { .at = { { .of = 0 } } };
	const struct subscriber nobody = who("nobody");
	const struct fingerprint gone = accountprint(k, &nobody, STR("{PLAIN}x"), false);

	(void)state;
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 3; i++) {
			judge(k, f, known, 0 + i % 2);
			judge(k, f, known, ACCOUNTPRINTS + i % 2);
			judge(k, f, known, 2 * ACCOUNTPRINTS + i % 2);
			assert_true(accountprint_changed(k, f, known, &nobody, &gone));
		}
	assert_memory_not_equal(known, &none, sizeof(none));
	accountprints_forget(known);
	assert_memory_equal(known, &none, sizeof(none));
	free(known);
	passwdfile_close(&f);
	accountprint_key_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_changes_with_name_password_and_state),
		cmocka_unit_test(another_key_or_none_says_nothing),
		cmocka_unit_test(accounts_that_share_a_place_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
