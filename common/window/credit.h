/* credit.h - how much was sent since a login because of the window that it opened. Pure.
 *
 * One row for each subscriber on a key, in the table of rates, beside the entry: gone with the next login of
 * that subscriber from there, and with the entry. */
#ifndef POPGATE_CREDIT_H
#define POPGATE_CREDIT_H

#include "common/window/rate.h"
#include "common/window/record.h"

#define CREDIT_MAX 32 /* octets of an encoded row at most */
#define CREDIT_KEY_MAX (1 + RECORD_KEY_MAX)

struct credit {
	uint32_t messages, recipients; /* sent */
};

void credit_add(struct credit *c, const struct use *u);

/* The key of a row: CREDIT_KEY_MAX octets at dst; returns how many are used. The entry's own key
 * (record.h) stands behind the first octet. */
size_t credit_key(const struct addr *key, const struct subscriber *who, uint8_t *dst);

/* Of a key in the table of rates: is it one of a credit, and of which entry? */
bool credit_entry(struct str key, struct str *entry);

/* dst has CREDIT_MAX octets; returns how many. False for what credit_encode() did not write. */
size_t credit_encode(const struct credit *c, uint8_t *dst);
MUST_USE bool credit_decode(struct str bytes, struct credit *out);

#endif
