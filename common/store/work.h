/* work.h - a batch under way, between store.c, grants.c and wedge.c. */
#ifndef POPGATE_STORE_WORK_H
#define POPGATE_STORE_WORK_H

#include "common/store/store.h"

struct work {
	struct store *store;
	bool writing; /* the log has a transaction open */
	bool noted; /* the view has something that is not in the log */
	size_t written;
	const char *failed; /* what failed, for the log line */
};

static inline struct addr work_key(const struct work *w, struct addr a)
{
	return addr_key(a, w->store->site->window.ipv4_prefix, w->store->site->window.ipv6_prefix);
}

/* store.c: what is now, and the stamp of a login, which is one. */
int64_t work_present(struct store *s);
int64_t work_stamp(struct store *s);

/* store.c: into the log, and into the view. */
MUST_USE enum err work_write(struct work *w, struct record *r);

/* store.c: gives log and view up, to be opened anew. */
void work_close(struct store *s);
#define WORK_RETRY_MS INT64_C(200) /* later */

/* wedge.c: runs fn(call), which touches the view. ERR_DAMAGED, and the view is wedged, if it ended in a fault. */
MUST_USE enum err work_guarded(struct store *s, enum err (*fn)(void *call), void *call);
bool work_wedged(const struct store *s);
/* Leaves a wedged view to its readers; the next one is made as soon as it is wanted. */
void work_leave(struct store *s);

/* grants.c: a login, a renewal, or what is given; and its line in the log once it is durable. */
MUST_USE enum err grants_take(struct work *w, const struct grant *g, struct pending *p);
void grants_log(const struct pending *p);

#endif
