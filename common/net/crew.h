/* crew.h - threads of a worker that do nothing but compute, hashes: each takes one job at a time, and whatever
 * else there is to do on this machine goes first.
 *
 * libuv's pool (work.h) is for jobs that soon wait for a disk: none of them stands behind a hash. */
#ifndef POPGATE_CREW_H
#define POPGATE_CREW_H

#include "common/net/loop.h"

/* Makes n threads, once for a loop, whose loop_close() ends them. From within a sandbox, which would not hold a
 * thread from before. ERR_NOMEM without memory or a descriptor, or where there may be no more threads; what the
 * kernel said otherwise: none is left then. Where the kernel does not let them stand back, they work all the same, and that is logged. */
MUST_USE enum err crew_open(struct loop *l, unsigned n);

/* run(job) in a thread of the crew, then done(job) on the loop, from within which the next may be submitted. A job
 * owns copies of all it needs and may outlive whoever asked for it; the loop ends after it. False, and neither is
 * called: each thread has a job, and waiting is the caller's affair. ctx is the loop, as users.h wants it. */
MUST_USE bool crew_submit(void *ctx, void (*run)(void *job), void (*done)(void *job), void *job);

#endif
