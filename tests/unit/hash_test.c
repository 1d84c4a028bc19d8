/* hash_test.c - stored passwords of every scheme, made and verified. */
#include "tests/unit/test.h"

#include "common/users/hash.h"

static void what_is_made_is_verified(void **state)
{
	(void)state;
	for (const char *const *scheme = hash_schemes(); *scheme != NULL; scheme++) {
		char stored[HASH_STORED_MAX], again[HASH_STORED_MAX];

		assert_int_equal(hash_make(*scheme, STR("sEcret word"), stored), ERR_NONE);
		assert_true(hash_verify(str_of(stored), STR("sEcret word")));
		assert_false(hash_verify(str_of(stored), STR("secret word")));
		assert_false(hash_verify(str_of(stored), STR("")));
		assert_false(hash_verify(str_of(stored), STR("sEcret word\0x")));
		assert_int_equal(hash_make(*scheme, STR("sEcret word"), again), ERR_NONE);
		assert_int_equal(strcmp(stored, again) == 0, strcmp(*scheme, "PLAIN") == 0);
	}
	assert_int_equal(hash_make("ROT13", STR("x"), (char[HASH_STORED_MAX]){ 0 }), ERR_ABSENT);
}

static void knows_what_others_have_written(void **state)
{
	/* crypt(3)'s own documentation vectors, and Dovecot's prefixes */
	static const char sha512[] = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnI"
				     "FNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
	char with_scheme[200] = "{SHA512-CRYPT}";

	(void)state;
	strcat(with_scheme, sha512);
	assert_true(hash_verify(str_of(sha512), STR("Hello world!")));
	assert_true(hash_verify(str_of(with_scheme), STR("Hello world!")));
	assert_false(hash_verify(str_of(with_scheme), STR("Hello world")));
	assert_true(hash_verify(STR("{plain}x y"), STR("x y")));
}

static void a_locked_or_unknown_one_is_never_right(void **state)
{
	static const char *const stored[] = { "", "!", "*", "{PLAIN}", "{SHA512-CRYPT}!",
		"{SHA512-CRYPT}*", "{NTLM}abc", "{PLAIN", "{ARGON2ID}junk", "{CRYPT}$6$",
		"{SHA512-CRYPT}junk" };

	(void)state;
	for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
		assert_false(hash_verify(str_of(stored[i]), STR("")));
		assert_false(hash_verify(str_of(stored[i]), STR("!")));
		assert_false(hash_verify(str_of(stored[i]), STR("abc")));
	}
	assert_int_equal(hash_kind(STR("{SHA512-CRYPT}!")), HASH_UNKNOWN);
	assert_int_equal(hash_kind(STR("{NTLM}abc")), HASH_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_is_verified),
		cmocka_unit_test(knows_what_others_have_written),
		cmocka_unit_test(a_locked_or_unknown_one_is_never_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
