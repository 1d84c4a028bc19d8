/* scram.h - the secrets of SCRAM-SHA-256 (RFC 5802 3, RFC 7677) and how they are stored. Pure.
 *
 *	{SCRAM-SHA-256}iterations,salt,StoredKey,ServerKey
 *
 * the last three in base64, as Dovecot writes them. Deriving costs milliseconds by design. */
#ifndef POPGATE_SCRAM_H
#define POPGATE_SCRAM_H

#include "common/base/str.h"

#define SCRAM_KEY 32 /* octets of a key */
#define SCRAM_SALT_MAX 64
#define SCRAM_SALT 16 /* octets of a salt that we make */
#define SCRAM_ITERATIONS 4096 /* of what we make, the least that RFC 7677 4 allows */
#define SCRAM_ITERATIONS_MAX 1000000 /* more would be a way to keep all others from hashing */

struct scram {
	unsigned iterations;
	size_t salt_n;
	uint8_t salt[SCRAM_SALT_MAX];
	uint8_t stored_key[SCRAM_KEY], server_key[SCRAM_KEY];
};

/* What stands behind {SCRAM-SHA-256}. False for anything else than that to the octet. */
MUST_USE bool scram_read(struct str data, struct scram *out);

/* The same text, with a NUL, into dst of size octets; false if it does not fit. */
MUST_USE bool scram_write(const struct scram *s, char *dst, size_t size);

/* Sets both keys from password, salt and iterations. False without memory. */
MUST_USE bool scram_derive(struct str password, struct scram *s);

#endif
