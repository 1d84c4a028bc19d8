/* sockets.h - the listening sockets of a daemon, held by its supervisor over reloads and deaths.
 *
 * Each endpoint has one SO_REUSEPORT socket for each worker slot, so the kernel spreads connections
 * and a dead worker's queue waits for its successor. A socket is closed only when no config wants its
 * endpoint any more: with fewer workers than before, a worker gets several, because closing one
 * would reset the connections in its queue. */
#ifndef POPGATE_SOCKETS_H
#define POPGATE_SOCKETS_H

#include "common/conf/listeners.h"

#define SOCKETS_SLOTS 64 /* workers at most */

struct sockets {
	struct socket_group {
		struct endpoint endpoint;
		unsigned n; /* sockets made so far */
		int fd[SOCKETS_SLOTS];
	} at[LISTENERS_MAX];
	size_t n;
};

/* Makes old into what listeners and workers want, in *out: takes over the sockets that serve on, opens
 * what is missing. On failure closes only what it opened; *failed is the listener's place. */
MUST_USE enum err sockets_open(struct sockets *out, const struct sockets *old,
	const struct listeners *listeners, unsigned workers, size_t *failed);

/* Closes what stands in old and not in keep (which may be NULL). */
void sockets_close(struct sockets *old, const struct sockets *keep);

#endif
