/* steady_test.c - the key of salts: the same for whoever comes, and from nobody else. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/daemon/steady.h"

static char dir[] = "/tmp/popgate-steady.XXXXXX";
static char path[64];

static void put(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void it_is_made_once_and_then_stays(void **state)
{
	char first[STEADY_KEY], second[STEADY_KEY] = { 0 };
	struct stat st;

	(void)state;
	unlink(path);
	assert_int_equal(steady_key(dir, first), ERR_NONE);
	assert_int_equal(steady_key(dir, second), ERR_NONE);
	assert_memory_equal(first, second, STEADY_KEY);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	unlink(path);
	assert_int_equal(steady_key(dir, second), ERR_NONE);
	assert_memory_not_equal(first, second, STEADY_KEY);
	unlink(path);
	assert_int_equal(chmod(dir, 02700), 0);
	assert_int_equal(steady_key(dir, second), ERR_NONE);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640); /* for the daemons, each as who it is */
	unlink(path);
	assert_int_equal(rmdir(dir), 0); /* nothing else was left there */
	assert_int_equal(mkdir(dir, 0700), 0);
}

/* Random then, so that no attacker's key becomes ours. */
static void what_others_may_have_made_or_read_is_not_believed(void **state)
{
	static const char text[] = "0123456789abcdef0123456789abcdef";
	char key[STEADY_KEY];

	(void)state;
	put(text, 0644);
	assert_int_equal(steady_key(dir, key), ERR_DENIED);
	assert_memory_not_equal(key, text, STEADY_KEY);
	put("short", 0600);
	assert_int_equal(steady_key(dir, key), ERR_DAMAGED);
	unlink(path);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_not_equal(steady_key(dir, key), ERR_NONE);
	unlink(path);
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_int_equal(steady_key(dir, key), ERR_DENIED);
	unlink(path);
	assert_int_equal(steady_key("/nowhere", key), ERR_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_made_once_and_then_stays),
		cmocka_unit_test(what_others_may_have_made_or_read_is_not_believed),
	};
	int failed;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/" STEADY_FILE, dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
