/* hits.c - see hits.h. */
#include "common/window/hits.h"

#include "common/base/bytes.h"
#include "common/base/crc32c.h"

#define VERSION 1

size_t hits_key(const struct network *of, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = HITS_KEY_MAX };
	char text[ADDR_TEXT];

	put_octets(&w, "never/", 6);
	if (of != NULL)
		put_octets(&w, text, strlen(network_format(*of, text)));
	return w.n;
}

size_t hits_encode(const struct hits *h, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = HITS_MAX };

	put_number(&w, VERSION, 1);
	put_number(&w, h->n, 8);
	put_number(&w, (uint64_t)h->last_ms, 8);
	put_number(&w, crc32c(dst, w.n), 4);
	return w.n;
}

bool hits_decode(struct str bytes, struct hits *out)
{
	struct reader in = { (const uint8_t *)bytes.p, bytes.n, false };
	struct hits h;

	if (get_number(&in, 1) != VERSION)
		return false;
	h.n = get_number(&in, 8);
	h.last_ms = (int64_t)get_number(&in, 8);
	if (in.bad || in.n != 4 || get_number(&in, 4) != crc32c(bytes.p, bytes.n - 4) ||
		h.last_ms < 0)
		return false;
	*out = h;
	return true;
}
