/* work.h - the thread pool: files, and nothing else. What computes for long goes to the crew (crew.h). */
#ifndef POPGATE_WORK_H
#define POPGATE_WORK_H

#include "common/net/loop.h"

#define WORK_MAX 4096 /* jobs under way or waiting; one more is refused */

/* run(job) in a thread of the pool, then done(job) on the loop. A job owns copies of all it needs and
 * may outlive whoever asked for it. False, and neither is called, if the pool takes no more. */
MUST_USE bool work_submit(
	struct loop *l, void (*run)(void *job), void (*done)(void *job), void *job);

/* The same in the shape that users.h wants; ctx is the loop. */
MUST_USE bool work_pool(void *ctx, void (*run)(void *job), void (*done)(void *job), void *job);

#endif
