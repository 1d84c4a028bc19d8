/* counters_test.c - sums over processes, and what dies with one. */
#include "tests/unit/test.h"

#include <unistd.h>

#include "common/daemon/counters.h"

static const struct counter_name names[] = { { "logins", "", false }, { "open", "", true },
	{ NULL, NULL, false } };

static void a_dead_process_leaves_its_counts_and_takes_its_gauges(void **state)
{
	struct counters *all, *one, *two;
	int fd;

	(void)state;
	assert_int_equal(counters_make(&all, names, &fd), ERR_NONE);
	assert_int_equal(counters_map(&one, names, fd, 1), ERR_NONE);
	assert_int_equal(counters_map(&two, names, fd, COUNTERS_SLOTS - 1), ERR_NONE);
	counters_add(one, 0, 2);
	counters_add(two, 0, 3);
	counters_add(one, 1, 5);
	counters_add(one, 1, -1);
	counters_add(two, 1, 7);
	assert_true(counters_sum(all, 0) == 5 && counters_sum(all, 1) == 11);
	counters_bury(all, 1);
	assert_true(counters_sum(all, 0) == 5 && counters_sum(all, 1) == 7);
	assert_int_equal(counters_map(&one, names, fd, COUNTERS_SLOTS), ERR_LIMIT);
	counters_close(&all);
	counters_close(&one);
	counters_close(&two);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dead_process_leaves_its_counts_and_takes_its_gauges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
