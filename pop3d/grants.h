/* grants.h - a worker's line to the store: grants on their way, each with who waits for it.
 *
 * A login waits ASK_ACK_MS at most; then the grant is lost: that is marked for every reader of the
 * window, logged and counted, and the login goes on. */
#ifndef POPGATE_GRANTS_H
#define POPGATE_GRANTS_H

#include "common/net/loop.h"
#include "common/window/ask.h"

struct grants;
struct grant_wait; /* opaque: one that is waited for */

/* Called once for each grants_ask(), from the loop or before it returns. e is ERR_NONE for an
 * acknowledged grant. */
typedef void grant_heard(void *owner, enum err e, const struct answer *answer);

/* lock_dir: where the mark of a lost grant stands (SITE_LOST). Texts are borrowed. */
MUST_USE enum err grants_open(
	struct grants **out, struct loop *l, const char *run_dir, const char *lock_dir);
void grants_close(struct grants **g);

/* *out is NULL if heard was called already. */
void grants_ask(struct grants *g, const struct grant *grant, grant_heard *heard, void *owner,
	struct grant_wait **out);

/* The owner is gone: the grant still goes its way. Takes NULL. */
void grants_disown(struct grant_wait **w);

#endif
