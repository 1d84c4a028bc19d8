/* storeline.h - a worker's one line to the store: grants, each with who waits for it, and what nobody waits
 * for: wrong passwords and uses.
 *
 * A login waits ASK_ACK_MS at most; then the grant is lost: that is marked for every reader of the
 * window, logged and counted, and the login goes on. The line is opened anew when the store comes back. */
#ifndef POPGATE_STORELINE_H
#define POPGATE_STORELINE_H

#include "common/net/loop.h"
#include "common/window/ask.h"

struct storeline;
struct grant_wait; /* opaque: one that is waited for */

/* Called once for each storeline_grant(), from the loop or before it returns. e is ERR_NONE for an
 * acknowledged grant. */
typedef void grant_heard(void *owner, enum err e, const struct answer *answer);

/* lock_dir: where the mark of a lost grant stands (SITE_LOST); NULL for a worker that grants nothing.
 * Texts are borrowed. A store that is away is no failure. */
MUST_USE enum err storeline_open(
	struct storeline **out, struct loop *l, const char *run_dir, const char *lock_dir);

/* Before loop_close(). */
void storeline_close(struct storeline **s);

/* *out is NULL if heard was called already. */
void storeline_grant(struct storeline *s, const struct grant *grant, grant_heard *heard,
	void *owner, struct grant_wait **out);

/* A wrong password; a use of the relay, or a login. Not answered; lost while the store is away. What is not wanted
 * now waits up to 100 ms for others to go with it. */
enum use_when {
	USE_NOW, /* a limit is held to it */
	USE_SOON,
};
void storeline_failure(struct storeline *s, const struct failure *f);
void storeline_use(struct storeline *s, const struct use *u, enum use_when when);

/* The owner is gone: the grant still goes its way. Takes NULL. */
void storeline_disown(struct grant_wait **w);

#endif
