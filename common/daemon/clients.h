/* clients.h - how many connections each client key has open, over all processes of a daemon.
 *
 * In shared memory, one region a process and written by it alone, so that nothing is locked and the
 * share of a process that died is dropped whole. A key is an address masked as the window masks it. */
#ifndef POPGATE_CLIENTS_H
#define POPGATE_CLIENTS_H

#include "common/base/addr.h"

struct clients;

/* Makes memory for regions processes with up to per_region connections each; *fd is the caller's. */
MUST_USE enum err clients_make(
	struct clients **out, unsigned regions, unsigned per_region, int *fd);

/* Maps what clients_make() made, to write in region. */
MUST_USE enum err clients_map(struct clients **out, int fd, unsigned region);
void clients_close(struct clients **c);

/* Counts one more connection of key, unless it would be more than max_key of that key or more than
 * max_all in all processes together: then false, and nothing is counted. The limits are kept to
 * within one connection a process (two processes may accept at once). */
MUST_USE bool clients_enter(
	struct clients *c, struct addr key, unsigned max_key, unsigned max_all, bool *key_full);
void clients_leave(struct clients *c, struct addr key);

/* Open now: of that key, in all. */
unsigned clients_of(const struct clients *c, struct addr key);
unsigned clients_all(const struct clients *c);

/* The process of that region died. */
void clients_bury(struct clients *c, unsigned region);

#endif
