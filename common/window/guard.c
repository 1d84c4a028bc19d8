/* guard.c - see guard.h. The way back is kept for each thread; signals of a fault come to the thread that
 * made it, that of the timer to the one it was made for. */
#include "common/window/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Thread_local sigjmp_buf *volatile way_back; /* NULL: no guard stands here */
static struct sigaction before_bus, before_segv, before_abort;

static void jump(enum err why)
{
	sigjmp_buf *to = way_back;

	way_back = NULL;
	siglongjmp(*to, (int)why);
}

/* Not ours: it is left to whoever was there before, by coming again. */
static void on_fault(int number)
{
	if (way_back != NULL)
		jump(ERR_DAMAGED);
	sigaction(number,
		number == SIGBUS            ? &before_bus
			: number == SIGSEGV ? &before_segv
					    : &before_abort,
		NULL);
}

static void install(int number, struct sigaction *before)
{
	struct sigaction ours = { .sa_handler = on_fault, .sa_flags = SA_NODEFER }, now;

	sigemptyset(&ours.sa_mask);
	if (sigaction(number, NULL, &now) != 0 || now.sa_handler == on_fault)
		return;
	*before = now;
	sigaction(number, &ours, NULL);
}

void guard_install(void)
{
	install(SIGBUS, &before_bus);
	install(SIGSEGV, &before_segv);
	install(SIGABRT, &before_abort);
}

void guard_assert(MDB_env *env, const char *text)
{
	(void)env;
	(void)text;
	if (way_back != NULL)
		jump(ERR_DAMAGED);
}

/* SA_NODEFER leaves the mask of signals alone, so there is none to be restored. */
enum err guard_run(enum err (*fn)(void *call), void *call)
{
	sigjmp_buf here, *const outer = way_back;
	int why = sigsetjmp(here, 0);
	enum err e = (enum err)why;

	if (why == 0) {
		way_back = &here;
		e = fn(call);
	}
	way_back = outer;
	return e;
}

/* One that comes too late finds no guard. */
static void on_time(int number)
{
	(void)number;
	if (way_back != NULL)
		jump(ERR_TIMEOUT);
}

static bool start_timer(timer_t *timer, unsigned ms)
{
	const struct itimerspec in = { .it_value = { ms / 1000, (long)(ms % 1000) * 1000000 } };
	struct sigaction ours = { .sa_handler = on_time, .sa_flags = SA_NODEFER };
	struct sigevent event;

	memset(&event, 0, sizeof(event));
	event.sigev_notify = SIGEV_THREAD_ID;
	event.sigev_signo = SIGALRM;
	event._sigev_un._tid = gettid();
	sigemptyset(&ours.sa_mask);
	if (sigaction(SIGALRM, &ours, NULL) != 0 ||
		timer_create(CLOCK_MONOTONIC, &event, timer) != 0)
		return false;
	return timer_settime(*timer, 0, &in, NULL) == 0;
}

/* Without a timer it may wait for as long as it will. */
enum err guard_run_within(unsigned ms, enum err (*fn)(void *call), void *call)
{
	timer_t timer;
	bool timed = start_timer(&timer, ms);
	enum err e = guard_run(fn, call);

	if (timed)
		timer_delete(timer);
	return e;
}
