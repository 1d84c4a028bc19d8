/* fingerprint.h - which state of an account a login has proved, so that it can be told later whether the
 * account has changed since. It tells nothing of the password to whoever lacks the key.
 *
 * A fingerprint under another key (the host's was lost, or it is another host's) says nothing, and neither
 * does none: fingerprints_differ() is only said of what can be compared. */
#ifndef POPGATE_FINGERPRINT_H
#define POPGATE_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FINGERPRINT_KEY 4 /* octets that tell one key from another */
#define FINGERPRINT_MAX 12 /* octets in all */

struct fingerprint {
	uint8_t b[FINGERPRINT_MAX]; /* all zero: none */
};

static inline bool fingerprint_eq(const struct fingerprint *a, const struct fingerprint *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static inline bool fingerprint_is_none(const struct fingerprint *f)
{
	static const struct fingerprint none;

	return fingerprint_eq(f, &none);
}

static inline bool fingerprints_differ(const struct fingerprint *a, const struct fingerprint *b)
{
	return !fingerprint_is_none(a) && !fingerprint_is_none(b) &&
		memcmp(a->b, b->b, FINGERPRINT_KEY) == 0 && !fingerprint_eq(a, b);
}

#endif
