/* heartbeat_test.c - a sign of life, and who gave it. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/daemon/heartbeat.h"

static char path[] = "/tmp/popgate-heartbeat.XXXXXX";
static int fd;

static void it_says_when(void **state)
{
	int64_t before = clock_steady_ms(), beat = 0;

	(void)state;
	assert_false(heartbeat_read(fd, &beat));
	heartbeat_write(fd);
	assert_true(heartbeat_read(fd, &beat));
	assert_in_range(beat, before, clock_steady_ms());
	heartbeat_write(fd);
	assert_int_equal(lseek(fd, 0, SEEK_END), 21);
}

static void what_else_stands_there_is_none(void **state)
{
	static const char *const junk[] = { "", "1\n", "0000000000000000000x\n",
		"-0000000000000000001\n", "00000000000000000000\n" };
	int64_t beat;

	(void)state;
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, junk[i], strlen(junk[i]), 0), strlen(junk[i]));
		assert_false(heartbeat_read(fd, &beat));
	}
}

static void the_holder_is_whoever_has_the_lock_and_only_as_that_user(void **state)
{
	int ready[2];
	char octet;
	pid_t child;

	(void)state;
	assert_int_equal(heartbeat_holder(fd, geteuid()), 0);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		int own = open(path, O_RDWR);

		if (flock(own, LOCK_EX) == 0 && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &octet, 1), 1);
	assert_int_equal(heartbeat_holder(fd, geteuid()), child);
	assert_int_equal(heartbeat_holder(fd, geteuid() + 1), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(heartbeat_holder(fd, geteuid()), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_when),
		cmocka_unit_test(what_else_stands_there_is_none),
		cmocka_unit_test(the_holder_is_whoever_has_the_lock_and_only_as_that_user),
	};
	int failed;

	fd = mkstemp(path);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
