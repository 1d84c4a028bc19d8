/* snapshots.h - a worker's snapshots of Maildirs, the latest used first; those used longest ago go when there are too
 * many octets of them. Owned by one thread. */
#ifndef POPGATE_POP3_SNAPSHOTS_H
#define POPGATE_POP3_SNAPSHOTS_H

#include "common/base/list.h"
#include "pop3d/maildrop.h"

#define SNAPSHOTS_OCTETS (4u << 20) /* some 10,000 of small maildrops */

struct snapshots {
	void *by_path; /* tsearch(3) */
	struct node used; /* the latest at its end */
	size_t octets, max;
};

/* No more than max octets of snapshots and what they are kept by. */
void snapshots_init(struct snapshots *all, size_t max);
void snapshots_free(struct snapshots *all);

/* Keeps s, of so many octets, which is ours from then on, in the place of what was kept of that Maildir. NULL: keeps
 * none of it. Without memory, or if it alone is too large, it is as if it had not been. */
void snapshots_put(struct snapshots *all, const char *path, struct snapshot *s, size_t octets);

/* That of a Maildir, borrowed until the next call; NULL: none is kept. */
const struct snapshot *snapshots_find(struct snapshots *all, const char *path);

#endif
