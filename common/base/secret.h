/* secret.h - random octets, comparison in constant time. */
#ifndef POPGATE_SECRET_H
#define POPGATE_SECRET_H

#include "common/base/str.h"

/* Fills dst from the kernel's generator; a kernel that cannot is a broken invariant. */
void secret_random(void *dst, size_t n);

/* Equal octets? The time depends on the lengths alone. */
bool secret_eq(struct str a, struct str b);

#endif
