/* snapshots_test.c - which snapshots are kept; what is in them is another's. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "pop3d/snapshots.h"

struct snapshot {
	int number;
};

static int freed;

void snapshot_free(struct snapshot *s)
{
	freed += s != NULL;
	free(s);
}

static struct snapshot *make(int number)
{
	struct snapshot *s = malloc(sizeof(*s));

	assert_non_null(s);
	s->number = number;
	return s;
}

static void what_was_put_is_found_until_another_takes_its_place(void **state)
{
	struct snapshots all;

	(void)state;
	freed = 0;
	snapshots_init(&all, 10000);
	assert_null(snapshots_find(&all, "/mail/anna"));
	snapshots_put(&all, "/mail/anna", make(1), 100);
	snapshots_put(&all, "/mail/ann", make(2), 100);
	assert_int_equal(snapshots_find(&all, "/mail/anna")->number, 1);
	assert_int_equal(snapshots_find(&all, "/mail/ann")->number, 2);
	snapshots_put(&all, "/mail/anna", make(3), 100);
	assert_int_equal(freed, 1);
	assert_int_equal(snapshots_find(&all, "/mail/anna")->number, 3);
	snapshots_put(&all, "/mail/anna", NULL, 0);
	assert_int_equal(freed, 2);
	assert_null(snapshots_find(&all, "/mail/anna"));
	snapshots_put(&all, "/mail/anna", NULL, 0);
	snapshots_free(&all);
	assert_int_equal(freed, 3);
	assert_true(all.octets == 0);
}

static void those_used_longest_ago_make_room(void **state)
{
	struct snapshots all;
	char path[40];

	(void)state;
	freed = 0;
	snapshots_init(&all, 100 * 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/mail/%d", i);
		snapshots_put(&all, path, make(i), 1000);
		assert_non_null(snapshots_find(&all, "/mail/0"));
		assert_true(all.octets <= all.max);
	}
	assert_true(freed > 900 && freed < 920);
	assert_int_equal(snapshots_find(&all, "/mail/999")->number, 999);
	assert_null(snapshots_find(&all, "/mail/1"));
	snapshots_put(&all, "/mail/large", make(0), 200 * 1000); /* more than there may be */
	assert_non_null(snapshots_find(&all, "/mail/999"));
	assert_null(snapshots_find(&all, "/mail/large"));
	snapshots_free(&all);
	assert_int_equal(freed, 1001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_found_until_another_takes_its_place),
		cmocka_unit_test(those_used_longest_ago_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
