/* subscriber_fuzz.c - law: folding what was folded changes nothing, and no name can leave a path. */
#include <stdlib.h>

#include "common/base/subscriber.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct subscriber once, twice;

	if (!subscriber_fold(in, STR("example.net"), &once))
		return 0;
	if (!subscriber_fold(subscriber_str(&once), STR(""), &twice) ||
		!subscriber_eq(&once, &twice))
		abort();
	if (strlen(once.name) != once.n || once.name[0] == '.' ||
		strpbrk(once.name, "/\\ \t\r\n\"<>:") != NULL || strstr(once.name, "..") != NULL)
		abort();
	return 0;
}
