/* counters_test.c - sums over processes, and what dies with one. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

static const struct counter_name labelled[] = {
	{ "tries{reason=no-proof}", "tries", false },
	{ "tries{reason=full}", "tries", false },
	{ "tries{reason=other}", "tries", false },
	{ "open", "open now", true },
	COUNTERS_TIME_ROWS("took_seconds", "how long"),
	{ NULL, NULL, false },
};

static void a_label_finds_its_row_and_the_rest_is_other(void **state)
{
	struct counters *c = NULL;
	char key[COUNTERS_NAME];
	int fd = -1;

	(void)state;
	assert_int_equal(counters_make(&c, labelled, &fd), ERR_NONE);
	counters_add_labelled(c, 0, "full");
	counters_add_labelled(c, 0, "no-proof");
	counters_add_labelled(c, 0, "no");
	counters_add_labelled(c, 0, "unheard-of");
	assert_true(counters_sum(c, 0) == 1 && counters_sum(c, 1) == 1 && counters_sum(c, 2) == 2);
	assert_int_equal(counters_sum(c, 3), 0);
	assert_string_equal(counters_key(labelled[0].name, key), "tries_no_proof");
	assert_string_equal(counters_key("open", key), "open");
	counters_close(&c);
	close(fd);
}

static void a_time_is_in_one_bucket(void **state)
{
	static const int64_t times[] = { 0, 1, 2, 3, 1000, 1001, 90000 };
	static const int64_t wanted[COUNTERS_TIMES] = { 2, 1, 1, 0, 0, 0, 0, 0, 0, 1, 2, 92007 };
	struct counters *c = NULL;
	int fd = -1;

	(void)state;
	assert_int_equal(counters_make(&c, labelled, &fd), ERR_NONE);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		counters_time(c, 4, times[i]);
	for (unsigned i = 0; i < COUNTERS_TIMES; i++)
		assert_int_equal(counters_sum(c, 4 + i), wanted[i]);
	counters_close(&c);
	close(fd);
}

/* In a child, because a lock of our own is none to us. */
static bool alive_for_others(const char *dir)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		struct counters_seen *seen = NULL;
		bool alive = counters_read(&seen, dir, "test") == ERR_NONE && seen->alive &&
			seen->pid == getppid();

		free(seen);
		_exit(alive ? 0 : 1);
	}
	assert_true(child > 0 && waitpid(child, &status, 0) == child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void what_is_published_is_read_and_the_dead_are_known(void **state)
{
	const struct counters_seat seat = { 77, "worker", 3, 2, 1000, false };
	char dir[] = "/tmp/popgate-counters.XXXXXX", path[64];
	struct counters *c = NULL, *worker = NULL;
	struct counters_seen *seen = NULL;
	int fd = -1;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/test/counters", dir);
	assert_int_equal(counters_read(&seen, dir, "test"), ERR_ABSENT);
	assert_int_equal(counters_make(&c, labelled, &fd), ERR_NONE);
	counters_add(c, 3, 5);
	assert_int_equal(counters_publish(c, dir, "test", (gid_t)-1, &fd), ERR_NONE);
	assert_int_equal(counters_map(&worker, labelled, fd, 9), ERR_NONE);
	counters_add(worker, 3, 2);
	counters_seat(c, 9, &seat);
	counters_draining(c, 9);
	assert_true(alive_for_others(dir));
	assert_int_equal(counters_read(&seen, dir, "test"), ERR_NONE);
	assert_string_equal(seen->at[3].name, "open");
	assert_true(seen->at[3].gauge && seen->at[3].value == 7 && seen->seats_n == 1);
	assert_true(seen->seats[0].pid == 77 && seen->seats[0].draining &&
		seen->seats[0].generation == 2);
	free(seen);
	close(fd); /* and with it the lock */
	assert_false(alive_for_others(dir));
	assert_int_equal(truncate(path, 5000), 0);
	assert_int_equal(counters_read(&seen, dir, "test"), ERR_DAMAGED);
	assert_int_equal(truncate(path, 1 << 20), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(counters_read(&seen, dir, "test"), ERR_DAMAGED);
	counters_close(&worker);
	counters_close(&c);
	assert_int_equal(unlink(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0); /* nothing else was left there */
	assert_int_equal(rmdir(dir), 0);
}

/* Root would write where they lead. */
static void counters_are_published_in_no_directory_of_others(void **state)
{
	char dir[] = "/tmp/popgate-counters.XXXXXX", path[64];
	struct counters *c = NULL;
	int fd = -1;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/test", dir);
	assert_int_equal(counters_make(&c, labelled, &fd), ERR_NONE);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_int_not_equal(counters_publish(c, dir, "test", (gid_t)-1, &fd), ERR_NONE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(counters_publish(c, dir, "test", (gid_t)-1, &fd), ERR_DENIED);
	assert_int_equal(rmdir(path), 0);
	counters_close(&c);
	close(fd);
	assert_int_equal(rmdir(dir), 0);
}

/* Another version may count other things: its memory is for its own children. */
static void memory_is_adopted_only_from_who_counts_the_same(void **state)
{
	static const struct counter_name fewer[] = { { "open", "open now", true },
		{ NULL, NULL, false } };
	struct counters *c = NULL, *heir = NULL;
	int fd = -1;

	(void)state;
	assert_int_equal(counters_make(&c, labelled, &fd), ERR_NONE);
	counters_add(c, 3, 5);
	counters_beat(c, 77);
	assert_int_equal(counters_adopt(&heir, fewer, fd), ERR_DAMAGED);
	assert_int_equal(counters_adopt(&heir, labelled, fd), ERR_NONE);
	assert_int_equal(counters_sum(heir, 3), 5);
	assert_int_equal(counters_last_beat(heir, 0), 77);
	counters_close(&heir);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(counters_adopt(&heir, labelled, fd), ERR_DAMAGED);
	counters_close(&c);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_adopted_only_from_who_counts_the_same),
		cmocka_unit_test(a_dead_process_leaves_its_counts_and_takes_its_gauges),
		cmocka_unit_test(a_label_finds_its_row_and_the_rest_is_other),
		cmocka_unit_test(a_time_is_in_one_bucket),
		cmocka_unit_test(what_is_published_is_read_and_the_dead_are_known),
		cmocka_unit_test(counters_are_published_in_no_directory_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
