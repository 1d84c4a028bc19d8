/* accounts.h - the accounts as a worker of either daemon uses them: users.h with everything lent to it
 * that a worker has: the thread pool, the threads that hash, the timers, the memory shared with other workers. */
#ifndef POPGATE_ACCOUNTS_H
#define POPGATE_ACCOUNTS_H

#include "common/daemon/kit.h"
#include "common/users/users.h"
#include "common/worker/storeline.h"
#include "common/worker/window.h"

struct accounts;

/* Opens the users of kit's site and reads their file again when it changes. All arguments are borrowed
 * until accounts_close(); line and window may be NULL for a process that only looks accounts up. A file
 * that cannot be read is no failure: it is logged, nobody is known, and it is tried again. */
MUST_USE enum err accounts_open(struct accounts **out, struct kit *kit, struct loop *l,
	struct storeline *line, struct window *window);

/* After loop_close(), when every exchange has ended. */
void accounts_close(struct accounts **a);

struct users *accounts_users(struct accounts *a);

#endif
