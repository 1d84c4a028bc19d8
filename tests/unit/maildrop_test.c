/* maildrop_test.c - Maildirs, friendly and hostile. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
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

static struct maildrop *open_as(enum uidl_format f)
{
	static char locks[100];
	struct maildrop *m = NULL;

	snprintf(locks, sizeof(locks), "%s/locks", dir);
	assert_int_equal(
		maildrop_open(&m, &(struct maildrop_place){ dir, locks, f, "sid" }), ERR_NONE);
	return m;
}

static void scan(struct maildrop *m)
{
	bool more = true;

	while (more)
		assert_int_equal(maildrop_scan(m, &more), ERR_NONE);
}

/* Opened, and scanned. */
static struct maildrop *scanned(void)
{
	struct maildrop *m = open_as(UIDL_FILENAME);

	scan(m);
	return m;
}

/* Reads a message in pieces of that size; the octets of its file, or the error. */
static enum err fetch(struct maildrop *m, size_t i, size_t size, char *text, size_t *n)
{
	bool last = false;
	enum err e = ERR_NONE;
	size_t got;

	for (*n = 0; e == ERR_NONE && !last; *n += got)
		e = maildrop_read(m, i, *n, text + *n, size, &got, &last);
	return e;
}

static void fetches(struct maildrop *m, size_t i, const char *want)
{
	char text[1000];
	size_t n;

	assert_int_equal(fetch(m, i, 4, text, &n), ERR_NONE);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(text, want, n);
}

static enum err fetch_error(struct maildrop *m, size_t i)
{
	char text[1000];
	size_t n;

	return fetch(m, i, sizeof(text), text, &n);
}

static void move(const char *from, const char *to)
{
	char path[2][300];

	snprintf(path[0], sizeof(path[0]), "%s/%s", dir, from);
	snprintf(path[1], sizeof(path[1]), "%s/%s", dir, to);
	assert_int_equal(rename(path[0], path[1]), 0);
}

static void take_away(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

static bool there(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static void holds(const char *name, const char *want)
{
	char path[300], text[1000];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	assert_string_equal(text, want);
}

/* --- the snapshot --- */

static void messages_stand_in_the_order_of_their_time(void **state)
{
	struct maildrop *m;

	(void)state;
	put("new/20.b.h", "a\nb\n");
	put("cur/3.z.h:2,S", "a\r\nb");
	put("cur/20.a.h,W=3:2,", "x\n");
	put("cur/.hidden", "x\n");
	m = scanned();
	assert_int_equal(maildrop_count(m), 3);
	assert_string_equal(maildrop_uidl(m, 0), "3.z.h");
	assert_string_equal(maildrop_uidl(m, 1), "20.a.h,W=3");
	assert_string_equal(maildrop_uidl(m, 2), "20.b.h");
	assert_string_equal(maildrop_file(m, 1), "cur/20.a.h,W=3:2,");
	assert_true(maildrop_octets(m, 0) == 6 && maildrop_octets(m, 1) == 3 &&
		maildrop_octets(m, 2) == 6);
	maildrop_close(&m);
}

/* Whatever it is that their names have in common. */
static void messages_of_one_time_stand_in_the_order_of_their_names(void **state)
{
	static const char *const names[] = { "7.a", "7.a0", "7.aaaaaaaa", "7.aaaaaaaaaB",
		"7.aaaaaaaaab", "7.aaaaaaaaaba", "7.b", "7.b\xc3\xa9", "07.b", "07.c", "8",
		"007.z" };
	static const size_t order[] = { 11, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 10 };
	char path[100];

	(void)state;
	for (size_t n = 1; n <= 12; n++) { /* with the last ones nothing is in common */
		struct maildrop *m;
		size_t at = 0;

		snprintf(path, sizeof(path), "%s/%s", n % 2 == 0 ? "new" : "cur", names[n - 1]);
		put(path, "x\n");
		m = scanned();
		assert_int_equal(maildrop_count(m), n);
		for (size_t i = 0; i < 12; i++)
			if (order[i] < n)
				assert_string_equal(maildrop_file(m, at++) + 4, names[order[i]]);
		maildrop_close(&m);
	}
}

static int by_time_and_name(const void *a, const void *b)
{
	const char *x = a, *y = b;

	return atoi(x) != atoi(y) ? atoi(x) - atoi(y) : strcmp(x, y);
}

static void many_messages_stand_in_the_order_of_few(void **state)
{
	char names[700][40], path[100];
	struct maildrop *m;
	unsigned seed = 7;

	(void)state;
	for (size_t i = 0; i < 700; i++, seed = seed * 1103515245 + 12345) {
		snprintf(names[i], sizeof(names[i]), "%s%u.%s%u", i % 50 == 0 ? "0" : "",
			1700000000 + (seed >> 16) % 3 * 70000, i % 3 == 0 ? "" : "longername",
			(unsigned)i);
		snprintf(path, sizeof(path), "%s/%s", i % 2 == 0 ? "new" : "cur", names[i]);
		put(path, "");
	}
	m = scanned();
	qsort(names, 700, sizeof(names[0]), by_time_and_name);
	assert_int_equal(maildrop_count(m), 700);
	for (size_t i = 0; i < 700; i++)
		assert_string_equal(maildrop_file(m, i) + 4, names[i]);
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
	m = scanned();
	assert_int_equal(maildrop_count(m), 1);
	maildrop_close(&m);
}

static void hostile_names_have_ids_of_their_own(void **state)
{
	struct maildrop *m;

	(void)state;
	put("new/1.a b", "x\n");
	put("new/2.0123456789012345678901234567890123456789012345678901234567890123456789", "x\n");
	put("new/\x01\xff\n", "x\n");
	put("new/0123456789abcdef0123456789abcdef01234567", "x\n");
	put("cur/1.twin:2,", "x\n");
	put("cur/1.twin:2,S", "y\n");
	m = scanned();
	assert_int_equal(maildrop_count(m), 6);
	for (size_t i = 0; i < 6; i++) {
		char id[UIDL_MAX + 1];

		strcpy(id, maildrop_uidl(m, i));
		assert_true(uidl_fits(str_of(id)));
		for (size_t other = 0; other < i; other++)
			assert_string_not_equal(maildrop_uidl(m, other), id);
	}
	maildrop_close(&m);
}

static void two_names_of_one_file_are_one_message(void **state)
{
	struct maildrop *m;
	char path[2][200];

	(void)state;
	put("new/1.a", "x\n");
	snprintf(path[0], sizeof(path[0]), "%s/new/1.a", dir);
	snprintf(path[1], sizeof(path[1]), "%s/cur/1.a:2,S", dir);
	assert_int_equal(link(path[0], path[1]), 0);
	m = scanned();
	assert_int_equal(maildrop_count(m), 1);
	assert_string_equal(maildrop_file(m, 0), "cur/1.a:2,S");
	maildrop_close(&m);
}

static void new_or_cur_that_is_a_link_is_no_maildrop(void **state)
{
	struct maildrop *m = NULL;
	char path[200], locks[100];

	(void)state;
	snprintf(path, sizeof(path), "%s/cur", dir);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink("/etc", path), 0);
	snprintf(locks, sizeof(locks), "%s/locks", dir);
	assert_int_not_equal(
		maildrop_open(&m, &(struct maildrop_place){ dir, locks, UIDL_FILENAME, NULL }),
		ERR_NONE);
	assert_null(m);
}

static void one_session_at_a_time_and_the_lock_goes_with_it(void **state)
{
	struct maildrop *m = open_as(UIDL_FILENAME), *other = NULL;
	char locks[100];

	(void)state;
	snprintf(locks, sizeof(locks), "%s/locks", dir);
	assert_int_equal(
		maildrop_open(&other, &(struct maildrop_place){ dir, locks, UIDL_FILENAME, NULL }),
		ERR_BUSY);
	assert_int_equal(
		maildrop_look(&other, &(struct maildrop_place){ dir, locks, UIDL_FILENAME, NULL }),
		ERR_NONE);
	maildrop_close(&other);
	maildrop_close(&m);
	m = open_as(UIDL_FILENAME);
	maildrop_close(&m);
	assert_true(there("popgate.lock"));
}

static void a_lock_that_had_to_lie_elsewhere_still_holds_when_it_need_not(void **state)
{
	struct maildrop *m, *other = NULL;
	char locks[100], path[100];
	const struct maildrop_place place = { dir, locks, UIDL_FILENAME, NULL };

	(void)state;
	snprintf(locks, sizeof(locks), "%s/locks", dir);
	snprintf(path, sizeof(path), "%s/popgate.lock", dir);
	assert_int_equal(mkdir(path, 0700), 0); /* as good as a full disk */
	m = open_as(UIDL_FILENAME);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(maildrop_open(&other, &place), ERR_BUSY);
	maildrop_close(&m);
	assert_int_equal(maildrop_open(&other, &place), ERR_NONE);
	assert_true(there("popgate.lock"));
	maildrop_close(&other);
}

static void a_session_too_soon_is_none(void **state)
{
	struct maildrop *m = open_as(UIDL_FILENAME);
	const struct timespec long_ago[2] = { { 1600000000, 0 }, { 1600000000, 0 } };
	char locks[100], path[100];
	const struct maildrop_place place = { dir, locks, UIDL_FILENAME, NULL };

	(void)state;
	snprintf(locks, sizeof(locks), "%s/locks", dir);
	maildrop_close(&m);
	assert_int_equal(maildrop_open_after(&m, &place, 3600 * 1000), ERR_LIMIT);
	assert_null(m);
	snprintf(path, sizeof(path), "%s/popgate.lock", dir);
	assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
	assert_int_equal(maildrop_open_after(&m, &place, 3600 * 1000), ERR_NONE);
	maildrop_close(&m);
}

static void no_maildir_is_an_empty_maildrop(void **state)
{
	struct maildrop *m = NULL;
	char path[100], locks[100];

	(void)state;
	snprintf(path, sizeof(path), "%s/nobody", dir);
	snprintf(locks, sizeof(locks), "%s/locks", dir);
	assert_int_equal(
		maildrop_open(&m, &(struct maildrop_place){ path, locks, UIDL_FILENAME, NULL }),
		ERR_NONE);
	scan(m);
	assert_int_equal(maildrop_count(m), 0);
	maildrop_close(&m);
}

static void hostile_files_beside_the_messages_are_not_touched(void **state)
{
	static const char *const names[] = { "popgate.lock", "popgate-sizes", "popgate-sizes.new",
		"maildirsize" };
	const bool doomed[] = { true };
	struct maildrop *m;
	char path[300], victim[300];

	(void)state;
	put("victim", "1000S\n");
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		assert_int_equal(symlink(victim, path), 0);
	}
	put("new/1.a", "x\n");
	m = scanned();
	assert_int_equal(maildrop_count(m), 1);
	assert_int_equal(maildrop_delete(m, doomed), 0);
	maildrop_close(&m);
	holds("victim", "1000S\n");
}

/* --- sizes --- */

static void a_wrong_w_is_found_out(void **state)
{
	struct maildrop *m;

	(void)state;
	put("new/1.a,W=777", "a\nb");
	m = scanned();
	assert_true(maildrop_octets(m, 0) == 6);
	fetches(m, 0, "a\nb");
	maildrop_close(&m);
}

static void of_many_new_messages_w_is_found_out_before_they_are_sent(void **state)
{
	struct maildrop *m;
	char name[60];
	bool last;
	size_t n;

	(void)state;
	for (int i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "new/%d.a,W=%d", 100 + i, i == 3 ? 777 : 3);
		put(name, "x\n");
	}
	m = scanned();
	assert_true(maildrop_octets(m, 3) == 777);
	fetches(m, 4, "x\n");
	assert_int_equal(maildrop_read(m, 3, 0, name, 1, &n, &last), ERR_DAMAGED);
	assert_int_equal(n, 0);
	assert_true(maildrop_octets(m, 3) == 3);
	fetches(m, 3, "x\n");
	maildrop_close(&m);
	m = scanned();
	assert_true(maildrop_octets(m, 3) == 3); /* the cache has learnt it */
	maildrop_close(&m);
}

static void sizes_are_counted_once(void **state)
{
	struct maildrop *m;

	(void)state;
	put("new/1.a", "a\nb\n");
	put("new/2.b", "x\n");
	m = scanned();
	maildrop_close(&m);
	assert_true(there("popgate-sizes") && !there("popgate-sizes.new"));
	put("new/1.a", "a longer text\n"); /* nobody looks at the file before it is sent */
	move("new/1.a", "cur/1.a:2,S");
	m = scanned();
	assert_true(maildrop_octets(m, 0) == 6 && maildrop_octets(m, 1) == 3);
	assert_int_equal(fetch_error(m, 0), ERR_DAMAGED);
	assert_true(maildrop_octets(m, 0) == 15);
	fetches(m, 0, "a longer text\n");
	maildrop_close(&m);
	m = scanned();
	assert_true(maildrop_octets(m, 0) == 15);
	maildrop_close(&m);
}

static void a_large_file_is_counted_in_slices(void **state)
{
	struct maildrop *m;
	char path[200];
	bool more = true;
	int slices = 0;

	(void)state;
	put("new/1.a", "");
	snprintf(path, sizeof(path), "%s/new/1.a", dir);
	assert_int_equal(truncate(path, 512 << 20), 0); /* more than can be read in one */
	m = open_as(UIDL_FILENAME);
	for (; more; slices++) {
		assert_int_equal(maildrop_count(m), 0);
		assert_int_equal(maildrop_scan(m, &more), ERR_NONE);
	}
	assert_true(slices > 1);
	assert_int_equal(maildrop_count(m), 1);
	assert_true(maildrop_octets(m, 0) == (512 << 20) + 2);
	maildrop_close(&m);
}

static void nothing_is_looked_at_before_it_is_asked_for(void **state)
{
	struct maildrop *m = open_as(UIDL_FILENAME);

	(void)state;
	put("new/1.a", "x\n");
	scan(m);
	assert_int_equal(maildrop_count(m), 1);
	maildrop_close(&m);
}

static void a_damaged_cache_is_as_good_as_none(void **state)
{
	struct maildrop *m;

	(void)state;
	put("popgate-sizes", "PGSIZES\001 and then nonsense");
	put("new/1.a", "a\nb\n");
	m = scanned();
	assert_true(maildrop_octets(m, 0) == 6);
	maildrop_close(&m);
}

static void one_who_looks_writes_nothing(void **state)
{
	struct maildrop *m = NULL;
	char locks[100];

	(void)state;
	put("new/1.a", "a\nb\n");
	snprintf(locks, sizeof(locks), "%s/locks", dir);
	assert_int_equal(
		maildrop_look(&m, &(struct maildrop_place){ dir, locks, UIDL_FILENAME, NULL }),
		ERR_NONE);
	scan(m);
	assert_true(maildrop_octets(m, 0) == 6);
	maildrop_close(&m);
	assert_false(there("popgate-sizes") || there("popgate.lock"));
}

/* --- reading --- */

static void a_message_is_found_wherever_it_went(void **state)
{
	struct maildrop *m;

	(void)state;
	put("new/1.a", "123456");
	put("new/2.b", "xxxxxx");
	m = scanned();
	fetches(m, 0, "123456");
	move("new/1.a", "cur/1.a:2,S");
	fetches(m, 0, "123456");
	move("cur/1.a:2,S", "cur/1.a:2,RS");
	fetches(m, 0, "123456");
	take_away("cur/1.a:2,RS");
	assert_int_equal(fetch_error(m, 0), ERR_ABSENT);
	put("cur/1.a:2,", "123456");
	fetches(m, 0, "123456");
	maildrop_close(&m);
}

static void a_file_that_changes_while_it_is_sent_has_no_regular_end(void **state)
{
	static const char *const then[] = { "1234", "12345678", "abcdef" };
	struct maildrop *m;
	char piece[10];
	bool last;
	size_t n;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		put("new/1.a", "123456");
		m = scanned();
		(void)!maildrop_read(
			m, 0, 0, piece, 4, &n, &last); /* the cache knew another file */
		if (n == 0)
			assert_int_equal(maildrop_read(m, 0, 0, piece, 4, &n, &last), ERR_NONE);
		assert_true(n == 4 && !last);
		put("new/1.a", then[i]);
		assert_int_equal(maildrop_read(m, 0, 4, piece, 4, &n, &last), ERR_DAMAGED);
		assert_false(last);
		maildrop_close(&m);
	}
}

/* Where the file system is one that can be asked; elsewhere there is no now. */
static bool has_now(void)
{
	struct statfs fs;

	assert_int_equal(statfs(dir, &fs), 0);
	return fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC ||
		fs.f_type == BTRFS_SUPER_MAGIC;
}

/* Reads a message in pieces, each one now where that can be had. How many were. */
static size_t fetch_now(struct maildrop *m, size_t i, size_t size, const char *want)
{
	char text[1000];
	size_t n = 0, got, count = 0;
	bool last = false;

	while (!last) {
		enum err e = maildrop_read_now(m, i, n, text + n, size, &got, &last);

		assert_true(e == ERR_NONE || (e == ERR_BUSY && got == 0 && !last));
		count += e == ERR_NONE;
		if (e == ERR_BUSY)
			assert_int_equal(
				maildrop_read(m, i, n, text + n, size, &got, &last), ERR_NONE);
		n += got;
	}
	assert_int_equal(n, strlen(want));
	assert_memory_equal(text, want, n);
	return count;
}

static void what_the_kernel_has_is_read_without_waiting(void **state)
{
	struct maildrop *m;

	(void)state;
	put("new/1.a", "From: a\n\n.text\n");
	put("cur/2.b,W=99:2,", "");
	m = scanned();
	fetches(m, 0, "From: a\n\n.text\n");
	assert_int_equal(fetch_now(m, 0, 1000, "From: a\n\n.text\n"), has_now() ? 1 : 0);
	assert_int_equal(fetch_now(m, 0, 4, "From: a\n\n.text\n"), has_now() ? 4 : 0);
	assert_int_equal(fetch_now(m, 0, 15, "From: a\n\n.text\n"), has_now() ? 1 : 0);
	assert_int_equal(fetch_now(m, 1, 4, ""), has_now() ? 1 : 0);
	maildrop_close(&m);
}

/* What must be looked for, found out or put right is a job's. */
static void what_has_changed_is_not_read_without_waiting(void **state)
{
	struct maildrop *m;
	char text[100];
	size_t n;
	bool last;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		put((const char *const[]){ "new/1.a", "new/2.b", "new/3.c", "new/4.d" }[i],
			"123456");
	m = scanned();
	move("new/1.a", "cur/1.a:2,S");
	take_away("new/2.b");
	put("new/3.c", "1234567");
	take_away("new/4.d");
	assert_int_equal(symlink("3.c", strcat(strcpy(text, dir), "/new/4.d")), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
			maildrop_read_now(m, i, 0, text, sizeof(text), &n, &last), ERR_BUSY);
		assert_true(n == 0 && !last);
	}
	assert_int_equal(fetch_now(m, 0, 100, "123456"), 0);
	assert_int_equal(fetch_error(m, 1), ERR_ABSENT);
	assert_int_equal(fetch_error(m, 2), ERR_DAMAGED);
	assert_int_not_equal(fetch_error(m, 3), ERR_NONE);
	maildrop_close(&m);
}

/* Nor is an end that is not the one that was announced. */
static void what_changes_between_two_pieces_is_not_whole(void **state)
{
	struct maildrop *m;
	char piece[10];
	size_t n;
	bool last;

	(void)state;
	put("new/1.a", "123456");
	m = scanned();
	fetches(m, 0, "123456");
	if (maildrop_read_now(m, 0, 0, piece, 4, &n, &last) != ERR_NONE)
		assert_int_equal(maildrop_read(m, 0, 0, piece, 4, &n, &last), ERR_NONE);
	assert_int_equal(n, 4);
	put("new/1.a", "123");
	assert_int_not_equal(maildrop_read_now(m, 0, 4, piece, 4, &n, &last), ERR_NONE);
	assert_true(n == 0 && !last);
	assert_int_equal(maildrop_read(m, 0, 4, piece, 4, &n, &last), ERR_DAMAGED);
	maildrop_close(&m);
}

static void an_empty_message_is_one(void **state)
{
	struct maildrop *m;

	(void)state;
	put("new/1.a", "");
	m = scanned();
	assert_true(maildrop_octets(m, 0) == 0);
	fetches(m, 0, "");
	maildrop_close(&m);
}

static void what_became_a_link_or_a_fifo_is_not_read(void **state)
{
	struct maildrop *m;
	char path[200];

	(void)state;
	put("new/1.a", "x\n");
	put("new/2.b", "x\n");
	m = scanned();
	take_away("new/1.a");
	take_away("new/2.b");
	snprintf(path, sizeof(path), "%s/new/1.a", dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	snprintf(path, sizeof(path), "%s/new/2.b", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_not_equal(fetch_error(m, 0), ERR_NONE);
	assert_int_not_equal(fetch_error(m, 1), ERR_NONE);
	maildrop_close(&m);
}

/* --- ids of other servers --- */

static void dovecots_ids_and_order_are_kept(void **state)
{
	struct maildrop *m;

	(void)state;
	put("dovecot-uidlist", "3 V1795627498 N9\n1 :30.c\n2 :20.b:2,S\n3 P30.c :10.a\n");
	put("new/10.a", "x\n");
	put("new/20.b", "x\n");
	put("new/30.c", "x\n");
	put("new/5.later", "x\n");
	m = open_as(UIDL_DOVECOT);
	scan(m);
	assert_int_equal(maildrop_count(m), 4);
	assert_string_equal(maildrop_uidl(m, 0), "000000016b0719ea");
	assert_string_equal(maildrop_uidl(m, 1), "000000026b0719ea");
	assert_string_equal(maildrop_uidl(m, 2), "30.c");
	assert_string_equal(maildrop_uidl(m, 3), "5.later");
	move("new/10.a", "cur/10.a:2,S");
	move("new/30.c", "cur/30.c:2,S");
	fetches(m, 0, "x\n");
	fetches(m, 2, "x\n");
	assert_string_equal(maildrop_file(m, 2), "cur/10.a:2,S");
	maildrop_close(&m);
}

static void equal_ids_in_a_list_are_told_apart(void **state)
{
	struct maildrop *m;

	(void)state;
	put("dovecot-uidlist", "3 V1 N9\n1 Psame :1.a\n2 Psame :2.b\n3 P4.d :3.c\n");
	for (const char *name = "new/1.a\0new/2.b\0new/3.c\0new/4.d\0"; *name != '\0';
		name += strlen(name) + 1)
		put(name, "x\n");
	m = open_as(UIDL_DOVECOT);
	scan(m);
	for (size_t i = 0; i < 4; i++)
		for (size_t other = 0; other < i; other++) {
			char id[UIDL_MAX + 1];

			strcpy(id, maildrop_uidl(m, i));
			assert_string_not_equal(maildrop_uidl(m, other), id);
		}
	maildrop_close(&m);
}

static void what_is_no_list_names_nothing(void **state)
{
	struct maildrop *m;

	(void)state;
	put("courierpop3dsizelist", "nonsense\n");
	put("new/1.a", "x\n");
	m = open_as(UIDL_COURIER);
	scan(m);
	assert_string_equal(maildrop_uidl(m, 0), "1.a");
	maildrop_close(&m);
}

static void a_list_that_is_there_and_cannot_be_read_is_waited_for(void **state)
{
	struct maildrop *m;
	char path[200];
	bool more = true;
	enum err e = ERR_NONE;

	(void)state;
	snprintf(path, sizeof(path), "%s/courierpop3dsizelist", dir);
	assert_int_equal(symlink(path, path), 0);
	put("new/1.a", "x\n");
	m = open_as(UIDL_COURIER);
	while (e == ERR_NONE && more)
		e = maildrop_scan(m, &more);
	assert_int_equal(e, ERR_DENIED);
	maildrop_close(&m);
}

/* --- deleting --- */

static void deletes_what_is_doomed_wherever_it_went(void **state)
{
	const bool doomed[] = { true, false, true };
	struct maildrop *m;

	(void)state;
	put("new/1.a", "x\n");
	put("new/2.b", "x\n");
	put("cur/3.c:2,", "x\n");
	m = scanned();
	move("new/1.a", "cur/1.a:2,RS");
	take_away("cur/3.c:2,");
	assert_int_equal(maildrop_delete(m, doomed), 0);
	assert_false(there("cur/1.a:2,RS"));
	assert_true(there("new/2.b"));
	maildrop_close(&m);
}

static void says_what_stayed(void **state)
{
	const bool doomed[] = { true, true };
	struct maildrop *m;
	char path[200];

	(void)state;
	put("new/1.a", "x\n");
	put("new/2.b", "x\n");
	m = scanned();
	take_away("new/1.a");
	snprintf(path, sizeof(path), "%s/new/1.a", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(maildrop_delete(m, doomed), 1);
	assert_false(there("new/2.b"));
	maildrop_close(&m);
}

static void the_quota_is_kept(void **state)
{
	const bool doomed[] = { true, true, true, false };
	struct maildrop *m;

	(void)state;
	put("maildirsize", "1000S,10C\n 100 4\n");
	put("new/1.a", "12345\n");
	put("cur/2.b,S=20:2,S", "xx\n");
	put("cur/3.c:2,T", "thrown away\n");
	put("cur/4.d:2,", "stays\n");
	m = scanned();
	assert_int_equal(maildrop_delete(m, doomed), 0);
	maildrop_close(&m);
	holds("maildirsize", "1000S,10C\n 100 4\n-26 -2\n");
}

static void what_is_no_quota_is_left_alone(void **state)
{
	const bool doomed[] = { true };
	struct maildrop *m;

	(void)state;
	put("maildirsize", "From anna\n");
	put("new/1.a", "12345\n");
	m = scanned();
	assert_int_equal(maildrop_delete(m, doomed), 0);
	maildrop_close(&m);
	holds("maildirsize", "From anna\n");
}

int main(void)
{
#define DROP(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		DROP(messages_stand_in_the_order_of_their_time),
		DROP(messages_of_one_time_stand_in_the_order_of_their_names),
		DROP(many_messages_stand_in_the_order_of_few),
		DROP(only_regular_files_are_messages),
		DROP(hostile_names_have_ids_of_their_own),
		DROP(two_names_of_one_file_are_one_message),
		DROP(new_or_cur_that_is_a_link_is_no_maildrop),
		DROP(a_lock_that_had_to_lie_elsewhere_still_holds_when_it_need_not),
		DROP(a_session_too_soon_is_none),
		DROP(one_session_at_a_time_and_the_lock_goes_with_it),
		DROP(no_maildir_is_an_empty_maildrop),
		DROP(hostile_files_beside_the_messages_are_not_touched),
		DROP(a_wrong_w_is_found_out),
		DROP(of_many_new_messages_w_is_found_out_before_they_are_sent),
		DROP(sizes_are_counted_once),
		DROP(a_large_file_is_counted_in_slices),
		DROP(nothing_is_looked_at_before_it_is_asked_for),
		DROP(a_damaged_cache_is_as_good_as_none),
		DROP(one_who_looks_writes_nothing),
		DROP(a_message_is_found_wherever_it_went),
		DROP(a_file_that_changes_while_it_is_sent_has_no_regular_end),
		DROP(what_the_kernel_has_is_read_without_waiting),
		DROP(what_has_changed_is_not_read_without_waiting),
		DROP(what_changes_between_two_pieces_is_not_whole),
		DROP(an_empty_message_is_one),
		DROP(what_became_a_link_or_a_fifo_is_not_read),
		DROP(dovecots_ids_and_order_are_kept),
		DROP(equal_ids_in_a_list_are_told_apart),
		DROP(what_is_no_list_names_nothing),
		DROP(a_list_that_is_there_and_cannot_be_read_is_waited_for),
		DROP(deletes_what_is_doomed_wherever_it_went),
		DROP(says_what_stayed),
		DROP(the_quota_is_kept),
		DROP(what_is_no_quota_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
