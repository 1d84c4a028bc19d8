/* record_fuzz.c - laws: what decodes encodes to the same octets, has the times that are read without decoding, and is
 * found among others. The CRC is put
 * right first, or nothing would ever decode. */
#include <stdlib.h>

#include "common/base/crc32c.h"
#include "common/window/meta.h"
#include "common/window/record.h"
#include "tests/fuzz/fuzz.h"

static void put_crc(uint8_t *bytes, size_t n)
{
	uint32_t crc = crc32c(bytes, n - 4);

	for (size_t i = 0; i < 4; i++)
		bytes[n - 4 + i] = (uint8_t)(crc >> (8 * i));
}

/* In the midst of the input as it came, which may hold anything but not the whole of it. */
static void is_found(const uint8_t *data, size_t size, const uint8_t *bytes, size_t n)
{
	char all[3 * RECORD_MAX];
	struct str rest = { all, size / 2 + n + size / 3 };
	struct record r;
	size_t found = 0;

	memcpy(all, data, size / 2);
	memcpy(all + size / 2, bytes, n);
	memcpy(all + size / 2 + n, data, size / 3);
	while (record_find(&rest, &r))
		found += rest.p >= all + size / 2 + n;
	if (found == 0)
		abort();
}

static void has_the_same_times(const uint8_t *bytes, size_t n, const struct record *r)
{
	enum record_kind kind;
	int64_t login_ms, until_ms;

	if (!record_times((struct str){ (const char *)bytes, n }, &kind, &login_ms, &until_ms) ||
		kind != r->kind || login_ms != r->login_ms || until_ms != r->until_ms)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[RECORD_MAX], again[RECORD_MAX];
	struct view_meta m;
	struct record r;

	if (size < 5 || size > sizeof(bytes))
		return 0;
	memcpy(bytes, data, size);
	put_crc(bytes, size);
	if (record_decode((struct str){ (char *)bytes, size }, &r)) {
		has_the_same_times(bytes, size, &r);
		bytes[3] = bytes[3] != 0; /* any value but 0 is a yes */
		put_crc(bytes, size);
		if (record_encode(&r, again) != size || memcmp(bytes, again, size) != 0)
			abort();
		is_found(data, size, bytes, size);
	}
	if (meta_decode((struct str){ (char *)bytes, size }, &m) && meta_encode(&m, again) != size)
		abort();
	return 0;
}
