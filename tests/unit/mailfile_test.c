/* mailfile_test.c - a message lies in new whole, or nowhere. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smtpgate/mailfile.h"

static char dir[64], maildir[128];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/popgate-mailfile.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(maildir, sizeof(maildir), "%s/a/b/Maildir", dir);
	return 0;
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* How many files there are in that folder; the name of one in name. */
static unsigned files_in(const char *folder, char *name, size_t size)
{
	char path[200];
	const struct dirent *d;
	unsigned n = 0;
	DIR *open_dir;

	snprintf(path, sizeof(path), "%s/%s", maildir, folder);
	open_dir = opendir(path);
	assert_non_null(open_dir);
	while ((d = readdir(open_dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(name, size, "%s", d->d_name);
		n++;
	}
	closedir(open_dir);
	return n;
}

static void is_staged_in_tmp_and_named_by_its_sizes(void **state)
{
	struct mailfile *m;
	char name[256];

	(void)state;
	assert_int_equal(mailfile_open(&m, maildir, "mx:1/2.example"), ERR_NONE);
	assert_int_equal(mailfile_write(m, STR("A: b\n\n")), ERR_NONE);
	assert_int_equal(mailfile_write(m, STR("body\n")), ERR_NONE);
	assert_int_equal(mailfile_stage(m), ERR_NONE);
	assert_int_equal(files_in("tmp", name, sizeof(name)), 1);
	assert_int_equal(files_in("new", name, sizeof(name)), 0);
	assert_int_equal(mailfile_commit(m), ERR_NONE);
	mailfile_close(&m);
	assert_int_equal(files_in("tmp", name, sizeof(name)), 0);
	assert_int_equal(files_in("new", name, sizeof(name)), 1);
	assert_non_null(strstr(name, ".mx_1_2.example,S=11,W=14"));
	assert_null(strchr(name, ':'));
}

static void what_is_not_committed_is_gone(void **state)
{
	struct mailfile *m;
	char name[256];

	(void)state;
	assert_int_equal(mailfile_open(&m, maildir, "mx.example"), ERR_NONE);
	assert_int_equal(mailfile_write(m, STR("half")), ERR_NONE);
	mailfile_close(&m);
	assert_null(m);
	assert_int_equal(files_in("tmp", name, sizeof(name)), 0);
	assert_int_equal(files_in("new", name, sizeof(name)), 0);
}

static void what_is_taken_back_is_gone_too(void **state)
{
	struct mailfile *m;
	char name[256];

	(void)state;
	assert_int_equal(mailfile_open(&m, maildir, "mx.example"), ERR_NONE);
	assert_int_equal(mailfile_write(m, STR("whole\n")), ERR_NONE);
	assert_int_equal(mailfile_stage(m), ERR_NONE);
	assert_int_equal(mailfile_commit(m), ERR_NONE);
	assert_int_equal(files_in("new", name, sizeof(name)), 1);
	mailfile_retract(m);
	mailfile_close(&m);
	assert_int_equal(files_in("tmp", name, sizeof(name)), 0);
	assert_int_equal(files_in("new", name, sizeof(name)), 0);
}

static void a_place_that_cannot_be_written_is_an_error(void **state)
{
	struct mailfile *m = NULL;

	(void)state;
	assert_int_equal(
		mailfile_open(&m, "/proc/nowhere/Maildir", "mx.example") != ERR_NONE, true);
	assert_null(m);
}

int main(void)
{
#define FILE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		FILE_TEST(is_staged_in_tmp_and_named_by_its_sizes),
		FILE_TEST(what_is_not_committed_is_gone),
		FILE_TEST(what_is_taken_back_is_gone_too),
		FILE_TEST(a_place_that_cannot_be_written_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
