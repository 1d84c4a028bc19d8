/* guard_test.c - what a call may do to us that a guard stands over. */
#include "tests/unit/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "common/window/guard.h"

static enum err return_it(void *e)
{
	return *(enum err *)e;
}

static enum err raise_it(void *number)
{
	raise(*(int *)number);
	return ERR_NONE;
}

static enum err give_up(void *nothing)
{
	(void)nothing;
	abort();
}

static enum err wait_for_a_lock(void *mutex)
{
	pthread_mutex_lock(mutex);
	return ERR_NONE;
}

static void what_comes_back_is_what_was_returned(void **state)
{
	enum err all[] = { ERR_NONE, ERR_ABSENT, ERR_QUOTA };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(guard_run(return_it, &all[i]), all[i]);
		assert_int_equal(guard_run_within(1000, return_it, &all[i]), all[i]);
	}
}

static void a_fault_is_an_answer(void **state)
{
	int numbers[] = { SIGBUS, SIGSEGV, SIGABRT };

	(void)state;
	guard_install(); /* in each test: cmocka has handlers of its own */
	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
			assert_int_equal(guard_run(raise_it, &numbers[i]), ERR_DAMAGED);
	assert_int_equal(guard_run(give_up, NULL), ERR_DAMAGED);
}

static void a_lock_that_is_not_given_back_is_waited_for_no_longer(void **state)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	(void)state;
	pthread_mutex_lock(&mutex);
	for (int again = 0; again < 3; again++)
		assert_int_equal(guard_run_within(10, wait_for_a_lock, &mutex), ERR_TIMEOUT);
	pthread_mutex_unlock(&mutex);
	assert_int_equal(guard_run_within(1000, wait_for_a_lock, &mutex), ERR_NONE);
	pthread_mutex_unlock(&mutex);
}

static enum err fail_inside(void *what)
{
	enum err inner = guard_run(raise_it, what);

	return inner == ERR_DAMAGED ? ERR_BUSY : inner;
}

static enum err fail_behind(void *what)
{
	(void)!guard_run(raise_it, what);
	return raise_it(what);
}

static void one_guard_stands_within_another(void **state)
{
	int number = SIGSEGV;

	(void)state;
	guard_install();
	assert_int_equal(guard_run(fail_inside, &number), ERR_BUSY);
	assert_int_equal(guard_run(fail_behind, &number), ERR_DAMAGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_back_is_what_was_returned),
		cmocka_unit_test(a_fault_is_an_answer),
		cmocka_unit_test(a_lock_that_is_not_given_back_is_waited_for_no_longer),
		cmocka_unit_test(one_guard_stands_within_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
