/* hits.h - how often a network that is never granted was asked to be. Pure.
 *
 * Rows of the view's meta table, written by the store each second if something has changed. */
#ifndef POPGATE_HITS_H
#define POPGATE_HITS_H

#include "common/base/addr.h"

#define HITS_MAX 32 /* octets of an encoded row at most */
#define HITS_KEY_MAX (6 + ADDR_TEXT)

struct hits {
	uint64_t n; /* logins from there, since the view was made */
	int64_t last_ms; /* the last one */
};

/* The key of a row: of a network, or with NULL of the host's own addresses. dst has HITS_KEY_MAX octets;
 * returns how many are used. */
size_t hits_key(const struct network *of, uint8_t *dst);

/* dst has HITS_MAX octets; returns how many. False for what hits_encode() did not write. */
size_t hits_encode(const struct hits *h, uint8_t *dst);
MUST_USE bool hits_decode(struct str bytes, struct hits *out);

#endif
