/* tickets.h - the keys that session tickets (RFC 5077, RFC 8446 4.6.1) are sealed with.
 *
 * In shared memory that a supervisor makes once and hands to every worker of every generation, so a
 * session begun at one worker is resumed at any other, and after a reload. The supervisor turns the
 * keys over; workers read without a lock, and cannot write. A ticket is good for TICKETS_LIFE_S at
 * least when the keys are turned over no more often than that: the key before the current one is
 * still known, and so is the next one, which a faster worker may have begun to use. */
#ifndef POPGATE_TICKETS_H
#define POPGATE_TICKETS_H

#include "common/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define TICKETS_LIFE_S 3600
#define TICKET_NAME 16 /* octets by which a ticket names its key */

struct tickets; /* opaque: the mapping */

struct ticket_key { /* a secret: wipe it after use */
	uint8_t name[TICKET_NAME];
	uint8_t cipher[32]; /* AES-256-CBC */
	uint8_t mac[32]; /* HMAC-SHA-256 */
};

/* Makes the memory with fresh keys; *fd is the caller's to pass on and to close. */
MUST_USE enum err tickets_make(struct tickets **out, int *fd);

/* Maker only: goes on with the keys of another memory of that kind, if fd is one. */
void tickets_inherit(struct tickets *t, int fd);

/* Maps what tickets_make() made, for reading. fd may be closed then. */
MUST_USE enum err tickets_map(struct tickets **out, int fd);
void tickets_close(struct tickets **t);

/* Maker only: the next key becomes the current one, the oldest is forgotten. */
void tickets_turn(struct tickets *t);

/* The key to seal new tickets with. */
void tickets_current(const struct tickets *t, struct ticket_key *out);

/* The key of that name. False: it is not known (any more), and nothing is set. *current: new tickets
 * are sealed with it, too. */
MUST_USE bool tickets_find(
	const struct tickets *t, const uint8_t *name, struct ticket_key *out, bool *current);

#endif
