/* storekeeper.h - sees to it that one popgate-store runs on this host.
 *
 * The store holds a lock on state_dir/SITE_STORE_LOCK for its life. Whoever finds the lock free starts
 * a store, in a session of its own so that it outlives us; if two do so at once, the second store
 * ends by itself. One that dies again and again is started later and later, up to 10 s. One that has shown no
 * sign of life for 10 s is killed, so that the lock is free for the next; not while it waits for its disk,
 * which no other would do faster. */
#ifndef POPGATE_STOREKEEPER_H
#define POPGATE_STOREKEEPER_H

#include "common/conf/site.h"

struct storekeeper {
	const char *program; /* path of popgate-store */
	const char *conf_path; /* of popgate.conf */
	bool others; /* the service manager runs the store: we only look on */
	int64_t next_ms; /* steady clock: not before then */
	unsigned failures;
	int64_t hung_ms; /* steady clock: since when its last sign of life is known to be too old; 0: not */
	int64_t beat_ms; /* that sign */
};

/* Looks, and starts a store if none runs. To be called about each second. */
void storekeeper_look(struct storekeeper *k, const struct site *site, int64_t now_ms);

/* Another store in the place of one that runs, if another program lies where it was started from: told to end, it
 * answers what it has taken; workers ask the next one what it has not. */
void storekeeper_renew(struct storekeeper *k, const struct site *site);

/* Waits up to wait_ms until the store takes connections; says whether it does. */
bool storekeeper_wait(const struct site *site, int wait_ms);

#endif
