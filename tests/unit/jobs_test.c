/* jobs_test.c - what pop3d's sessions ask of their maildrops, with a loop, a pool and a maildrop that only note it. */
#include "tests/unit/test.h"

#include "common/conf/mailbox.h"
#include "common/net/work.h"
#include "pop3d/session.h"

/* As many as jobs.c says: so many pieces of one session a turn, then come the others. */
#define PIECES 4

static struct {
	uint64_t turn;
	unsigned read, resumed; /* pieces read on the loop; engines run */
	void *job; /* in the pool, with what it does there and afterwards */
	void (*run)(void *job), (*done)(void *job);
} seen;
static struct server server;

uint64_t loop_turn(const struct loop *l)
{
	(void)l;
	return seen.turn;
}

bool work_submit(struct loop *l, void (*run)(void *job), void (*done)(void *job), void *job)
{
	(void)l;
	assert_null(seen.job);
	seen.job = job;
	seen.run = run;
	seen.done = done;
	return true;
}

void conn_resume(struct conn *c)
{
	(void)c;
	seen.resumed++;
}

enum err maildrop_read_now(struct maildrop *m, size_t i, uint64_t offset, char *dst, size_t size,
	size_t *n, bool *last)
{
	(void)m, (void)i, (void)offset;
	memset(dst, 'a', size);
	*n = size;
	*last = false;
	seen.read++;
	return ERR_NONE;
}

enum err maildrop_read(struct maildrop *m, size_t i, uint64_t offset, char *dst, size_t size,
	size_t *n, bool *last)
{
	(void)m, (void)i, (void)offset;
	memset(dst, 'b', size);
	*n = size;
	*last = false;
	return ERR_NONE;
}

uint64_t maildrop_octets(const struct maildrop *m, size_t i)
{
	(void)m, (void)i;
	return UINT64_C(1) << 30;
}

void maildrop_close(struct maildrop **m)
{
	*m = NULL;
}

void snapshot_free(struct snapshot *s)
{
	assert_null(s);
}

void pop3_piece(struct pop3 *p, enum pop3_piece kind, struct str octets)
{
	assert_int_equal(kind, POP3_PIECE_MORE);
	p->piece = octets;
}

/* What no test here comes to. */
static void none_of_it(void)
{
	fail_msg("jobs.c calls what this test has no fake for");
}

void event_trouble(const struct session *s, const char *what, enum err e)
{
	(void)s, (void)what, (void)e;
	none_of_it();
}

void login_opened(struct session *s)
{
	(void)s;
	none_of_it();
}

bool mailbox_path(struct str mailbox, const struct subscriber *who, char *dst)
{
	(void)mailbox, (void)who, (void)dst;
	none_of_it();
	return false;
}

size_t maildrop_count(const struct maildrop *m)
{
	(void)m;
	none_of_it();
	return 0;
}

size_t maildrop_delete(struct maildrop *m, const bool *doomed)
{
	(void)m, (void)doomed;
	none_of_it();
	return 0;
}

enum err maildrop_open_after(
	struct maildrop **out, const struct maildrop_place *place, int64_t delay_ms)
{
	(void)out, (void)place, (void)delay_ms;
	none_of_it();
	return ERR_ABSENT;
}

bool maildrop_open_now(
	struct maildrop **out, const struct maildrop_place *place, const struct snapshot *s)
{
	(void)out, (void)place, (void)s;
	none_of_it();
	return false;
}

enum err maildrop_scan(struct maildrop *m, bool *more)
{
	(void)m, (void)more;
	none_of_it();
	return ERR_ABSENT;
}

struct snapshot *maildrop_snapshot(struct maildrop *m, size_t *octets)
{
	(void)m, (void)octets;
	none_of_it();
	return NULL;
}

const char *maildrop_uidl(struct maildrop *m, size_t i)
{
	(void)m, (void)i;
	none_of_it();
	return "";
}

void pop3_not_scanned(struct pop3 *p)
{
	(void)p;
	none_of_it();
}

void pop3_scanned(struct pop3 *p, const struct pop3_drop *drop)
{
	(void)p, (void)drop;
	none_of_it();
}

void pop3_updated(struct pop3 *p, size_t stayed)
{
	(void)p, (void)stayed;
	none_of_it();
}

void session_count(const struct session *s, enum counted what, int64_t n)
{
	(void)s, (void)what, (void)n;
	none_of_it();
}

const struct snapshot *snapshots_find(struct snapshots *all, const char *path)
{
	(void)all, (void)path;
	none_of_it();
	return NULL;
}

void snapshots_put(struct snapshots *all, const char *path, struct snapshot *s, size_t octets)
{
	(void)all, (void)path, (void)s, (void)octets;
	none_of_it();
}

/* A session in the middle of a message, in a turn of its own. */
static struct session fetching(void)
{
	memset(&seen, 0, sizeof(seen));
	seen.turn = 7;
	return (struct session){ .server = &server,
		.drop = (struct maildrop *)&server,
		.pop3.ask.kind = POP3_ASKS_PIECE };
}

/* Asks for so many pieces in this turn, as an engine does whose client reads as fast as we write. */
static void ask(struct session *s, unsigned pieces)
{
	for (unsigned i = 0; i < pieces; i++) {
		assert_null(seen.job);
		jobs_begin(s);
	}
}

static void finish_job(void)
{
	void *job = seen.job;

	assert_non_null(job);
	seen.job = NULL;
	seen.run(job);
	seen.done(job);
}

static void the_pieces_of_one_turn_are_few_and_the_next_is_a_visit_to_the_pool(void **state)
{
	struct session s = fetching();

	(void)state;
	ask(&s, PIECES);
	assert_int_equal(seen.read, PIECES);
	assert_int_equal(seen.resumed, PIECES);
	jobs_begin(&s);
	assert_int_equal(seen.read, PIECES);
	assert_int_equal(seen.resumed,
		PIECES); /* the others' turn: this one goes on when the pool has been there */
	finish_job();
	assert_int_equal(seen.resumed, PIECES + 1);
	assert_int_equal(s.pop3.piece.p[0], 'b');
	jobs_end(&s);
}

static void each_turn_has_its_own_pieces(void **state)
{
	struct session s = fetching();

	(void)state;
	for (seen.turn = 1; seen.turn < 5; seen.turn++)
		ask(&s, PIECES);
	assert_int_equal(seen.read, 4 * PIECES);
	assert_null(seen.job);
	jobs_end(&s);
}

static void one_session_takes_nothing_from_another(void **state)
{
	struct session s = fetching(), other = fetching();

	(void)state;
	ask(&s, PIECES);
	ask(&other, PIECES);
	assert_int_equal(seen.read, 2 * PIECES);
	jobs_end(&s);
	jobs_end(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_pieces_of_one_turn_are_few_and_the_next_is_a_visit_to_the_pool),
		cmocka_unit_test(each_turn_has_its_own_pieces),
		cmocka_unit_test(one_session_takes_nothing_from_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
