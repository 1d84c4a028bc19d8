/* printable_fuzz.c - whatever comes in, what goes out is UTF-8 without a control, and fits. */
#include "common/base/utf8.h"
#include "ctl/printable.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct str in, bool ascii, size_t room)
{
	char out[2048];
	size_t n = printable(in, ascii, out, room), columns;

	if (n >= room || out[n] != '\0' || strlen(out) != n || !utf8_valid(str_of(out)))
		abort();
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f ||
			(ascii && (out[i] & 0x80) != 0) ||
			(out[i] == '\xc2' && (unsigned char)out[i + 1] < 0xa0))
			abort();
	for (size_t max = 0; max < 20; max++) {
		size_t taken;

		columns = max;
		taken = printable_fit(out, &columns);
		if (columns > max || taken > n || !utf8_valid((struct str){ out, taken }))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };

	check(in, false, 2048);
	check(in, true, 2048);
	check(in, false, size % 64 + 1);
	return 0;
}
