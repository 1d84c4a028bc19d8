/* readers_test.c - when a view is given up because of who reads it. */
#include "tests/unit/test.h"

#include "common/store/readers.h"

static void who_reads_on_is_never_stuck(void **state)
{
	struct readers r = { 0 };

	(void)state;
	for (int64_t s = 0; s < 300; s++) {
		struct oldest_reader o = { 7, (uint64_t)s, 1 };

		assert_false(readers_stuck(&r, &o, 1000 + s * 1000));
	}
	assert_false(r.reported);
}

static void who_is_stopped_is_reported_and_then_left_with_the_old_view(void **state)
{
	struct readers r = { 0 };
	const struct oldest_reader stopped = { 7, 5, 1 }, nobody = { 0 };
	int64_t s = 1;

	(void)state;
	for (; !r.reported; s++)
		assert_false(readers_stuck(&r, &stopped, s * 1000));
	assert_in_range(s, 10, 13);
	while (!readers_stuck(&r, &stopped, s * 1000))
		assert_true(s++ < 40);
	assert_in_range(s, 30, 33);
	assert_false(readers_stuck(&r, &nobody, ++s * 1000));
}

/* Else whoever may read could make the store do nothing else. */
static void replacements_come_ever_more_rarely(void **state)
{
	struct readers r = { 0 };
	const struct oldest_reader stopped = { 7, 5, 1 };
	unsigned replaced = 0;

	(void)state;
	for (int64_t s = 1; s < 24 * 3600; s++)
		replaced += readers_stuck(&r, &stopped, s * 1000);
	assert_in_range(replaced, 5, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_reads_on_is_never_stuck),
		cmocka_unit_test(who_is_stopped_is_reported_and_then_left_with_the_old_view),
		cmocka_unit_test(replacements_come_ever_more_rarely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
