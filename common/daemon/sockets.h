/* sockets.h - the listening sockets of a daemon, held by its supervisor over reloads, deaths and upgrades.
 *
 * Each endpoint has one SO_REUSEPORT socket for each worker slot, so the kernel spreads connections
 * and a dead worker's queue waits for its successor. A socket is closed only when no config wants its
 * endpoint any more: with fewer workers than before, a worker gets several, because closing one
 * would reset the connections in its queue. An endpoint whose sockets the service manager passed has those and
 * no others; if they are fewer than the workers, some are several workers' in common. */
#ifndef POPGATE_SOCKETS_H
#define POPGATE_SOCKETS_H

#include "common/conf/listeners.h"
#include "common/daemon/passed.h"

#define SOCKETS_SLOTS 64 /* workers at most */

struct sockets {
	struct socket_group {
		struct endpoint endpoint;
		bool passed; /* borrowed from a struct passed */
		unsigned n; /* sockets made so far */
		int fd[SOCKETS_SLOTS];
	} at[LISTENERS_MAX];
	size_t n;
};

/* What the sockets of a new config are made of. */
struct sockets_source {
	const struct sockets *old; /* those in use */
	const struct passed *passed;
	unsigned workers;
};

/* Makes what listeners want, in *out: takes over the sockets that serve on, and those that were passed, opens
 * what is missing. On failure closes only what it opened; *failed is the listener's place. */
MUST_USE enum err sockets_open(struct sockets *out, const struct sockets_source *from,
	const struct listeners *listeners, size_t *failed);

/* Whether that would find a port taken that is not among those that serve or were passed. Those are not touched: a
 * socket more on one of them would take connections with it when it is closed. */
MUST_USE enum err sockets_try(
	const struct sockets_source *from, const struct listeners *listeners, size_t *failed);

/* Closes what stands in old and not in keep (which may be NULL). */
void sockets_close(struct sockets *old, const struct sockets *keep);

/* Adds a socket of our own that an earlier program left to us. False: it is none, or there is no room. */
MUST_USE bool sockets_add(struct sockets *s, int fd);

/* The socket that worker slot of workers serves as its k-th of that group; -1: it has no more. */
int sockets_of_slot(const struct socket_group *g, unsigned slot, unsigned workers, unsigned k);

/* Reports those of passed that no listener of s has. */
void sockets_report_unused(const struct sockets *s, const struct passed *passed);

#endif
