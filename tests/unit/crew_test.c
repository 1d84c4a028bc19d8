/* crew_test.c - a crew works beside the loop and behind everything else. */
#include "tests/unit/test.h"

#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/net/crew.h"
#include "common/net/work.h"

#define HANDS 2

/* What one job saw, and who waits for what. */
struct shift {
	struct loop *loop;
	sem_t go; /* each job waits for one */
	int nice[HANDS], policy[HANDS];
	pid_t thread[HANDS];
	char order[64]; /* what was done on the loop: c, of the crew; f, a file's */
};

struct job {
	struct shift *shift;
	int at;
	bool again; /* done() submits another */
};

static void note(struct shift *s, char what)
{
	s->order[strlen(s->order)] = what;
}

static void look(void *ctx)
{
	struct job *j = ctx;
	struct shift *s = j->shift;

	while (sem_wait(&s->go) != 0)
		;
	s->nice[j->at] = getpriority(PRIO_PROCESS, 0);
	s->policy[j->at] = sched_getscheduler(0);
	s->thread[j->at] = gettid();
}

static void on_looked(void *ctx)
{
	struct job *j = ctx;

	note(j->shift, 'c');
	if (!j->again)
		return;
	j->again = false;
	assert_true(crew_submit(j->shift->loop, look, on_looked, j));
}

static void open_shift(struct shift *s)
{
	memset(s, 0, sizeof(*s));
	assert_int_equal(sem_init(&s->go, 0, 0), 0);
	assert_int_equal(loop_open(&s->loop), ERR_NONE);
	assert_int_equal(crew_open(s->loop, HANDS), ERR_NONE);
}

static void close_shift(struct shift *s)
{
	loop_close(&s->loop);
	sem_destroy(&s->go);
}

static void give_all(struct shift *s, struct job *jobs)
{
	for (int i = 0; i < HANDS; i++) {
		jobs[i] = (struct job){ .shift = s, .at = i };
		assert_true(crew_submit(s->loop, look, on_looked, &jobs[i]));
	}
}

static void its_threads_are_nicer_than_the_loop_s(void **state)
{
	int before = getpriority(PRIO_PROCESS, 0);
	struct job jobs[HANDS];
	struct shift s;

	(void)state;
	open_shift(&s);
	give_all(&s, jobs);
	for (int i = 0; i < HANDS; i++)
		sem_post(&s.go);
	loop_drain(s.loop, false);
	loop_run(s.loop);
	for (int i = 0; i < HANDS; i++) {
		assert_int_equal(s.nice[i], before + 10 < 19 ? before + 10 : 19);
		assert_int_equal(s.policy[i], SCHED_BATCH);
		assert_int_not_equal(s.thread[i], gettid());
	}
	assert_int_not_equal(s.thread[0], s.thread[1]);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
	assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
	close_shift(&s);
}

static void nothing(void *job)
{
	(void)job;
}

/* The last of the files lets the crew go on, so this ends only if none stands behind it. */
static void on_file(void *ctx)
{
	struct shift *s = ctx;

	note(s, 'f');
	if (strlen(s->order) < 8) {
		assert_true(work_submit(s->loop, nothing, on_file, s));
		return;
	}
	for (int i = 0; i < HANDS; i++)
		sem_post(&s->go);
}

static void files_are_read_while_all_of_it_is_busy(void **state)
{
	struct job jobs[HANDS];
	struct shift s;

	(void)state;
	open_shift(&s);
	give_all(&s, jobs);
	assert_true(work_submit(s.loop, nothing, on_file, &s));
	loop_drain(s.loop, false); /* and the loop ends no sooner than the last job */
	loop_run(s.loop);
	assert_string_equal(s.order, "ffffffffcc");
	close_shift(&s);
}

static void who_is_busy_takes_no_second_job(void **state)
{
	struct job jobs[HANDS], more;
	struct shift s;

	(void)state;
	open_shift(&s);
	give_all(&s, jobs);
	more = (struct job){ .shift = &s };
	assert_false(crew_submit(s.loop, look, on_looked, &more));
	for (int i = 0; i < HANDS; i++)
		sem_post(&s.go);
	loop_drain(s.loop, false);
	loop_run(s.loop);
	assert_string_equal(s.order, "cc");
	close_shift(&s);
}

static void whose_job_is_done_has_room_for_the_next(void **state)
{
	struct job jobs[HANDS];
	struct shift s;

	(void)state;
	open_shift(&s);
	give_all(&s, jobs);
	for (int i = 0; i < HANDS; i++)
		jobs[i].again = true;
	for (int i = 0; i < 2 * HANDS; i++)
		sem_post(&s.go);
	loop_drain(s.loop, false);
	loop_run(s.loop);
	assert_string_equal(s.order, "cccc");
	close_shift(&s);
}

static void without_a_descriptor_there_is_none(void **state)
{
	struct rlimit before, none;
	struct loop *l;

	(void)state;
	assert_int_equal(loop_open(&l), ERR_NONE);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ 3, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(crew_open(l, HANDS), ERR_NOMEM);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(crew_open(l, HANDS), ERR_NONE);
	loop_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_threads_are_nicer_than_the_loop_s),
		cmocka_unit_test(files_are_read_while_all_of_it_is_busy),
		cmocka_unit_test(who_is_busy_takes_no_second_job),
		cmocka_unit_test(whose_job_is_done_has_room_for_the_next),
		cmocka_unit_test(without_a_descriptor_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
