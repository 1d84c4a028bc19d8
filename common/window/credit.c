/* credit.c - see credit.h. */
#include "common/window/credit.h"

#include "common/base/bytes.h"
#include "common/base/crc32c.h"

#define VERSION 1
#define MARK 2 /* the first octet of a key; 0 and 1 are those of rate.h */

static uint32_t sum(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

void credit_add(struct credit *c, const struct use *u)
{
	c->messages = sum(c->messages, u->messages);
	c->recipients = sum(c->recipients, u->recipients);
}

size_t credit_key(const struct addr *key, const struct subscriber *who, uint8_t *dst)
{
	dst[0] = MARK;
	return 1 + record_entry_key(key, who, dst + 1);
}

bool credit_entry(struct str key, struct str *entry)
{
	if (key.n == 0 || key.p[0] != MARK)
		return false;
	*entry = str_from(key, 1);
	return true;
}

size_t credit_encode(const struct credit *c, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = CREDIT_MAX };

	put_number(&w, VERSION, 1);
	put_number(&w, c->messages, 4);
	put_number(&w, c->recipients, 4);
	put_number(&w, crc32c(dst, w.n), 4);
	return w.n;
}

bool credit_decode(struct str bytes, struct credit *out)
{
	struct reader in = { (const uint8_t *)bytes.p, bytes.n, false };
	struct credit c;

	if (get_number(&in, 1) != VERSION)
		return false;
	c.messages = (uint32_t)get_number(&in, 4);
	c.recipients = (uint32_t)get_number(&in, 4);
	if (in.bad || in.n != 4 || get_number(&in, 4) != crc32c(bytes.p, bytes.n - 4))
		return false;
	*out = c;
	return true;
}
