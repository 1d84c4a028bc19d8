/* damage_test.c - every page of log/ and view/ damaged in turn: what a reader then says, and what a store
 * makes of it. With POPGATE_SOAK in the environment in each way, and three times. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/store/store.h"
#include "common/window/view.h"

#define PAGE 4096
#define GRANTS 400
#define REVOKED 40 /* the first ones; each by an own revocation */
#define FEW 10 /* and in another view only so many, which a reader keeps in memory */
#define BATCH 50

static char dir[] = "/dev/shm/popgate-damage.XXXXXX"; /* its syncs cost nothing */
static struct conf *conf;
static struct site site;

struct image {
	char *bytes;
	size_t n;
};
static struct image log_image, view_image, few_image;
static unsigned revoked = REVOKED; /* in the view that is looked at */
static bool soak;

/* --- files --- */

static const char *in_dir(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const struct image *i)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(i->bytes, 1, i->n, f), i->n);
	assert_int_equal(fclose(f), 0);
}

static struct image get(const char *name)
{
	FILE *f = fopen(in_dir(name), "r");
	struct stat st;
	struct image i;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	i.n = (size_t)st.st_size;
	i.bytes = malloc(i.n);
	assert_int_equal(fread(i.bytes, 1, i.n, f), i.n);
	fclose(f);
	return i;
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

/* As after a kill -9: both files as they were, and nobody's locks. */
static void lay_out(const struct image *l, const struct image *v)
{
	const struct image none = { 0 };

	empty_dir();
	assert_int_equal(mkdir(in_dir("log"), 0700), 0);
	put("log/data.mdb", l);
	put("log/lock.mdb", &none);
	if (v == NULL)
		return;
	assert_int_equal(mkdir(in_dir("view.1"), 0700), 0);
	put("view.1/data.mdb", v);
	put("view.1/lock.mdb", &none);
	assert_int_equal(symlink("view.1", in_dir("view")), 0);
}

/* --- ways of damage --- */

static void flip(struct image *i, size_t page)
{
	i->bytes[page * PAGE + (size_t)rand() % PAGE] ^= (char)(1 << rand() % 8);
}

static void flip_header(struct image *i, size_t page)
{
	i->bytes[page * PAGE + (size_t)rand() % 64] ^= (char)(1 << rand() % 8);
}

static void noise(struct image *i, size_t page)
{
	for (size_t k = 0; k < PAGE; k++)
		i->bytes[page * PAGE + k] = (char)rand();
}

static void zero(struct image *i, size_t page)
{
	memset(i->bytes + page * PAGE, 0, PAGE);
}

static void swap(struct image *i, size_t page)
{
	size_t other = (size_t)rand() % (i->n / PAGE);

	memcpy(i->bytes + page * PAGE, i->bytes + other * PAGE, PAGE);
}

static void cut(struct image *i, size_t page)
{
	i->n = page * PAGE + (size_t)rand() % PAGE;
}

/* Where the rows are; half of a page is. */
static void flip_row(struct image *i, size_t page)
{
	i->bytes[page * PAGE + PAGE / 2 + (size_t)rand() % (PAGE / 2)] ^= (char)(1 << rand() % 8);
}

typedef void damager(struct image *i, size_t page);
static damager *const all_ways[] = { flip_row, flip, flip_header, noise, zero, swap, cut, NULL };
static damager *const rows_only[] = { flip_row, flip_row, flip_row, NULL };
static damager *const no_old_page[] = { flip_row, flip, noise, zero, cut, NULL };

/* fn for every step-th page of an image, damaged in one way; in a soak for all in all ways. */
static void each(const struct image *of, damager *const *ways, size_t step,
	void (*fn)(const struct image *damaged, size_t page))
{
	struct image copy = { malloc(of->n), 0 };
	size_t pages = of->n / PAGE, n = 0;

	while (ways[n] != NULL)
		n++;
	for (size_t i = 0; i < pages * (soak ? n * 3 : 1); i += soak ? 1 : step) {
		copy.n = of->n;
		memcpy(copy.bytes, of->bytes, of->n);
		ways[(i % pages + i / pages) % n](&copy, i % pages);
		fn(&copy, i % pages);
	}
	free(copy.bytes);
}

/* --- the window --- */

static struct addr addr_of(unsigned n)
{
	struct addr a;
	char text[32];

	snprintf(text, sizeof(text), "203.0.%u.%u", n / 200, n % 200 + 1);
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

static void ask(struct store *s, const struct request *r, size_t n)
{
	struct pending batch[BATCH] = { 0 };

	for (size_t i = 0; i < n; i++)
		batch[i].request = r[i];
	store_batch(s, batch, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(batch[i].answer.result, ERR_NONE);
}

static void fill_window(struct store *s)
{
	struct request r[BATCH];

	for (unsigned n = 0; n < GRANTS; n++) {
		r[n % BATCH] = (struct request){ .kind = WIRE_GRANT,
			.grant = { .addr = addr_of(n),
				.who = name_of(n),
				.source = { "pop3", "plain", false },
				.port = 1 } };
		if (n % BATCH == BATCH - 1)
			ask(s, r, BATCH);
	}
	for (unsigned n = 0; n < REVOKED; n++) {
		r[n] = (struct request){ .kind = WIRE_REVOKE,
			.revocation = { SCOPE_KEY_SUBSCRIBER, addr_of(n), name_of(n) } };
		ask(s, &r[n], 1);
		if (n == FEW - 1)
			few_image = get("view/data.mdb");
	}
}

static void read_site(void)
{
	struct buf complaints;
	char text[512];

	buf_init(&complaints, 1 << 16);
	snprintf(text, sizeof(text),
		"hostname = \"mail.example.net\"\nstate_dir = \"%s\"\nrun_dir = \"%s\"\n"
		"users \"passwd-file\" { path = \"/none\" }\n"
		"log { to = \"stderr\" level = \"%s\" }\n",
		dir, dir, getenv("POPGATE_LOUD") != NULL ? "warn" : "error");
	assert_int_equal(conf_parse(&conf, "test.conf", str_of(text), &complaints), ERR_NONE);
	assert_int_equal(site_read(&site, conf, &complaints), ERR_NONE);
	buf_free(&complaints);
}

static int make_images(void **state)
{
	struct store s;

	(void)state;
	soak = getenv("POPGATE_SOAK") != NULL;
	assert_non_null(mkdtemp(dir));
	read_site();
	if (getenv("POPGATE_LOUD") == NULL) /* what a store says of each damage fills a screen */
		assert_non_null(freopen("/dev/null", "w", stderr));
	assert_int_equal(store_open(&s, &site, conf, -1), ERR_NONE);
	fill_window(&s);
	log_image = get("log/data.mdb");
	view_image = get("view/data.mdb");
	store_close(&s);
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	empty_dir();
	free(log_image.bytes);
	free(view_image.bytes);
	free(few_image.bytes);
	conf_close(&conf);
	return rmdir(dir);
}

/* --- readers --- */

static void never_says_yes_wrongly(struct view *v)
{
	struct holders h;

	for (unsigned n = 0; n < revoked; n += 3)
		assert_int_not_equal(view_check(v, addr_of(n), clock_ms(), &h), HELD);
	assert_int_not_equal(view_check(v, addr_of(GRANTS + 1), clock_ms(), &h), HELD);
}

static void answers_truly(struct view *v)
{
	struct holders h;

	never_says_yes_wrongly(v);
	for (unsigned n = revoked; n < GRANTS; n += 7)
		assert_int_not_equal(view_check(v, addr_of(n), clock_ms(), &h), NOT_HELD);
}

static void a_reader_of(const struct image *damaged, size_t page)
{
	struct view_cursor cursor = { 0 };
	struct view_facts facts;
	struct entry entries[16];
	struct view *v;
	size_t n = 16;

	(void)page;
	lay_out(&log_image, damaged);
	if (view_open(&v, dir) != ERR_NONE)
		return;
	never_says_yes_wrongly(v);
	while (n == 16 && view_page(v, clock_ms(), true, &cursor, entries, 16, &n) == ERR_NONE)
		;
	(void)!view_facts(v, &facts);
	view_close(&v);
}

static void a_reader_never_says_a_wrong_yes_and_never_crashes(void **state)
{
	(void)state;
	each(&view_image, no_old_page, 1, a_reader_of);
	revoked = FEW;
	each(&few_image, no_old_page, 1, a_reader_of);
	each(&few_image, rows_only, 1, a_reader_of);
	revoked = REVOKED;
}

/* The first row of that page, if it is one. (What lies between the rows may be of another time.) */
static bool first_record(const struct image *i, size_t page, struct record *r)
{
	const char *at = i->bytes + page * PAGE;
	uint16_t flags, place, size, key;

	memcpy(&flags, at + 10, 2);
	memcpy(&place, at + 16, 2);
	if (flags != 2 || place > PAGE - 8)
		return false;
	memcpy(&size, at + place, 2);
	memcpy(&key, at + place + 6, 2);
	return place + 8U + key + size <= PAGE &&
		record_decode((struct str){ at + place + 8 + key, size }, r);
}

static void a_reader_of_rows(const struct image *damaged, size_t page)
{
	struct record r;
	struct view *v;

	if (!first_record(revoked == FEW ? &few_image : &view_image, page, &r))
		return;
	lay_out(&log_image, damaged);
	if (view_open(&v, dir) != ERR_NONE)
		return;
	answers_truly(v);
	view_close(&v);
}

static void a_reader_takes_no_damaged_row_for_a_no(void **state)
{
	(void)state;
	each(&view_image, rows_only, 1, a_reader_of_rows);
	revoked = FEW;
	each(&few_image, rows_only, 1, a_reader_of_rows);
	revoked = REVOKED;
}

/* A page that says of itself that it has fewer rows, or none, still has them. */
static void no_bit_of_a_page_hides_a_revocation(void **state)
{
	struct image copy = { malloc(few_image.n), few_image.n };
	struct record r;
	unsigned pages = 0;

	(void)state;
	revoked = FEW;
	for (size_t page = 0; page < few_image.n / PAGE; page++) {
		if (!first_record(&few_image, page, &r) || r.kind != RECORD_REVOCATION)
			continue;
		for (size_t bit = 0; bit < 64 * 8; bit++) {
			memcpy(copy.bytes, few_image.bytes, few_image.n);
			copy.bytes[page * PAGE + bit / 8] ^= (char)(1 << bit % 8);
			a_reader_of(&copy, page);
		}
		pages++;
	}
	assert_true(pages > 0);
	revoked = REVOKED;
	free(copy.bytes);
}

static void a_view_that_is_damaged_under_its_reader_is_as_good(void **state)
{
	struct view *v;

	(void)state;
	for (size_t page = 0; page <= view_image.n / PAGE; page++) {
		lay_out(&log_image, &view_image);
		assert_int_equal(view_open(&v, dir), ERR_NONE);
		answers_truly(v);
		assert_int_equal(truncate(in_dir("view.1/data.mdb"), (off_t)(page * PAGE)), 0);
		answers_truly(v);
		(void)!view_refresh(v);
		answers_truly(v);
		view_close(&v);
	}
}

static void a_view_that_came_back_is_read_again(void **state)
{
	struct holders h;
	struct view *v;

	(void)state;
	lay_out(&log_image, &view_image);
	assert_int_equal(view_open(&v, dir), ERR_NONE);
	assert_int_equal(truncate(in_dir("view.1/data.mdb"), 0), 0);
	assert_int_equal(view_check(v, addr_of(GRANTS - 1), clock_ms(), &h), UNKNOWN);
	put("view.1/data.mdb", &view_image);
	assert_int_equal(view_check(v, addr_of(GRANTS - 1), clock_ms(), &h), UNKNOWN);
	assert_int_equal(view_refresh(v), ERR_NONE);
	assert_int_equal(view_check(v, addr_of(GRANTS - 1), clock_ms(), &h), HELD);
	view_close(&v);
}

/* --- stores --- */

/* Lets a store heal what lies there. Which of the grants have to be there after that? */
static void heals(const bool *wanted)
{
	struct holders h;
	struct store s;
	struct view *v;

	assert_int_equal(store_open(&s, &site, conf, -1), ERR_NONE);
	store_tick(&s);
	store_close(&s);
	assert_int_equal(view_open(&v, dir), ERR_NONE);
	for (unsigned n = REVOKED; n < GRANTS; n++) {
		enum held held = view_check(v, addr_of(n), clock_ms(), &h);

		if (wanted[n] ? held != HELD : held == NOT_HELD)
			fail_msg("grant %u: %d", n, held);
	}
	view_close(&v);
}

static void revoked_stay_revoked(void)
{
	struct holders h;
	struct view *v;

	assert_int_equal(view_open(&v, dir), ERR_NONE);
	for (unsigned n = 0; n < REVOKED; n++)
		assert_int_not_equal(view_check(v, addr_of(n), clock_ms(), &h), HELD);
	view_close(&v);
}

static bool all[GRANTS];

static void a_store_with_view(const struct image *damaged, size_t page)
{
	(void)page;
	lay_out(&log_image, damaged);
	heals(all);
	revoked_stay_revoked();
}

static void a_damaged_view_costs_nothing(void **state)
{
	(void)state;
	each(&view_image, all_ways, 5, a_store_with_view);
}

static void a_store_with_log(const struct image *damaged, size_t page)
{
	(void)page;
	lay_out(damaged, &view_image);
	heals(all);
	revoked_stay_revoked();
}

static void a_damaged_log_costs_nothing_while_there_is_a_view(void **state)
{
	(void)state;
	each(&log_image, all_ways, 5, a_store_with_log);
}

/* Those whose record lies in another page. */
static void spared(const struct image *damaged, size_t page, bool *wanted)
{
	struct str rest = { log_image.bytes, log_image.n };
	struct record r;

	memset(wanted, 0, sizeof(all));
	while (record_find(&rest, &r)) {
		size_t at = (size_t)(rest.p - log_image.bytes) - 1;
		unsigned n = (unsigned)strtoul(r.who.name + strlen("subscriber"), NULL, 10);

		if (at / PAGE != page && at < damaged->n)
			wanted[n] = true;
	}
}

static void a_store_with_log_alone(const struct image *damaged, size_t page)
{
	bool wanted[GRANTS];

	spared(damaged, page, wanted);
	lay_out(damaged, NULL);
	heals(wanted);
}

static void without_a_view_a_damaged_log_costs_what_was_in_that_page(void **state)
{
	(void)state;
	each(&log_image, all_ways, 5, a_store_with_log_alone);
}

/* The end of a log from the time before: sequence numbers would be given twice. */
static void a_log_older_than_its_view_is_no_log(void **state)
{
	struct image old, newer;
	struct store s;
	struct request r = { .kind = WIRE_GRANT,
		.grant = { .addr = addr_of(GRANTS), .who = name_of(GRANTS), .port = 1 } };
	struct holders h;
	struct view *v;

	(void)state;
	lay_out(&log_image, &view_image);
	assert_int_equal(store_open(&s, &site, conf, -1), ERR_NONE);
	ask(&s, &r, 1);
	store_close(&s);
	newer = get("view.1/data.mdb");
	old = log_image;
	lay_out(&old, &newer);
	assert_int_equal(store_open(&s, &site, conf, -1), ERR_NONE);
	r.grant.addr = addr_of(GRANTS + 1);
	ask(&s, &r, 1);
	store_close(&s);
	assert_int_equal(view_open(&v, dir), ERR_NONE);
	assert_int_equal(view_check(v, addr_of(GRANTS), clock_ms(), &h), HELD);
	assert_int_equal(view_check(v, addr_of(GRANTS + 1), clock_ms(), &h), HELD);
	view_close(&v);
	free(newer.bytes);
}

/* --- readers that die --- */

/* A process that holds a reader's slot and a snapshot when it is killed. */
static void die_reading(void)
{
	struct view *v;

	if (view_open(&v, dir) == ERR_NONE)
		raise(SIGKILL);
	_exit(1);
}

static void readers_that_were_killed_take_no_slot_from_the_next(void **state)
{
	struct holders h;
	struct view *v;
	int status;

	(void)state;
	lay_out(&log_image, &view_image);
	for (unsigned n = 0; n < (soak ? VIEW_READERS_MAX + 20 : 10); n++) {
		pid_t child = fork();

		if (child == 0)
			die_reading();
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
	}
	assert_int_equal(view_open(&v, dir), ERR_NONE);
	assert_int_equal(view_check(v, addr_of(GRANTS - 1), clock_ms(), &h), HELD);
	view_close(&v);
}

/* A store starts its historian by running its own program anew: that is us, and nobody writes one here. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_never_says_a_wrong_yes_and_never_crashes),
		cmocka_unit_test(a_reader_takes_no_damaged_row_for_a_no),
		cmocka_unit_test(no_bit_of_a_page_hides_a_revocation),
		cmocka_unit_test(a_view_that_is_damaged_under_its_reader_is_as_good),
		cmocka_unit_test(a_view_that_came_back_is_read_again),
		cmocka_unit_test(a_damaged_view_costs_nothing),
		cmocka_unit_test(a_damaged_log_costs_nothing_while_there_is_a_view),
		cmocka_unit_test(without_a_view_a_damaged_log_costs_what_was_in_that_page),
		cmocka_unit_test(a_log_older_than_its_view_is_no_log),
		cmocka_unit_test(readers_that_were_killed_take_no_slot_from_the_next),
	};

	(void)argv;
	if (argc > 1)
		return 0;
	memset(all, true, sizeof(all));
	cmocka_set_test_filter(getenv("POPGATE_ONLY"));
	return cmocka_run_group_tests(tests, make_images, clean_up);
}
