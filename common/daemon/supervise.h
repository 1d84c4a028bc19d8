/* supervise.h - the process that stays: holds the listening sockets, starts workers, replaces the dead.
 *
 * No event loop (poll and signalfd), and it parses nothing from the network. It makes one
 * SO_REUSEPORT socket for each worker slot and listener, so a worker that dies is replaced on the same
 * socket and no connection is refused or reset. SIGHUP: reads the config whole; a bad one is logged
 * and the old stays; a good one starts a new generation and drains the old. Of more than two
 * draining generations the oldest is ended, once it has had the site's drain_ms. SIGTERM, SIGINT:
 * drains all until the site's drain_ms, then ends them; exit 0. A role that dies again and again is
 * started again later and later, up to 10 s. It also starts popgate-store if nobody holds the store's
 * lock. SIGUSR2: the program that lies at its path now takes its place, in the same process and with the same
 * sockets, if it can read the config; workers of the old one drain. A child that shows no sign of life is ended,
 * and the service manager hears that we live as long as somebody serves. */
#ifndef POPGATE_SUPERVISE_H
#define POPGATE_SUPERVISE_H

#include "common/daemon/kit.h"

struct role {
	const char *name; /* "worker", "deliver" */
	bool per_core; /* as many as the site's workers; else one */
	bool listens; /* gets the listening sockets */
	bool delivers; /* is the one that receives deliver sessions */
	const char *(*run_as)(const struct site *s); /* the user of the site it runs as; "": stay */
	int (*run)(struct kit *kit); /* the child's main; returns its exit code */
	bool (*wanted)(struct conf *c); /* NULL: always */
};

struct program {
	const char *name; /* "pop3d"; also the config's section with the listeners */
	const struct role *roles; /* ends in a NULL name */
	const struct counter_name *counters;
	/* What this daemon says of the config beyond site_read(): complaints with file and line. */
	enum err (*check)(struct conf *c, struct buf *complaints);
};

/* The whole of a daemon's main(): -c FILE, -t, -V, --child; then the supervisor or a child's run().
 * Returns the exit code: 0 done, 1 failed to start (said on standard error and in the log), 2 usage,
 * 78 (EX_CONFIG) the config is bad. */
int supervise_main(int argc, char **argv, const struct program *program);

#endif
