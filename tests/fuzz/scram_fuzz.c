/* scram_fuzz.c - law: keys that are read are written as they were, but for zeros before the iterations. */
#include <stdlib.h>

#include "common/users/scram.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	char again[512];
	struct scram s;

	if (!scram_read(text, &s))
		return 0;
	while (text.n > 0 && text.p[0] == '0')
		text = str_from(text, 1);
	if (!scram_write(&s, again, sizeof(again)) || !str_eq(str_of(again), text))
		abort();
	return 0;
}
