/* line_fuzz.c - law: a line is cut where it ends, holds no line end, and nothing is used twice. */
#include <stdlib.h>

#include "common/line/line.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size }, line;
	size_t used;

	for (; line_cut(in, 512, &line, &used) == LINE_WHOLE; in = str_from(in, used))
		if (used != line.n + 2 || used > 512 || used > in.n || line.p != in.p ||
			str_find(line, '\r') < line.n || str_find(line, '\0') < line.n)
			abort();
	in = (struct str){ (const char *)data, size };
	for (; line_cut_lf(in, 255, &line, &used) == LINE_WHOLE; in = str_from(in, used))
		if (used > 255 || used > in.n || line.p != in.p || str_find(line, '\n') < line.n ||
			str_find(line, '\r') < line.n || in.p[used - 1] != '\n')
			abort();
	return 0;
}
