/* material_fuzz.c - law: what is cut off, written again, is what stood there, and cutting always ends. */
#include <stdlib.h>

#include "common/base/material.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size };
	struct material m;
	struct buf again;

	buf_init(&again, size);
	while (material_cut(&rest, &m))
		material_put(&again, &m);
	if (again.broken || again.len + rest.n != size ||
		memcmp(buf_str(&again).p, data, again.len) != 0)
		abort();
	buf_free(&again);
	return 0;
}
