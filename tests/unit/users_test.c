/* users_test.c - exchanges: every answer of PLAIN, ended at every time. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_has_an_answer_to_everything),
		cmocka_unit_test(an_ended_exchange_is_silent),
		cmocka_unit_test(a_full_pool_is_for_now),
		cmocka_unit_test(a_changed_file_is_read_again_and_a_lost_one_is_kept),
		cmocka_unit_test(without_a_file_nothing_can_be_said),
	};
	int failed;

	close(mkstemp(path));
	log_open(&(struct log_settings){
		"test", STDERR_FILENO, LOG_LOGFMT, LOG_LEVEL_ERROR, false });
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
