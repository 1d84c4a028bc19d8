/* cache.h - passwords that were verified not long ago, so that a client that polls costs microseconds.
 *
 * What is kept is a keyed hash over name, stored hash and password, never one of them: a changed account
 * finds nothing. The table has a fixed size and lies in memory that the supervisor makes once (kit.h) and
 * all workers of all generations share without a lock: an entry that is torn by two writers does not
 * carry its own checksum and is none. The key is that of the memory; it also serves what else has to be
 * secret and the same for all workers. */
#ifndef POPGATE_CACHE_H
#define POPGATE_CACHE_H

#include "common/base/subscriber.h"
#include "common/users/accountprint.h"

#define CACHE_MAC MAC_SIZE /* octets */

struct cache; /* opaque */

/* Maps the memory at fd (kit.h: KIT_VERIFIED octets, the first KIT_KEY of them keys); fd stays the
 * caller's. fd -1: memory of our own, with a key of its own. live_ms: how long an entry lives. */
MUST_USE enum err cache_open(struct cache **out, int fd, int64_t live_ms);
void cache_close(struct cache **c);

/* Was exactly this verified for exactly that stored hash not long ago? Then it lives on for another
 * while. now_ms: steady, the same clock in all processes of the host. */
MUST_USE bool cache_hit(struct cache *c, const struct subscriber *who, struct str stored,
	struct str password, int64_t now_ms);

/* It was verified now. */
void cache_put(struct cache *c, const struct subscriber *who, struct str stored,
	struct str password, int64_t now_ms);

/* A wrong password for who: whatever is kept of him has to be verified again. */
void cache_drop(struct cache *c, const struct subscriber *who);

/* CACHE_MAC octets that depend on the memory's key, the label and the two texts, and tell nothing of
 * them: fingerprints, secrets of nobody. The texts have 2048 octets together at most. */
void cache_mac(const struct cache *c, const char *label, struct str a, struct str b,
	uint8_t mac[CACHE_MAC]);

/* CACHE_MAC octets that are the same for a name in every daemon of the host, after a restart, too, as the
 * salts of accounts are. The name has 2048 octets at most. */
void cache_salt(const struct cache *c, struct str name, uint8_t salt[CACHE_MAC]);

/* For fingerprints of accounts: the same in every daemon of the host and after a restart. Borrowed. */
const struct accountprint_key *cache_accountprint_key(const struct cache *c);

#endif
