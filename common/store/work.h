/* work.h - a batch under way, between store.c and grants.c. */
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

/* grants.c: a login, a renewal, or what is given; and its line in the log once it is durable. */
MUST_USE enum err grants_take(struct work *w, const struct grant *g, struct pending *p);
void grants_log(const struct pending *p);

#endif
