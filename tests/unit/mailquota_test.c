/* mailquota_test.c - what maildirsize says, and how it is kept. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "smtpgate/mailfile.h"
#include "smtpgate/mailquota.h"

static char dir[64];
static int maildir;

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/popgate-mailquota.XXXXXX");
	assert_non_null(mkdtemp(dir));
	maildir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 5; i++) {
		static const char *const parts[] = { "tmp", "new", "cur", ".Sent", ".Sent/cur" };

		assert_int_equal(mkdirat(maildir, parts[i], 0700), 0);
	}
	return maildir >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	close(maildir);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void put(const char *name, const char *text)
{
	int fd = openat(maildir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void expect_file(const char *want)
{
	char text[8192];
	int fd = openat(maildir, "maildirsize", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, want);
}

static void reads_limits_and_adds_up_what_is_used(void **state)
{
	struct mailquota q;

	(void)state;
	assert_true(mailquota_read(STR("1000S,10C\n   7  1\n100 2\n-50 -1\nrubbish\n9"), &q));
	assert_int_equal(q.octets_max, 1000);
	assert_int_equal(q.messages_max, 10);
	assert_int_equal(q.octets, 57);
	assert_int_equal(q.messages, 2);
	assert_true(mailquota_read(STR("0S\n4611686018427387904 1\n4611686018427387904 1\n"), &q));
	assert_true(q.octets == INT64_MAX);
}

static void what_begins_otherwise_is_no_quota(void **state)
{
	static const char *const bad[] = { "", "\n", "1000S", "1000\n", "S\n", "1000S,\n", ",10C\n",
		"-1S\n", "From anna\n", "1000s\n", "99999999999999999999S\n" };
	struct mailquota q;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(mailquota_read(str_of(bad[i]), &q));
}

static void there_is_room_up_to_the_limit_and_no_further(void **state)
{
	const struct mailquota by_size = { .octets_max = 100, .octets = 60, .messages = 5 };
	const struct mailquota by_count = { .messages_max = 5, .octets = 60, .messages = 5 };
	const struct mailquota below = { .octets_max = 100, .octets = -60 };
	const struct mailquota over = { .octets_max = 100, .octets = 200 };

	(void)state;
	assert_true(mailquota_fits(&by_size, 40));
	assert_false(mailquota_fits(&by_size, 41));
	assert_false(mailquota_fits(&by_size, UINT64_MAX));
	assert_false(mailquota_fits(&by_count, 1));
	assert_true(mailquota_fits(&below, 100));
	assert_false(mailquota_fits(&below, 101));
	assert_false(mailquota_fits(&over, 0));
}

static void a_message_adds_a_line_and_one_taken_back_another(void **state)
{
	struct mailfile *m;

	(void)state;
	put("maildirsize", "20S\n5 1\n");
	assert_int_equal(mailfile_open(&m, dir, "mx.example"), ERR_NONE);
	assert_int_equal(mailfile_write(m, STR("0123456789\n")), ERR_NONE);
	assert_int_equal(mailfile_stage(m), ERR_NONE);
	assert_int_equal(mailfile_commit(m), ERR_NONE);
	expect_file("20S\n5 1\n11 1\n");
	mailfile_retract(m);
	mailfile_close(&m);
	expect_file("20S\n5 1\n11 1\n-11 -1\n");
}

static void a_message_too_large_is_never_seen(void **state)
{
	struct mailfile *m;

	(void)state;
	put("maildirsize", "20S\n15 1\n");
	assert_int_equal(mailfile_fits(dir, 5), ERR_NONE);
	assert_int_equal(mailfile_fits(dir, 6), ERR_QUOTA);
	assert_int_equal(mailfile_open(&m, dir, "mx.example"), ERR_NONE);
	assert_int_equal(mailfile_write(m, STR("0123456789\n")), ERR_NONE);
	assert_int_equal(mailfile_stage(m), ERR_QUOTA);
	mailfile_close(&m);
	expect_file("20S\n15 1\n");
}

static void is_summed_up_anew_before_it_is_said_to_be_full(void **state)
{
	(void)state;
	put("new/1.a.host,S=10,W=11", "");
	put("cur/2.b.host:2,S", "12345");
	put("cur/3.c.host,S=99:2,ST", "");
	put(".Sent/cur/4.d.host,S=20:2,S", "");
	put("maildirsize", "50S,9C\n40 2\n10 1\n");
	assert_int_equal(mailfile_fits(dir, 15), ERR_NONE);
	expect_file("50S,9C\n35 3\n");
	assert_int_equal(mailfile_fits(dir, 16), ERR_QUOTA);
}

static void a_file_that_grew_long_is_made_short(void **state)
{
	char text[6000] = "50S\n";

	(void)state;
	while (strlen(text) < 5200)
		strcat(text, "1 1\n-1 -1\n");
	put("new/1.a.host,S=10,W=11", "");
	put("maildirsize", text);
	assert_int_equal(mailfile_fits(dir, 1), ERR_NONE);
	expect_file("50S\n10 1\n");
}

static void what_is_linked_elsewhere_is_not_touched(void **state)
{
	(void)state;
	put("cur/real", "1S\n9 9\n");
	assert_int_equal(linkat(maildir, "cur/real", maildir, "maildirsize", 0), 0);
	assert_int_equal(mailfile_fits(dir, 100), ERR_NONE);
	mailquota_add(maildir, 5, 1);
	expect_file("1S\n9 9\n");
}

static void a_maildir_that_is_not_there_has_room(void **state)
{
	(void)state;
	assert_int_equal(mailfile_fits("/tmp/popgate-there-is-none", 100), ERR_NONE);
}

int main(void)
{
#define FILE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_limits_and_adds_up_what_is_used),
		cmocka_unit_test(what_begins_otherwise_is_no_quota),
		cmocka_unit_test(there_is_room_up_to_the_limit_and_no_further),
		FILE_TEST(a_message_adds_a_line_and_one_taken_back_another),
		FILE_TEST(a_message_too_large_is_never_seen),
		FILE_TEST(is_summed_up_anew_before_it_is_said_to_be_full),
		FILE_TEST(a_file_that_grew_long_is_made_short),
		FILE_TEST(what_is_linked_elsewhere_is_not_touched),
		cmocka_unit_test(a_maildir_that_is_not_there_has_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
