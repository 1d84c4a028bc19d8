/* work.c - see work.h. libuv's queue has no bound of its own; ours keeps a flood of sessions
 * from becoming a flood of memory. */
#include "common/net/work.h"

#include <stdlib.h>

#include "common/net/private.h"

struct task {
	uv_work_t uv;
	struct loop *loop;
	void (*run)(void *job);
	void (*done)(void *job);
	void *job;
};

static void on_work(uv_work_t *uv)
{
	struct task *t = list_entry(uv, struct task, uv);

	t->run(t->job);
}

static void on_worked(uv_work_t *uv, int status)
{
	struct task *t = list_entry(uv, struct task, uv);
	struct loop *l = t->loop;

	(void)status; /* we never cancel */
	t->done(t->job);
	free(t);
	l->jobs--;
	loop_check_end(l);
}

bool work_submit(struct loop *l, void (*run)(void *job), void (*done)(void *job), void *job)
{
	struct task *t = l->jobs < WORK_MAX ? calloc(1, sizeof(*t)) : NULL;

	if (t == NULL)
		return false;
	*t = (struct task){ .loop = l, .run = run, .done = done, .job = job };
	if (uv_queue_work(&l->uv, &t->uv, on_work, on_worked) != 0) {
		free(t);
		return false;
	}
	l->jobs++;
	return true;
}

bool work_pool(void *ctx, void (*run)(void *job), void (*done)(void *job), void *job)
{
	return work_submit(ctx, run, done, job);
}
