/* snapshot_test.c - a maildrop that is as it was is opened without a scan, and only such a one. All Maildirs are made
 * first, and then wait together: what has changed in the last two seconds is not trusted. */
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

static char top[64];
static char path[200]; /* of the Maildir the test is about */

static const char *in(const char *name)
{
	static char text[300];

	snprintf(text, sizeof(text), "%s/%s", path, name);
	return text;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(in(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void move(const char *from, const char *to)
{
	char old[300];

	strcpy(old, in(from));
	assert_int_equal(rename(old, in(to)), 0);
}

static void nothing(void)
{
}

static void deliver(void)
{
	put("new/9.z", "new\n");
}

static void take_away(void)
{
	assert_int_equal(unlink(in("cur/2.b,S=4:2,")), 0);
}

static void flag(void)
{
	move("cur/2.b,S=4:2,", "cur/2.b,S=4:2,S");
}

static void read_from_new_to_cur(void)
{
	move("new/1.a", "cur/1.a:2,S");
}

static void replace_a_file(void)
{
	put("tmp", "a longer one\n");
	move("tmp", "new/1.a");
}

static void learn_a_size(void)
{
	put("aside", "PGSIZES from another session");
	move("aside", "popgate-sizes");
}

static void replace_cur(void)
{
	move("cur", "old");
	assert_int_equal(mkdir(in("cur"), 0700), 0);
}

static void lose_new(void)
{
	move("new", "old");
}

static void make_new_a_link(void)
{
	move("new", "old");
	assert_int_equal(symlink("old", in("new")), 0);
}

static void replace_it_all(void)
{
	char kept[300];

	snprintf(kept, sizeof(kept), "%s.kept", path);
	assert_int_equal(rename(path, kept), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(mkdir(in("new"), 0700), 0);
	assert_int_equal(mkdir(in("cur"), 0700), 0);
}

static void hide_a_change(void)
{
	struct stat st;
	struct timespec times[2];

	assert_int_equal(stat(in("cur"), &st), 0);
	take_away();
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	assert_int_equal(utimensat(AT_FDCWD, in("cur"), times, 0), 0);
}

static void lose_the_lock(void)
{
	assert_int_equal(unlink(in("popgate.lock")), 0);
}

/* How many messages another session finds after a change; as_it_was: without a scan. */
static const struct change {
	const char *name;
	void (*make)(void);
	bool as_it_was;
	size_t messages;
} changes[] = {
	{ "nothing", nothing, true, 2 },
	{ "delivery", deliver, false, 3 },
	{ "removal", take_away, false, 1 },
	{ "flag", flag, false, 2 },
	{ "move", read_from_new_to_cur, false, 2 },
	{ "replaced", replace_a_file, false, 2 },
	{ "sizes", learn_a_size, false, 2 },
	{ "new-cur", replace_cur, false, 1 },
	{ "no-new", lose_new, false, 1 },
	{ "all", replace_it_all, false, 0 },
	{ "hidden", hide_a_change, false, 1 },
	{ "no-lock", lose_the_lock, false, 2 },
};
static const char *const more[] = { "link", "held", "elsewhere", "renamed", "empty" };

static struct maildrop_place place(enum uidl_format format)
{
	static char locks[100];

	snprintf(locks, sizeof(locks), "%s/locks", top);
	return (struct maildrop_place){ path, locks, format, "sid" };
}

static struct maildrop *scanned(enum uidl_format format)
{
	struct maildrop_place p = place(format);
	struct maildrop *m = NULL;
	bool again = true;

	assert_int_equal(maildrop_open(&m, &p), ERR_NONE);
	while (again)
		assert_int_equal(maildrop_scan(m, &again), ERR_NONE);
	return m;
}

static struct snapshot *snapshot_of(enum uidl_format format)
{
	struct maildrop *m = scanned(format);
	size_t octets = 0;
	struct snapshot *s = maildrop_snapshot(m, &octets);

	assert_true(s == NULL || octets > 0);
	maildrop_close(&m);
	return s;
}

static void go_to(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", top, name);
}

static void make_maildir(const char *name)
{
	struct maildrop *m;

	go_to(name);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(mkdir(in("new"), 0700), 0);
	assert_int_equal(mkdir(in("cur"), 0700), 0);
	if (strcmp(name, "empty") != 0) {
		put("new/1.a", "one\n.\n");
		put("cur/2.b,S=4:2,", "two\n");
	}
	if (strcmp(name, "elsewhere") == 0)
		assert_int_equal(mkdir(in("popgate.lock"), 0700), 0);
	m = scanned(UIDL_FILENAME); /* writes the size cache */
	maildrop_close(&m);
}

static int setup(void **state)
{
	char locks[100];

	(void)state;
	strcpy(top, "/tmp/popgate-snapshot.XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(locks, sizeof(locks), "%s/locks", top);
	assert_int_equal(mkdir(locks, 0700), 0);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		make_maildir(changes[i].name);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		make_maildir(more[i]);
	sleep(4);
	return 0;
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

/* Where the file system is one that can be asked; elsewhere there is no now. */
static bool has_now(void)
{
	struct statfs fs;

	assert_int_equal(statfs(top, &fs), 0);
	return fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC ||
		fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == F2FS_SUPER_MAGIC;
}

static bool opens_now(const struct snapshot *s, struct maildrop **m)
{
	struct maildrop_place p = place(UIDL_FILENAME);

	return s != NULL && maildrop_open_now(m, &p, s);
}

/* Of all messages what clients are told. */
static void tell(struct maildrop *m, char *to, size_t size)
{
	size_t n = 0;

	to[0] = '\0';
	for (size_t i = 0; i < maildrop_count(m); i++)
		n += (size_t)snprintf(to + n, size - n, "%s %s %u\n", maildrop_file(m, i),
			maildrop_uidl(m, i), (unsigned)maildrop_octets(m, i));
}

static void is_what_a_scan_finds(struct maildrop *m, size_t messages)
{
	char here[500], there[500];

	assert_int_equal(maildrop_count(m), messages);
	tell(m, here, sizeof(here));
	maildrop_close(&m);
	m = scanned(UIDL_FILENAME);
	tell(m, there, sizeof(there));
	maildrop_close(&m);
	assert_string_equal(here, there);
}

static void only_what_is_as_it_was_is_opened_without_a_scan(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *c = &changes[i];
		struct maildrop *m = NULL;
		struct snapshot *s;

		go_to(c->name);
		s = snapshot_of(UIDL_FILENAME);
		assert_true((s != NULL) == has_now());
		c->make();
		assert_true(opens_now(s, &m) == (c->as_it_was && has_now()));
		if (m == NULL)
			m = scanned(UIDL_FILENAME);
		is_what_a_scan_finds(m, c->messages);
		snapshot_free(s);
	}
}

/* A scan refuses such a Maildir, so nobody finds out what is in it. */
static void a_directory_that_became_a_link_is_none(void **state)
{
	struct maildrop *m = NULL;
	struct snapshot *s;

	(void)state;
	go_to("link");
	s = snapshot_of(UIDL_FILENAME);
	make_new_a_link();
	assert_false(opens_now(s, &m));
	snapshot_free(s);
}

static void what_was_opened_so_is_the_whole_maildrop(void **state)
{
	struct maildrop *m = NULL, *other = NULL;
	struct snapshot *s;
	struct maildrop_place p;
	const bool all[2] = { true, true };
	char text[100];
	size_t n;
	bool last;

	(void)state;
	go_to("renamed");
	s = snapshot_of(UIDL_FILENAME);
	if (!opens_now(s, &m)) {
		assert_false(has_now());
		m = scanned(UIDL_FILENAME);
	}
	snapshot_free(s);
	assert_string_equal(maildrop_file(m, 0), "new/1.a");
	assert_string_equal(maildrop_uidl(m, 1), "2.b,S=4");
	p = place(UIDL_FILENAME);
	assert_int_equal(maildrop_open(&other, &p), ERR_BUSY);
	flag();
	assert_int_equal(maildrop_read(m, 1, 0, text, sizeof(text), &n, &last), ERR_NONE);
	assert_true(n == 4 && last && memcmp(text, "two\n", 4) == 0);
	assert_int_equal(maildrop_delete(m, all), 0);
	maildrop_close(&m);
	assert_int_equal(access(in("cur/2.b,S=4:2,S"), F_OK), -1);
	assert_int_equal(access(in("new/1.a"), F_OK), -1);
}

static void a_maildrop_that_is_held_is_not_opened(void **state)
{
	struct maildrop *holder, *m = NULL;
	struct snapshot *s;

	(void)state;
	go_to("held");
	s = snapshot_of(UIDL_FILENAME);
	holder = scanned(UIDL_FILENAME);
	assert_false(opens_now(s, &m));
	maildrop_close(&holder);
	assert_true(opens_now(s, &m) == has_now());
	maildrop_close(&m);
	snapshot_free(s);
}

static void an_empty_maildrop_is_one_too(void **state)
{
	struct maildrop *m = NULL;
	struct snapshot *s;

	(void)state;
	go_to("empty");
	s = snapshot_of(UIDL_DOVECOT);
	assert_null(s); /* the next message would be named by dovecot-uidlist */
	s = snapshot_of(UIDL_FILENAME);
	assert_true(opens_now(s, &m) == has_now());
	if (m != NULL)
		assert_int_equal(maildrop_count(m), 0);
	maildrop_close(&m);
	snapshot_free(s);
}

static void what_lies_elsewhere_or_changed_just_now_makes_none(void **state)
{
	(void)state;
	go_to("elsewhere");
	assert_null(snapshot_of(UIDL_FILENAME));
	go_to("empty");
	deliver();
	assert_null(snapshot_of(UIDL_FILENAME));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_as_it_was_is_opened_without_a_scan),
		cmocka_unit_test(a_directory_that_became_a_link_is_none),
		cmocka_unit_test(what_was_opened_so_is_the_whole_maildrop),
		cmocka_unit_test(a_maildrop_that_is_held_is_not_opened),
		cmocka_unit_test(an_empty_maildrop_is_one_too),
		cmocka_unit_test(what_lies_elsewhere_or_changed_just_now_makes_none),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
