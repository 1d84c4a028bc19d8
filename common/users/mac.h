/* mac.h - HMAC-SHA-256 (RFC 2104) under a key that stays. What the key costs is paid once: with all of it for
 * each hash, as HMAC(3) does it, a login spent a quarter of its instructions on two of them. */
#ifndef POPGATE_MAC_H
#define POPGATE_MAC_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define MAC_KEY 32 /* octets */
#define MAC_SIZE 32

struct mac; /* opaque; of one thread */

/* key is copied into OpenSSL's memory, which wipes it at the end. ERR_NOMEM. */
MUST_USE enum err mac_open(struct mac **out, const uint8_t key[MAC_KEY]);
void mac_close(struct mac **m); /* takes NULL */

void mac_make(struct mac *m, const void *octets, size_t n, uint8_t out[MAC_SIZE]);

#endif
