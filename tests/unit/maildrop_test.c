/* maildrop_test.c - Maildirs, friendly and hostile. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pop3d/maildrop.h"

static char dir[64];

static void put(const char *name, const char *text)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	char path[100];

	(void)state;
	strcpy(dir, "/tmp/popgate-maildrop.XXXXXX");
	assert_non_null(mkdtemp(dir));
	for (const char *sub = "new\0cur\0locks\0"; *sub != '\0'; sub += strlen(sub) + 1) {
		snprintf(path, sizeof(path), "%s/%s", dir, sub);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static struct maildrop *open_drop(enum err want)
{
	struct maildrop *m = NULL;
	char locks[100];

	snprintf(locks, sizeof(locks), "%s/locks", dir);
	assert_int_equal(maildrop_open(&m, dir, locks), want);
	return m;
}

static void messages_stand_in_the_order_of_their_time(void **state)
{
	struct maildrop *m;

	(void)state;
	put("new/20.b.h", "a\nb\n");
	put("cur/3.z.h:2,S", "a\r\nb");
	put("cur/20.a.h,W=777:2,", "x\n");
	put("cur/.hidden", "x\n");
	m = open_drop(ERR_NONE);
	assert_int_equal(maildrop_scan(m), ERR_NONE);
	assert_int_equal(maildrop_count(m), 3);
	assert_string_equal(maildrop_message(m, 0).uidl, "3.z.h");
	assert_string_equal(maildrop_message(m, 1).uidl, "20.a.h,W=777");
	assert_string_equal(maildrop_message(m, 2).uidl, "20.b.h");
	assert_true(maildrop_message(m, 0).octets == 6 && maildrop_message(m, 1).octets == 777);
	maildrop_close(&m);
}

static void only_regular_files_are_messages(void **state)
{
	struct maildrop *m;
	char path[200];

	(void)state;
	put("new/1.fine", "x\n");
	snprintf(path, sizeof(path), "%s/new/2.fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/new/3.link", dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	snprintf(path, sizeof(path), "%s/new/4.dir", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	m = open_drop(ERR_NONE);
	assert_int_equal(maildrop_scan(m), ERR_NONE);
	assert_int_equal(maildrop_count(m), 1);
	maildrop_close(&m);
}

static void a_name_that_is_no_uidl_has_a_digest_for_one(void **state)
{
	struct maildrop *m;

	(void)state;
	put("new/1.a b", "x\n");
	put("new/2.0123456789012345678901234567890123456789012345678901234567890123456789", "x\n");
	m = open_drop(ERR_NONE);
	assert_int_equal(maildrop_scan(m), ERR_NONE);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(strlen(maildrop_message(m, i).uidl), 40);
		assert_int_equal(strspn(maildrop_message(m, i).uidl, "0123456789abcdef"), 40);
	}
	assert_string_not_equal(maildrop_message(m, 0).uidl, maildrop_message(m, 1).uidl);
	maildrop_close(&m);
}

static void one_session_at_a_time_and_the_lock_goes_with_it(void **state)
{
	struct maildrop *m = open_drop(ERR_NONE);

	(void)state;
	assert_null(open_drop(ERR_BUSY));
	maildrop_close(&m);
	m = open_drop(ERR_NONE);
	maildrop_close(&m);
}

static void no_maildir_is_an_empty_maildrop(void **state)
{
	struct maildrop *m = NULL;
	char path[100], locks[100];

	(void)state;
	snprintf(path, sizeof(path), "%s/nobody", dir);
	snprintf(locks, sizeof(locks), "%s/locks", dir);
	assert_int_equal(maildrop_open(&m, path, locks), ERR_NONE);
	assert_int_equal(maildrop_scan(m), ERR_NONE);
	assert_int_equal(maildrop_count(m), 0);
	maildrop_close(&m);
}

static void reads_in_pieces_and_sees_what_has_changed(void **state)
{
	struct maildrop *m;
	char piece[4], path[2][200];
	bool last;
	size_t n;

	(void)state;
	put("new/1.a", "123456");
	put("new/2.b", "xxxxxx");
	m = open_drop(ERR_NONE);
	assert_int_equal(maildrop_scan(m), ERR_NONE);
	assert_int_equal(maildrop_read(m, 0, 0, piece, 4, &n, &last), ERR_NONE);
	assert_true(n == 4 && !last && memcmp(piece, "1234", 4) == 0);
	assert_int_equal(maildrop_read(m, 0, 4, piece, 4, &n, &last), ERR_NONE);
	assert_true(n == 2 && last);
	snprintf(path[0], sizeof(path[0]), "%s/new/1.a", dir);
	snprintf(path[1], sizeof(path[1]), "%s/cur/1.a:2,S", dir);
	assert_int_equal(rename(path[0], path[1]), 0);
	assert_int_equal(maildrop_read(m, 0, 0, piece, 4, &n, &last), ERR_NONE);
	assert_int_equal(truncate(path[1], 4), 0);
	assert_int_equal(maildrop_read(m, 0, 4, piece, 4, &n, &last), ERR_DAMAGED);
	assert_int_equal(unlink(path[1]), 0);
	assert_int_equal(maildrop_read(m, 0, 0, piece, 4, &n, &last), ERR_ABSENT);
	maildrop_close(&m);
}

static void deletes_what_is_doomed_wherever_it_went(void **state)
{
	const bool doomed[] = { true, false, true };
	struct maildrop *m;
	char path[2][200];

	(void)state;
	put("new/1.a", "x\n");
	put("new/2.b", "x\n");
	put("cur/3.c:2,", "x\n");
	m = open_drop(ERR_NONE);
	assert_int_equal(maildrop_scan(m), ERR_NONE);
	snprintf(path[0], sizeof(path[0]), "%s/new/1.a", dir);
	snprintf(path[1], sizeof(path[1]), "%s/cur/1.a:2,RS", dir);
	assert_int_equal(rename(path[0], path[1]), 0);
	snprintf(path[0], sizeof(path[0]), "%s/cur/3.c:2,", dir);
	assert_int_equal(unlink(path[0]), 0);
	assert_int_equal(maildrop_delete(m, doomed), 0);
	assert_int_equal(access(path[1], F_OK), -1);
	snprintf(path[0], sizeof(path[0]), "%s/new/2.b", dir);
	assert_int_equal(access(path[0], F_OK), 0);
	maildrop_close(&m);
}

int main(void)
{
#define DROP(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		DROP(messages_stand_in_the_order_of_their_time),
		DROP(only_regular_files_are_messages),
		DROP(a_name_that_is_no_uidl_has_a_digest_for_one),
		DROP(one_session_at_a_time_and_the_lock_goes_with_it),
		DROP(no_maildir_is_an_empty_maildrop),
		DROP(reads_in_pieces_and_sees_what_has_changed),
		DROP(deletes_what_is_doomed_wherever_it_went),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
