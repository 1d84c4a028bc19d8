/* sid_test.c - ids are made in several threads at once. */
#include "tests/unit/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/sid.h"

#define THREADS 4
#define EACH 50000

static char made[THREADS * EACH][SID_TEXT];

static void *make(void *first)
{
	char(*at)[SID_TEXT] = first;

	for (size_t i = 0; i < EACH; i++)
		sid_make(at[i]);
	return NULL;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void no_two_are_the_same_whichever_thread_made_them(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make, made[i * EACH]), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	qsort(made, THREADS * EACH, SID_TEXT, by_text);
	for (size_t i = 0; i < THREADS * EACH; i++) {
		assert_int_equal(strlen(made[i]), SID_TEXT - 1);
		if (i > 0)
			assert_string_not_equal(made[i - 1], made[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_two_are_the_same_whichever_thread_made_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
