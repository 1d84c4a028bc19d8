/* record_fuzz.c - law: what decodes encodes to the same octets. The CRC is put right first, or nothing
 * would ever decode. */
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
		bytes[3] = bytes[3] != 0; /* any value but 0 is a yes */
		put_crc(bytes, size);
		if (record_encode(&r, again) != size || memcmp(bytes, again, size) != 0)
			abort();
	}
	if (meta_decode((struct str){ (char *)bytes, size }, &m) && meta_encode(&m, again) != size)
		abort();
	return 0;
}
