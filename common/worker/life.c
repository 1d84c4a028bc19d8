/* life.c - see life.h. */
#include "common/worker/life.h"

#include "common/base/clock.h"

#define BEAT_MS 1000

static void beat(void *owner)
{
	const struct kit *kit = owner;

	counters_beat(kit->counters, clock_steady_ms());
}

enum err life_begin(struct loop *l, struct kit *kit)
{
	enum err e = loop_watch_alive(l, kit->alive);

	beat(kit);
	return e == ERR_NONE ? loop_every(l, BEAT_MS, beat, kit) : e;
}
