/* crew.c - see crew.h. There is no queue and no lock: a thread that the kernel lets wait may hold nothing that
 * the loop needs. The loop alone knows who is busy; a semaphore takes a job there, a flag brings it back.
 *
 *	idle -> crew_submit: busy -> (thread) run, ended -> on_ended: idle, done
 *
 * An eventfd wakes the loop, and not uv_async_send(3): its sender is in the midst of it while it writes, and until
 * it is through the loop spins. The loop, being first, ran before the sender it waited for, and spent half a
 * processor on that. */
#include "common/net/crew.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/net/private.h"

#define NICER_BY \
	10 /* than the worker is: a tenth of the weight, so that hashes are not starved either */
#define NICEST 19
#define SLICE_NS 100000000 /* the longest there is */

struct hand {
	struct crew *crew;
	uv_thread_t thread;
	uv_sem_t begin;
	atomic_bool ended;
	bool busy; /* the loop's own */
	void (*run)(void *job); /* NULL: go home */
	void (*done)(void *job);
	void *job;
};

struct crew {
	struct loop *loop;
	int ended; /* an eventfd: some hand has */
	struct watch *watch; /* of it */
	unsigned n;
	struct hand hands[];
};

/* --- in the threads --- */

/* As sched_setattr(2) wants it, for which our C library has no call. */
struct schedule {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* Nice values count within a session or a control group alone; the store, and whoever else works for us, is outside
 * of it. So a long slice is asked for, too (since Linux 6.12; older ones pass over it): who wants a short one then
 * mostly runs at once and not at the end of a tick, and nobody's share is less for it. While first logins flood both
 * of two processors, other logins come from a median of 3.6 to 1.7 ms (SHA512-CRYPT), 6.0 to 0.9 (bcrypt), 5.3 to 1.3
 * (argon2id), their p99 from 12 to 7 ms, 16 to 10, 62 to 8; and a fifth more first logins are through in a second.
 * SCHED_IDLE did no better, and would starve on a busy host. */
static void stand_back(bool say)
{
	int nice = getpriority(PRIO_PROCESS, 0) + NICER_BY;
	const struct schedule s = {
		.size = sizeof(s),
		.policy = SCHED_BATCH,
		.nice = nice < NICEST ? nice : NICEST,
		.runtime = SLICE_NS,
	};
	struct log_line l;

	if (syscall(SYS_sched_setattr, 0, &s, 0) == 0 || !say)
		return;
	log_begin(&l, LOG_LEVEL_WARN, "worker.eager");
	log_err(&l, err_of_errno(errno));
	log_end(&l);
}

static void serve(void *arg)
{
	const uint64_t one = 1;
	struct hand *h = arg;
	struct crew *c = h->crew;

	stand_back(h == c->hands);
	for (;;) {
		uv_sem_wait(&h->begin);
		if (h->run == NULL)
			return;
		h->run(h->job);
		atomic_store(&h->ended, true);
		(void)!write(c->ended, &one, sizeof(one)); /* cannot fail before 2^64 of them */
	}
}

/* --- on the loop --- */

static void finish(struct hand *h)
{
	struct loop *l = h->crew->loop;

	h->busy = false;
	h->done(h->job);
	l->jobs--;
	loop_check_end(l);
}

static void on_ended(void *owner)
{
	struct crew *c = owner;
	uint64_t count;

	(void)!read(c->ended, &count, sizeof(count)); /* before the flags: none is overlooked */
	for (unsigned i = 0; i < c->n; i++)
		if (atomic_exchange(&c->hands[i].ended, false))
			finish(&c->hands[i]);
}

bool crew_submit(void *ctx, void (*run)(void *job), void (*done)(void *job), void *job)
{
	struct loop *l = ctx;

	for (struct hand *h = l->crew->hands; h < l->crew->hands + l->crew->n; h++) {
		if (h->busy)
			continue;
		h->busy = true;
		h->run = run;
		h->done = done;
		h->job = job;
		l->jobs++;
		uv_sem_post(&h->begin);
		return true;
	}
	return false;
}

/* --- open and close --- */

static enum err hire(struct crew *c)
{
	struct hand *h = &c->hands[c->n];

	if (uv_sem_init(&h->begin, 0) != 0)
		return ERR_NOMEM;
	h->crew = c;
	if (uv_thread_create(&h->thread, serve, h) != 0) {
		uv_sem_destroy(&h->begin);
		return ERR_NOMEM;
	}
	c->n++;
	return ERR_NONE;
}

static void send_home(struct hand *h)
{
	assert(!h->busy);
	h->run = NULL;
	uv_sem_post(&h->begin);
	uv_thread_join(&h->thread);
	uv_sem_destroy(&h->begin);
}

enum err crew_open(struct loop *l, unsigned n)
{
	struct crew *c = calloc(1, sizeof(*c) + n * sizeof(c->hands[0]));
	enum err e;

	assert(l->crew == NULL);
	if (c == NULL)
		return ERR_NOMEM;
	l->crew = c;
	c->loop = l;
	c->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e = c->ended >= 0 ? watch_open(&c->watch, l, c->ended, on_ended, c) : err_of_errno(errno);
	while (e == ERR_NONE && c->n < n)
		e = hire(c);
	if (e != ERR_NONE)
		crew_close(l);
	return e;
}

void crew_close(struct loop *l)
{
	struct crew *c = l->crew;

	l->crew = NULL;
	if (c == NULL)
		return;
	for (unsigned i = 0; i < c->n; i++)
		send_home(&c->hands[i]);
	watch_close(&c->watch);
	if (c->ended >= 0)
		close(c->ended);
	free(c);
}
