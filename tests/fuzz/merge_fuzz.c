/* merge_fuzz.c - law: merging does not care for the order, and merging with the result changes no time. */
#include <stdlib.h>

#include "common/window/merge.h"
#include "tests/fuzz/fuzz.h"

static struct record record_of(const uint8_t *data)
{
	return (struct record){ .login_ms = data[0] % 4,
		.until_ms = data[1] % 4,
		.origin = data[2] % 3,
		.sequence = data[3] % 3,
		.logins = data[4],
		.port = data[5] };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record a, b, ab, ba, abc;

	if (size < 12)
		return 0;
	a = record_of(data);
	b = record_of(data + 6);
	ab = merge_grants(&a, &b);
	ba = merge_grants(&b, &a);
	if (ab.login_ms != ba.login_ms || ab.until_ms != ba.until_ms || ab.logins != ba.logins ||
		ab.origin != ba.origin || ab.sequence != ba.sequence)
		abort();
	if (merge_later(&a, &ab) || merge_later(&b, &ab))
		abort();
	abc = merge_grants(&ab, &a);
	if (abc.login_ms != ab.login_ms || abc.until_ms != ab.until_ms)
		abort();
	return 0;
}
