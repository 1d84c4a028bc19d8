/* view_test.c - what a reader keeps of a view in memory never outlives what it was read of. The store that changes
 * the view is a process of its own each time, because nobody may open it twice. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/store/store.h"
#include "common/window/view.h"
#include "common/window/view_private.h" /* REVOCATIONS_FEW */

#define GRANTS (REVOCATIONS_FEW + 8)

static char dir[] = "/dev/shm/popgate-view.XXXXXX"; /* its syncs cost nothing */
static struct conf *conf;
static struct site site;

static const char *in_dir(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int delete (const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level > 0 ? remove(path) : 0;
}

static void empty_dir(void)
{
	assert_int_equal(nftw(dir, delete, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static int set_up(void **state)
{
	struct buf complaints;
	char text[512];

	(void)state;
	assert_non_null(mkdtemp(dir));
	buf_init(&complaints, 1 << 16);
	snprintf(text, sizeof(text),
		"hostname = \"mail.example.net\"\nstate_dir = \"%s\"\nrun_dir = \"%s\"\n"
		"users \"passwd-file\" { path = \"/none\" }\n"
		"log { to = \"stderr\" level = \"error\" }\n",
		dir, dir);
	assert_int_equal(conf_parse(&conf, "test.conf", str_of(text), &complaints), ERR_NONE);
	assert_int_equal(site_read(&site, conf, &complaints), ERR_NONE);
	buf_free(&complaints);
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	empty_dir();
	conf_close(&conf);
	return rmdir(dir);
}

static struct addr addr_of(unsigned n)
{
	struct addr a;
	char text[32];

	snprintf(text, sizeof(text), "203.0.113.%u", n + 1);
	assert_true(addr_parse(str_of(text), &a));
	return a;
}

static struct subscriber name_of(unsigned n)
{
	struct subscriber s;
	char text[64];

	snprintf(text, sizeof(text), "subscriber%u@example.net", n);
	assert_true(subscriber_fold(str_of(text), STR(""), &s));
	return s;
}

static struct request grant_of(unsigned n)
{
	return (struct request){ .kind = WIRE_GRANT,
		.grant = { .addr = addr_of(n),
			.who = name_of(n),
			.source = { "pop3", "plain", false },
			.port = 1 } };
}

static struct request revocation_of(enum scope scope, unsigned n)
{
	struct request r = { .kind = WIRE_REVOKE, .revocation = { .scope = scope } };

	if (scope == SCOPE_KEY || scope == SCOPE_KEY_SUBSCRIBER)
		r.revocation.addr = addr_of(n);
	if (scope == SCOPE_SUBSCRIBER || scope == SCOPE_KEY_SUBSCRIBER)
		r.revocation.who = name_of(n);
	return r;
}

static bool ask(struct store *s, const struct request *r)
{
	struct pending one = { .request = *r };

	store_batch(s, &one, 1);
	return one.answer.result == ERR_NONE;
}

static bool serve(const struct request *r, size_t n)
{
	struct store s;
	bool good = freopen("/dev/null", "w", stderr) != NULL && /* it says much */
		store_open(&s, &site, conf, -1) == ERR_NONE;

	for (size_t i = 0; good && i < n; i++)
		good = ask(&s, &r[i]);
	store_tick(&s);
	store_close(&s);
	return good;
}

static void let_a_store(const struct request *r, size_t n)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(serve(r, n) ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void grant_all(void)
{
	struct request r[GRANTS];

	for (unsigned n = 0; n < GRANTS; n++)
		r[n] = grant_of(n);
	let_a_store(r, GRANTS);
}

static bool held(struct view *v, unsigned n)
{
	struct holders h;

	return view_check(v, addr_of(n), clock_ms(), &h) == HELD;
}

static struct view *open_view(void)
{
	struct view *v = NULL;

	assert_int_equal(view_open(&v, dir), ERR_NONE);
	return v;
}

static void each_revocation_counts_at_the_next_look(void **state)
{
	static const enum scope scopes[] = { SCOPE_SUBSCRIBER, SCOPE_KEY, SCOPE_KEY_SUBSCRIBER };
	struct request r;
	struct view *v;

	(void)state;
	empty_dir();
	grant_all();
	v = open_view();
	for (unsigned n = 0; n < 3; n++) {
		assert_true(held(v, n));
		r = revocation_of(scopes[n], n);
		let_a_store(&r, 1);
		assert_false(held(v, n));
		assert_true(held(v, n + 1));
	}
	r = revocation_of(SCOPE_EVERYTHING, 0);
	let_a_store(&r, 1);
	for (unsigned n = 0; n < GRANTS; n++)
		assert_false(held(v, n));
	r = grant_of(1);
	let_a_store(&r, 1);
	assert_true(held(v, 1)); /* by a later login */
	assert_false(held(v, 2));
	view_close(&v);
}

/* Of few all are in memory, of more the table is asked. */
static void however_many_there_are(void **state)
{
	struct view *v;

	(void)state;
	empty_dir();
	grant_all();
	v = open_view();
	for (unsigned revoked = 0; revoked < GRANTS; revoked++) {
		struct request r = revocation_of(SCOPE_KEY_SUBSCRIBER, revoked);

		for (unsigned n = 0; n < GRANTS; n++)
			assert_int_equal(held(v, n), n >= revoked);
		let_a_store(&r, 1);
	}
	view_close(&v);
}

static bool has_changed(void *ctx, const struct subscriber *who, const struct fingerprint *then)
{
	(void)who;
	(void)then;
	return *(const bool *)ctx;
}

static void an_account_is_judged_at_each_look(void **state)
{
	bool changed = false;
	struct view *v;

	(void)state;
	empty_dir();
	grant_all();
	v = open_view();
	view_set_judge(v, &(struct view_judge){ has_changed, &changed });
	assert_true(held(v, 0));
	changed = true;
	assert_false(held(v, 0));
	changed = false;
	assert_true(held(v, 0));
	view_close(&v);
}

/* Two views of as many commits each, so that nothing but their names tells their snapshots apart. */
static void another_view_is_read_anew(void **state)
{
	struct request r[] = { grant_of(0), grant_of(1), revocation_of(SCOPE_SUBSCRIBER, 0) };
	struct view *v;
	char aside[256];

	(void)state;
	empty_dir();
	let_a_store(r, 3);
	snprintf(aside, sizeof(aside), "%s", in_dir("aside"));
	assert_int_equal(rename(in_dir("view.1"), aside), 0);
	assert_int_equal(unlink(in_dir("view")), 0);
	assert_int_equal(nftw(in_dir("log"), delete, 16, FTW_DEPTH | FTW_PHYS), 0);
	r[2] = revocation_of(SCOPE_SUBSCRIBER, 1);
	let_a_store(r, 3);
	snprintf(aside, sizeof(aside), "%s", in_dir("view.1"));
	assert_int_equal(rename(aside, in_dir("view.2")), 0);
	snprintf(aside, sizeof(aside), "%s", in_dir("aside"));
	assert_int_equal(rename(aside, in_dir("view.1")), 0);
	v = open_view();
	assert_false(held(v, 0));
	assert_true(held(v, 1));
	assert_int_equal(unlink(in_dir("view")), 0);
	assert_int_equal(symlink("view.2", in_dir("view")), 0);
	assert_int_equal(view_refresh(v), ERR_NONE);
	assert_true(held(v, 0));
	assert_false(held(v, 1));
	view_close(&v);
}

/* A store starts its historian by running its own program anew: that is us, and nobody writes one here. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_revocation_counts_at_the_next_look),
		cmocka_unit_test(however_many_there_are),
		cmocka_unit_test(an_account_is_judged_at_each_look),
		cmocka_unit_test(another_view_is_read_anew),
	};

	(void)argv;
	if (argc > 1)
		return 0;
	return cmocka_run_group_tests(tests, set_up, clean_up);
}
