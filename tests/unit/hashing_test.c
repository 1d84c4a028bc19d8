/* hashing_test.c - costly work: a few at a time, the others in line, none for who has gone. */
#include "tests/unit/test.h"

#include "common/users/hashing.h"

static struct {
	void (*run)(void *job);
	void (*done)(void *job);
	void *jobs[HASHING_AT_ONCE + 1];
	size_t n;
	bool full;
} pool;

static bool submit(void *ctx, void (*run)(void *job), void (*done)(void *job), void *job)
{
	(void)ctx;
	if (pool.full)
		return false;
	assert_true(pool.n < HASHING_AT_ONCE);
	pool.run = run;
	pool.done = done;
	pool.jobs[pool.n++] = job;
	return true;
}

/* Runs the job that came first. */
static void run_one(void)
{
	void *job = pool.jobs[0];

	assert_true(pool.n > 0);
	pool.n--;
	memmove(pool.jobs, pool.jobs + 1, pool.n * sizeof(pool.jobs[0]));
	pool.run(job);
	pool.done(job);
}

static char said[HASHING_WAITING_MAX + 16];

static void on_done(void *owner, const struct hash_job *j)
{
	size_t n = strlen(said);

	said[n] = j == NULL ? '-' : j->right ? *(const char *)owner : '!';
	said[n + 1] = '\0';
}

static struct hash_job *job_of(const char *owner)
{
	struct hash_job *j = hashing_new(STR("{PLAIN}x"), STR("x"));

	assert_non_null(j);
	j->done = on_done;
	j->owner = (void *)(uintptr_t)owner;
	return j;
}

static void a_few_run_and_the_others_stand_in_line(void **state)
{
	struct hashing h;

	(void)state;
	said[0] = '\0';
	hashing_init(&h, (struct users_pool){ submit, NULL });
	for (const char *c = "abcde"; *c != '\0'; c++)
		assert_true(hashing_submit(&h, job_of(c)));
	assert_int_equal(pool.n, HASHING_AT_ONCE);
	assert_int_equal(h.waiting, 5 - HASHING_AT_ONCE);
	while (pool.n > 0)
		run_one();
	assert_string_equal(said, "abcde");
	assert_true(h.running == 0 && h.waiting == 0);
}

static void who_has_gone_is_not_told_whether_it_ran_or_waited(void **state)
{
	struct hash_job *jobs[4], *none = NULL;
	struct hashing h;

	(void)state;
	said[0] = '\0';
	hashing_init(&h, (struct users_pool){ submit, NULL });
	for (size_t i = 0; i < 4; i++) {
		jobs[i] = job_of(&"abcd"[i]);
		assert_true(hashing_submit(&h, jobs[i]));
	}
	hashing_disown(&jobs[0]);
	hashing_disown(&jobs[2]);
	hashing_disown(&none);
	assert_null(jobs[0]);
	assert_int_equal(h.waiting, 4 - HASHING_AT_ONCE - 1);
	while (pool.n > 0)
		run_one();
	assert_string_equal(said, "bd");
}

static void the_line_has_an_end(void **state)
{
	struct hashing h;

	(void)state;
	said[0] = '\0';
	hashing_init(&h, (struct users_pool){ submit, NULL });
	for (int i = 0; i < HASHING_AT_ONCE + HASHING_WAITING_MAX; i++)
		assert_true(hashing_submit(&h, job_of("a")));
	assert_false(hashing_submit(&h, job_of("b")));
	while (pool.n > 0)
		run_one();
	assert_int_equal(strlen(said), HASHING_AT_ONCE + HASHING_WAITING_MAX);
}

static void a_pool_that_refuses_leaves_nobody_waiting(void **state)
{
	struct hashing h;

	(void)state;
	said[0] = '\0';
	hashing_init(&h, (struct users_pool){ submit, NULL });
	for (const char *c = "abcd"; *c != '\0'; c++)
		assert_true(hashing_submit(&h, job_of(c)));
	pool.full = true;
	run_one();
	assert_string_equal(said, &"---a"[HASHING_AT_ONCE - 1]);
	while (pool.n > 0)
		run_one();
	assert_true(h.running == 0 && h.waiting == 0);
	assert_false(hashing_submit(&h, job_of("e")));
	pool.full = false;
}

static void texts_that_are_too_long_are_no_job(void **state)
{
	static char large[HASH_STORED_MAX + 1];

	(void)state;
	assert_null(hashing_new((struct str){ large, sizeof(large) }, STR("x")));
	assert_null(hashing_new(STR("x"), (struct str){ large, HASH_PASSWORD_MAX + 1 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_run_and_the_others_stand_in_line),
		cmocka_unit_test(who_has_gone_is_not_told_whether_it_ran_or_waited),
		cmocka_unit_test(the_line_has_an_end),
		cmocka_unit_test(a_pool_that_refuses_leaves_nobody_waiting),
		cmocka_unit_test(texts_that_are_too_long_are_no_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
