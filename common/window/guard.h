/* guard.h - living on after what a damaged LMDB file does to whoever reads it.
 *
 * A file that was cut is a SIGBUS where its pages were, a wild offset in a page a SIGSEGV, and some of
 * what LMDB, or the C library in its locks, finds wrong an abort(). A reader takes no lock that such an end could leave taken, so it
 * may give the call up and go on: its answer is that it does not know. A writer gives the whole environment up
 * with the call, because its lock may stay taken; the same where the lock is not to be had, because all who read
 * can write to the file that it is in. */
#ifndef POPGATE_GUARD_H
#define POPGATE_GUARD_H

#include <lmdb.h>

#include "common/base/err.h"

/* Lets faults of this process come to guard_run(); those outside of it are what they were before. As often as
 * you like. */
void guard_install(void);

/* Runs fn(call) and gives what it returns; ERR_DAMAGED if it ended in a fault. Whatever fn was in the
 * midst of is then as it was left: for fn, nothing that another thread waits for. One guard may stand within
 * another, which then hears nothing. */
MUST_USE enum err guard_run(enum err (*fn)(void *call), void *call);

/* The same, and ERR_TIMEOUT if fn has not come back within so many milliseconds, be it because of a lock. Takes
 * SIGALRM for itself. */
MUST_USE enum err guard_run_within(unsigned ms, enum err (*fn)(void *call), void *call);

/* For mdb_env_set_assert(): a broken assumption of LMDB's is a fault like the others. */
void guard_assert(MDB_env *env, const char *text);

#endif
