/* base64_fuzz.c - law: what can be read is written again octet for octet, and what is written is read. */
#include <stdlib.h>

#include "common/line/base64.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	char *plain = malloc(size + 1);
	struct buf out;
	size_t n;

	if (plain == NULL)
		return 0;
	buf_init(&out, BASE64_SIZE(size) + 1);
	if (base64_read(in, plain, size, &n)) {
		base64_add(&out, (struct str){ plain, n });
		if (!str_eq(buf_str(&out), in))
			abort();
		buf_clear(&out);
	}
	base64_add(&out, in);
	if (!base64_read(buf_str(&out), plain, size, &n) || !str_eq((struct str){ plain, n }, in))
		abort();
	buf_free(&out);
	free(plain);
	return 0;
}
