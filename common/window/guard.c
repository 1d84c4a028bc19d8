/* guard.c - see guard.h. The way back is kept for each thread; signals of a fault come to the thread that
 * made it. */
#include "common/window/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static _Thread_local sigjmp_buf *volatile way_back; /* NULL: no guard stands here */
static struct sigaction before_bus, before_segv;

static void jump(void)
{
	sigjmp_buf *to = way_back;

	way_back = NULL;
	siglongjmp(*to, 1);
}

/* Not ours: it is left to whoever was there before, by coming again. */
static void on_fault(int number)
{
	if (way_back != NULL)
		jump();
	sigaction(number, number == SIGBUS ? &before_bus : &before_segv, NULL);
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
}

void guard_assert(MDB_env *env, const char *text)
{
	(void)env;
	(void)text;
	if (way_back != NULL)
		jump();
}

/* SA_NODEFER leaves the mask of signals alone, so there is none to be restored. */
enum err guard_run(enum err (*fn)(void *call), void *call)
{
	sigjmp_buf here;
	enum err e;

	if (sigsetjmp(here, 0) != 0)
		return ERR_DAMAGED;
	way_back = &here;
	e = fn(call);
	way_back = NULL;
	return e;
}
