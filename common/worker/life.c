/* life.c - see life.h. */
#include "common/worker/life.h"

#include "common/base/clock.h"
#include "common/net/work.h"

#define BEAT_MS 1000

static void beat(void *owner)
{
	const struct kit *kit = owner;

	counters_beat(kit->counters, clock_steady_ms());
}

static void nothing(void *job)
{
	(void)job;
}

/* libuv makes the threads of its pool for the first job and aborts if it cannot: so now, when nobody is served,
 * and not when memory is short. */
static enum err make_pool(struct loop *l)
{
	return work_submit(l, nothing, nothing, NULL) ? ERR_NONE : ERR_NOMEM;
}

enum err life_begin(struct loop *l, struct kit *kit)
{
	enum err e = loop_watch_alive(l, kit->alive);

	beat(kit);
	if (e == ERR_NONE)
		e = make_pool(l);
	return e == ERR_NONE ? loop_every(l, BEAT_MS, beat, kit) : e;
}
