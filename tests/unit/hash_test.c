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
	assert_int_equal(hash_make("PLAIN", STR("a:b"), (char[HASH_STORED_MAX]){ 0 }), ERR_SYNTAX);
	assert_int_equal(hash_make("PLAIN", STR("a\tb"), (char[HASH_STORED_MAX]){ 0 }), ERR_SYNTAX);
}

static void knows_what_others_have_written(void **state)
{
	/* crypt(3)'s own documentation vectors, and Dovecot's prefixes */
	static const char sha512[] = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnI"
				     "FNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
	static const char pencil[] = "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
				     "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
				     "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
	char with_scheme[200] = "{SHA512-CRYPT}";

	(void)state;
	strcat(with_scheme, sha512);
	assert_true(hash_verify(str_of(sha512), STR("Hello world!")));
	assert_true(hash_verify(str_of(with_scheme), STR("Hello world!")));
	assert_false(hash_verify(str_of(with_scheme), STR("Hello world")));
	assert_true(hash_verify(STR("{plain}x y"), STR("x y")));
	/* doveadm pw -s SCRAM-SHA-256 -p 'Gr\303\274\303\237e x1' */
	assert_true(hash_verify(STR("{SCRAM-SHA-256}4096,BSW3IK202j0fORwVtn9ydw==,"
				    "2CaaGOWQLEpuSr3G66Ce77lPdOTKt1m3xn9Ifgssgx4=,"
				    "JNgP8tbslB4hih+LlP5vyixBBUOSp2kS9khB5q1rEaU="),
		STR("Gr\303\274\303\237e x1")));
	/* the subscriber of RFC 7677 3 */
	assert_true(hash_verify(str_of(pencil), STR("pencil")));
	assert_false(hash_verify(str_of(pencil), STR("Pencil")));
}

static void keys_are_read_to_the_octet_and_written_back(void **state)
{
	static const char *const bad[] = { "", "4096", "4096,c2FsdA==", "4096,c2FsdA==,,",
		"4096,c2FsdA,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"4294967296,c2FsdA==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"4096,c2FsdA==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=,",
		"4096,c2FsdA==,WG5d8oPm,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=" };
	static const char good[] = "4096,c2FsdA==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
				   "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
	char text[256];
	struct scram s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(scram_read(str_of(bad[i]), &s));
	assert_true(scram_read(str_of(good), &s));
	assert_true(s.iterations == 4096 && s.salt_n == 4);
	assert_true(scram_write(&s, text, sizeof(text)));
	assert_string_equal(text, good);
	assert_false(scram_write(&s, text, sizeof(good) - 1));
}

static void a_locked_or_unknown_one_is_never_right(void **state)
{
	static const char *const stored[] = { "", "!", "*", "{PLAIN}", "{SHA512-CRYPT}!",
		"{SHA512-CRYPT}*", "{NTLM}abc", "{PLAIN", "{ARGON2ID}junk", "{CRYPT}$6$",
		"{SHA512-CRYPT}junk", "{SCRAM-SHA-256}junk", "{SCRAM-SHA-256}4096,,,",
		"{SCRAM-SHA-256}0,W22ZaJ0SNY7soEsUEjb6gQ==,"
		"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=" };

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
		cmocka_unit_test(keys_are_read_to_the_octet_and_written_back),
		cmocka_unit_test(a_locked_or_unknown_one_is_never_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
