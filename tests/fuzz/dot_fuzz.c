/* dot_fuzz.c - law: what was made for the wire comes back as the file it was, but for its line ends, and
 * its size is what was said. */
#include <stdlib.h>

#include "common/line/dot.h"
#include "tests/fuzz/fuzz.h"

/* Each gets a second one on the wire. */
static size_t dots_at_line_starts(struct str file)
{
	size_t n = 0;

	for (size_t i = 0; i < file.n; i++)
		n += file.p[i] == '.' && (i == 0 || file.p[i - 1] == '\n');
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str file = { (const char *)data, size };
	size_t cut = size > 0 ? data[0] % size : 0;
	struct dot_out d = { 0 }, count = { 0 };
	struct dot_in back = { 0 };
	struct buf wire, again, rewire;
	uint64_t octets;

	buf_init(&wire, 1 << 22);
	buf_init(&again, 1 << 22);
	buf_init(&rewire, 1 << 22);
	dot_out_add(&d, str_first(file, cut), &wire);
	dot_out_add(&d, str_from(file, cut), &wire);
	dot_out_end(&d, &wire);
	octets = dot_size_add(&count, file);
	octets += dot_size_end(&count);
	if (wire.len != octets + dots_at_line_starts(file) + 3 ||
		!str_ends(buf_str(&wire), STR(".\r\n")))
		abort();
	dot_in_add(&back, str_first(buf_str(&wire), wire.len - 3), &again);
	if (again.len > octets)
		abort();
	dot_out_add(&d, buf_str(&again), &rewire);
	dot_out_end(&d, &rewire);
	if (memmem(data, size, "\r\r", 2) == NULL && !str_eq(buf_str(&wire), buf_str(&rewire)) &&
		!(size > 0 && data[size - 1] == '\r'))
		abort();
	buf_free(&wire);
	buf_free(&again);
	buf_free(&rewire);
	return 0;
}
