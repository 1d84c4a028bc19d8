/* value_fuzz.c - law: a value that is taken lies within its limits. */
#include <stdlib.h>

#include "common/conf/value.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	int64_t ms;
	uint64_t octets;

	if (value_duration(in, &ms) && (ms < 0 || ms > INT64_C(3652) * 86400000))
		abort();
	if (value_size(in, &octets) && octets > UINT64_C(1) << 50)
		abort();
	return 0;
}
