/* sizes_fuzz.c - law: a cache that can be read to its end says the same once written anew; octets that are
 * none are refused. The checksum is made to fit, or nothing behind it would ever be tried. */
#include <stdlib.h>
#include <string.h>

#include "common/base/crc32c.h"
#include "pop3d/sizes.h"
#include "tests/fuzz/fuzz.h"

static void put_number(struct buf *b, uint32_t value)
{
	char octets[4];

	for (size_t i = 0; i < 4; i++)
		octets[i] = (char)(uint8_t)(value >> (8 * i));
	buf_add(b, (struct str){ octets, 4 });
}

/* An input as the entries of a cache: its first octet says how many there are. */
static void make(struct buf *b, struct str data)
{
	buf_add(b, STR("PGSIZES\001"));
	if (data.n > 0)
		buf_add(b, str_from(data, 1));
	put_number(b, data.n > 0 ? (uint8_t)data.p[0] : 0);
	put_number(b, crc32c(buf_str(b).p, b->len));
}

/* Writes anew what can be read. False: it ended in what cannot be. */
static bool again(struct str bytes, struct buf *out)
{
	struct sizes_out to;
	struct sizes_in in;
	struct size_entry e;

	if (!sizes_open(&in, bytes))
		return false;
	sizes_begin(&to, out);
	while (sizes_next(&in, &e)) {
		if (e.unique.n == 0 || e.unique.n > MAILNAME_MAX)
			abort();
		sizes_add(&to, e);
	}
	sizes_end(&to);
	return !in.bad;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = { (const char *)data, size };
	struct buf made, once, twice;
	struct sizes_in in;

	if (sizes_open(&in, raw) && in.rest.n > raw.n)
		abort();
	buf_init(&made, 1 << 22);
	buf_init(&once, 1 << 22);
	buf_init(&twice, 1 << 22);
	make(&made, raw);
	if (again(buf_str(&made), &once) &&
		(!again(buf_str(&once), &twice) || !str_eq(buf_str(&once), buf_str(&twice))))
		abort();
	buf_free(&made);
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
