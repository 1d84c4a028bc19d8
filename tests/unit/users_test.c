/* users_test.c - exchanges: every answer of PLAIN, ended at every time. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/users/cache.h"
#include "common/users/users.h"

/* A pool that keeps its one job until it is told to run it. */
static struct {
	void (*run)(void *job);
	void (*done)(void *job);
	void *job;
	bool full;
} pool;

static bool submit(void *ctx, void (*run)(void *job), void (*done)(void *job), void *job)
{
	(void)ctx;
	if (pool.full)
		return false;
	assert_null(pool.job);
	pool.run = run;
	pool.done = done;
	pool.job = job;
	return true;
}

static void run_pool(void)
{
	void *job = pool.job;

	pool.job = NULL;
	if (job != NULL) {
		pool.run(job);
		pool.done(job);
	}
}

static struct users_answer heard;
static unsigned heard_n;

static void on_heard(void *owner, const struct users_answer *a)
{
	(void)owner;
	heard = *a;
	heard_n++;
}

static char path[] = "/tmp/popgate-users.XXXXXX";

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int64_t changed_at(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
}

static struct users *open_users(void)
{
	struct users *u = NULL;

	write_file("anna:{PLAIN}secret\n"
		   "bert:{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
		   "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1\nlocked:{PLAIN}secret::::::"
		   "disabled\n");
	assert_int_equal(users_open(&u, path, STR("example.net"),
				 &(struct users_lent){ .pool = { submit, NULL } }),
		ERR_NONE);
	return u;
}

static void tries(struct users *u, struct str response, enum users_says says, enum users_why why)
{
	const struct users_facts facts = { .secure = true };
	struct exchange *x;

	heard_n = 0;
	assert_int_equal(users_begin(&x, u, "PLAIN", &facts, on_heard, NULL), ERR_NONE);
	users_step(x, response);
	run_pool();
	assert_int_equal(heard_n, 1);
	assert_int_equal(heard.says, says);
	assert_int_equal(heard.why, why);
	users_end(&x);
}

static void plain_has_an_answer_to_everything(void **state)
{
	struct users *u = open_users();

	(void)state;
	tries(u, STR("\0anna\0secret"), USERS_OK, USERS_WHY_NONE);
	assert_string_equal(heard.who.name, "anna@example.net");
	tries(u, STR("\0ANNA@example.net\0secret"), USERS_OK, USERS_WHY_NONE);
	tries(u, STR("anna\0anna\0secret"), USERS_OK, USERS_WHY_NONE);
	tries(u, STR("\0bert\0Hello world!"), USERS_OK, USERS_WHY_NONE);
	tries(u, STR("bert\0anna\0secret"), USERS_FAIL, USERS_WHY_PASSWORD);
	tries(u, STR("\0anna\0Secret"), USERS_FAIL, USERS_WHY_PASSWORD);
	tries(u, STR("\0bert\0Hello world"), USERS_FAIL, USERS_WHY_PASSWORD);
	tries(u, STR("\0anna\0secret\0junk"), USERS_FAIL, USERS_WHY_SYNTAX);
	tries(u, STR("\0anna\0"), USERS_FAIL, USERS_WHY_SYNTAX);
	tries(u, STR("anna secret"), USERS_FAIL, USERS_WHY_SYNTAX);
	tries(u, STR(""), USERS_FAIL, USERS_WHY_SYNTAX);
	tries(u, STR("\0nobody\0secret"), USERS_FAIL, USERS_WHY_UNKNOWN);
	tries(u, STR("\0../anna\0secret"), USERS_FAIL, USERS_WHY_UNKNOWN);
	tries(u, STR("\0locked\0secret"), USERS_FAIL, USERS_WHY_DISABLED);
	tries(u, STR("\0locked\0wrong"), USERS_FAIL, USERS_WHY_PASSWORD);
	tries(u, (struct str){ NULL, 0 }, USERS_CONTINUE, USERS_WHY_NONE);
	users_close(&u);
}

static void an_ended_exchange_is_silent(void **state)
{
	struct users *u = open_users();
	const struct users_facts facts = { .secure = true };
	struct exchange *x;

	(void)state;
	heard_n = 0;
	assert_int_equal(users_begin(&x, u, "PLAIN", &facts, on_heard, NULL), ERR_NONE);
	users_step(x, STR("\0bert\0Hello world!"));
	users_end(&x);
	run_pool();
	assert_int_equal(heard_n, 0);
	assert_int_equal(users_begin(&x, u, "GSSAPI", &facts, on_heard, NULL), ERR_ABSENT);
	users_close(&u);
}

static void a_full_pool_is_for_now(void **state)
{
	struct users *u = open_users();

	(void)state;
	pool.full = true;
	tries(u, STR("\0bert\0Hello world!"), USERS_FAIL, USERS_WHY_AWAY);
	pool.full = false;
	users_close(&u);
}

static void a_changed_file_is_read_again_and_a_lost_one_is_kept(void **state)
{
	struct users *u = open_users();

	(void)state;
	write_file("carl:{PLAIN}other\nand a longer line\n");
	users_refresh(u);
	run_pool();
	tries(u, STR("\0carl\0other"), USERS_OK, USERS_WHY_NONE);
	tries(u, STR("\0anna\0secret"), USERS_FAIL, USERS_WHY_UNKNOWN);
	unlink(path);
	users_refresh(u);
	run_pool();
	tries(u, STR("\0carl\0other"), USERS_OK, USERS_WHY_NONE);
	users_close(&u);
}

/* As an editor, cp -p or rsync -t may leave it: nothing but the contents and the inode's time differ. */
static void a_change_is_seen_under_the_same_size_and_date(void **state)
{
	struct users *u = open_users();
	int64_t before = changed_at();
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	write_file("anna:{PLAIN}Secret\n"
		   "bert:{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
		   "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1\nlocked:{PLAIN}secret::::::"
		   "disabled\n");
	do /* until its clock has gone on */
		assert_int_equal(
			utimensat(AT_FDCWD, path, (struct timespec[]){ st.st_atim, st.st_mtim }, 0),
			0);
	while (changed_at() == before);
	users_refresh(u);
	run_pool();
	tries(u, STR("\0anna\0secret"), USERS_FAIL, USERS_WHY_PASSWORD);
	tries(u, STR("\0anna\0Secret"), USERS_OK, USERS_WHY_NONE);
	users_close(&u);
}

static void without_a_file_nothing_can_be_said(void **state)
{
	struct users *u = NULL;

	(void)state;
	assert_int_equal(users_open(&u, "/nowhere/users", STR(""),
				 &(struct users_lent){ .pool = { submit, NULL } }),
		ERR_ABSENT);
	tries(u, STR("\0anna@x.example\0secret"), USERS_FAIL, USERS_WHY_AWAY);
	users_close(&u);
}

/* --- waiting: one timer that is told when it is due, and an owner that says how long --- */

static struct {
	void (*fn)(void *owner);
	void *owner;
	int64_t ms, asked_ms; /* what was waited for, what the owner says */
	bool trusted;
	unsigned failures, stops;
	uint64_t secrets[8];
} the;

static bool start_wait(void *ctx, int64_t ms, void (*fn)(void *owner), void *owner, void **wait)
{
	(void)ctx;
	assert_null(the.fn);
	the.fn = fn;
	the.owner = owner;
	the.ms = ms;
	*wait = &the;
	return true;
}

static void stop_wait(void **wait)
{
	the.fn = NULL;
	the.stops++;
	*wait = NULL;
}

static void be_due(void)
{
	void (*fn)(void *owner) = the.fn;

	assert_non_null(fn);
	the.fn = NULL;
	fn(the.owner);
	run_pool();
}

static int64_t delay_of(void *ctx, struct addr client, const struct subscriber *who, bool *trusted)
{
	(void)ctx;
	(void)client;
	(void)who;
	*trusted = the.trusted;
	return the.asked_ms;
}

static void on_failed(void *ctx, struct addr client, const struct subscriber *who, uint64_t secret)
{
	(void)ctx;
	(void)client;
	(void)who;
	the.secrets[the.failures++ % 8] = secret;
}

static struct users *open_strict_users(void)
{
	const struct users_lent lent = { .pool = { submit, NULL },
		.timer = { start_wait, stop_wait, NULL },
		.penalties = { delay_of, on_failed, NULL } };
	struct users *u = open_users();

	users_close(&u);
	assert_int_equal(users_open(&u, path, STR("example.net"), &lent), ERR_NONE);
	the.failures = the.stops = 0;
	the.asked_ms = 0;
	the.trusted = false;
	return u;
}

static struct exchange *begin(struct users *u, struct str response)
{
	const struct users_facts facts = { .secure = true };
	struct exchange *x;

	heard_n = 0;
	assert_int_equal(users_begin(&x, u, "PLAIN", &facts, on_heard, NULL), ERR_NONE);
	users_step(x, response);
	run_pool();
	return x;
}

static void who_failed_before_waits_right_or_wrong(void **state)
{
	struct users *u = open_strict_users();
	struct exchange *x;

	(void)state;
	the.asked_ms = 4000;
	x = begin(u, STR("\0anna\0secret"));
	assert_int_equal(heard_n, 0);
	assert_int_equal(the.ms, 4000);
	be_due();
	assert_int_equal(heard_n, 1);
	assert_int_equal(heard.says, USERS_OK);
	users_end(&x);
	x = begin(u, STR("\0bert\0wrong"));
	assert_int_equal(heard_n, 0);
	be_due();
	assert_int_equal(heard.why, USERS_WHY_PASSWORD);
	assert_int_equal(the.failures, 1);
	users_end(&x);
	users_close(&u);
}

static void who_is_at_home_waits_only_for_a_wrong_one(void **state)
{
	struct users *u = open_strict_users();
	struct exchange *x;

	(void)state;
	the.asked_ms = 4000;
	the.trusted = true;
	x = begin(u, STR("\0bert\0Hello world!"));
	assert_int_equal(heard.says, USERS_OK);
	assert_null(the.fn);
	users_end(&x);
	x = begin(u, STR("\0bert\0wrong"));
	assert_int_equal(heard_n, 0);
	assert_int_equal(the.failures, 1); /* counted before it is answered */
	be_due();
	assert_int_equal(heard.why, USERS_WHY_PASSWORD);
	users_end(&x);
	users_close(&u);
}

static void a_wait_ends_with_its_exchange(void **state)
{
	struct users *u = open_strict_users();
	struct exchange *x;

	(void)state;
	the.asked_ms = 1000;
	x = begin(u, STR("\0anna\0secret"));
	users_end(&x);
	assert_int_equal(the.stops, 1);
	assert_int_equal(heard_n, 0);
	users_close(&u);
}

static void the_same_wrong_password_is_reported_as_the_same(void **state)
{
	static const struct str wrong[] = { { "\0anna\0one", 9 }, { "\0anna\0one", 9 },
		{ "\0anna\0two", 9 }, { "\0bert\0one", 9 }, { "\0nobody\0one", 11 } };
	struct users *u = open_strict_users();

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct exchange *x = begin(u, wrong[i]);

		assert_int_equal(heard.says, USERS_FAIL);
		users_end(&x);
	}
	assert_int_equal(the.failures, 5);
	assert_true(the.secrets[0] != 0 && the.secrets[0] == the.secrets[1]);
	for (size_t i = 2; i < 5; i++)
		assert_true(the.secrets[i] != the.secrets[0]);
	/* what is no proof is no failure */
	tries(u, STR("\0anna\0"), USERS_FAIL, USERS_WHY_SYNTAX);
	assert_int_equal(the.failures, 5);
	users_close(&u);
}

static void a_second_login_costs_no_hash_until_the_account_changes(void **state)
{
	struct cache *cache = NULL;
	struct users_lent lent = { .pool = { submit, NULL } };
	struct users *u = open_users();

	(void)state;
	users_close(&u);
	assert_int_equal(cache_open(&cache, -1, 60000), ERR_NONE);
	lent.cache = cache;
	assert_int_equal(users_open(&u, path, STR("example.net"), &lent), ERR_NONE);
	tries(u, STR("\0bert\0Hello world!"), USERS_OK, USERS_WHY_NONE);
	pool.full = true; /* nothing can be hashed any more */
	tries(u, STR("\0bert\0Hello world!"), USERS_OK, USERS_WHY_NONE);
	tries(u, STR("\0bert\0Hello world"), USERS_FAIL, USERS_WHY_AWAY);
	pool.full = false;
	write_file("bert:{SHA512-CRYPT}$6$saltstring$"
		   "Dn9wHkhpnPFXF0UgZcGqNjsHLGmKC5JYPbV1l5sMzcWbHaWm6Pp9a0aC0r3W0a2B9Gm8q5s3o2n1k0j"
		   "9h8g7f6\n");
	users_refresh(u);
	run_pool();
	tries(u, STR("\0bert\0Hello world!"), USERS_FAIL, USERS_WHY_PASSWORD);
	users_close(&u);
	cache_close(&cache);
}

static void read_again(struct users *u, const char *text)
{
	write_file(text);
	users_refresh(u);
	run_pool();
}

static struct fingerprint login_of_anna(struct users *u)
{
	tries(u, STR("\0anna\0secret"), USERS_OK, USERS_WHY_NONE);
	assert_false(fingerprint_is_none(&heard.account));
	return heard.account;
}

static void what_has_changed_since_a_login_is_told(void **state)
{
	static const struct {
		const char *file;
		bool changed;
	} rows[] = {
		{ "anna:{PLAIN}secret\nbert:{PLAIN}other\n", false },
		{ "anna@example.net:{PLAIN}secret::::::addresses=a@b.example\n", false },
		{ "anna:{PLAIN}other\n", true },
		{ "anna:{PLAIN}secret::::::disabled\n", true },
		{ "anna:!\nbert:{PLAIN}other\n", true },
		{ "bert:{PLAIN}other\n", true },
		{ "anna:{PLAIN}secret\n", false },
	};
	struct users *u = open_users();
	struct fingerprint then = login_of_anna(u), none = { { 0 } };
	struct subscriber anna = heard.who;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned before = users_edition(u);

		read_again(u, rows[i].file);
		assert_int_equal(users_edition(u), before + 1);
		for (int look = 0; look < 2; look++) /* the second is answered from memory */
			assert_int_equal(users_changed(u, &anna, &then), rows[i].changed);
		assert_false(users_changed(u, &anna, &none));
	}
	users_close(&u);
}

/* Forty accounts, all but the first n of them gone. */
static const char *crowd(unsigned n)
{
	static char text[2000];
	size_t at = 0;

	at += (size_t)snprintf(text, sizeof(text), "anna:{PLAIN}secret\n");
	for (unsigned i = 1; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "u%u:{PLAIN}x\n", i);
	return text;
}

static void half_a_file_or_none_changes_nothing(void **state)
{
	struct users *u = open_users();
	unsigned edition;

	(void)state;
	read_again(u, crowd(40));
	edition = users_edition(u);
	read_again(u, "");
	read_again(u, "# nobody\n");
	read_again(u, crowd(19));
	read_again(u, "bert:{PLAIN}x\n");
	unlink(path);
	users_refresh(u);
	run_pool();
	assert_int_equal(users_edition(u), edition);
	(void)login_of_anna(u);
	read_again(u, crowd(20)); /* half may go in one edit */
	assert_int_equal(users_edition(u), edition + 1);
	users_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_has_an_answer_to_everything),
		cmocka_unit_test(an_ended_exchange_is_silent),
		cmocka_unit_test(a_full_pool_is_for_now),
		cmocka_unit_test(a_changed_file_is_read_again_and_a_lost_one_is_kept),
		cmocka_unit_test(a_change_is_seen_under_the_same_size_and_date),
		cmocka_unit_test(without_a_file_nothing_can_be_said),
		cmocka_unit_test(who_failed_before_waits_right_or_wrong),
		cmocka_unit_test(who_is_at_home_waits_only_for_a_wrong_one),
		cmocka_unit_test(a_wait_ends_with_its_exchange),
		cmocka_unit_test(the_same_wrong_password_is_reported_as_the_same),
		cmocka_unit_test(what_has_changed_since_a_login_is_told),
		cmocka_unit_test(half_a_file_or_none_changes_nothing),
		cmocka_unit_test(a_second_login_costs_no_hash_until_the_account_changes),
	};
	int failed;

	close(mkstemp(path));
	log_open(&(struct log_settings){
		"test", STDERR_FILENO, LOG_LOGFMT, LOG_LEVEL_ERROR, false, NULL });
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
