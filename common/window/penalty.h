/* penalty.h - what wrong passwords cost, of an address or of a subscriber. Pure.
 *
 * By the rules of site.h a row counts failures, one fewer for each decay_ms that passes. The first ones cost nothing; from then
 * on each doubles how long the next proof has to wait: 1, 2, 4 ... seconds, max_ms at most. The same wrong
 * password again counts once: it is what a forgotten device has stored. */
#ifndef POPGATE_PENALTY_H
#define POPGATE_PENALTY_H

#include "common/conf/site.h"
#include "common/window/grant.h"

#define PENALTY_SECRETS 8 /* wrong passwords that a row remembers */
#define PENALTY_MAX 128 /* octets of an encoded row at most */
#define PENALTY_KEYS 4 /* rows that one failure is written to at most */
#define PENALTY_KEY_MAX (1 + SUBSCRIBER_MAX)

struct failure { /* as a worker reports it */
	struct addr addr; /* the client's, not masked */
	struct subscriber who; /* n == 0: a name that nobody can have */
	uint64_t secret; /* of the wrong password, keyed; 0: not known, and always another one */
};

struct penalty {
	uint32_t failures; /* as of last_ms */
	int64_t last_ms; /* when one was counted last */
	uint64_t secrets[PENALTY_SECRETS]; /* the latest first; 0: none */
};

/* Failures that still count at now_ms. */
uint32_t penalty_level(const struct penalty *p, const struct penalty_rules *rules, int64_t now_ms);

/* Counts one, unless it is known. False if it was. */
bool penalty_add(
	struct penalty *p, const struct penalty_rules *rules, uint64_t secret, int64_t now_ms);

/* How long a proof has to wait at that level, in ms. weight: as many failures are free (of a wide network,
 * which holds many). */
int64_t penalty_delay(const struct penalty_rules *rules, uint32_t level, unsigned weight);

/* The rows that a failure belongs to: of the IPv4 address, or of the /64, /56 and /48 of an IPv6 address,
 * and of the subscriber. Returns how many; each key has its length and its weight. */
struct penalty_key {
	uint8_t bytes[PENALTY_KEY_MAX];
	size_t n;
	unsigned weight;
};
size_t penalty_keys(struct addr a, const struct subscriber *who, struct penalty_key *keys);

/* dst has PENALTY_MAX octets; returns how many. False for what penalty_encode() did not write. */
size_t penalty_encode(const struct penalty *p, uint8_t *dst);
MUST_USE bool penalty_decode(struct str bytes, struct penalty *out);

#endif
