/* wire_fuzz.c - law: a packet that is taken is written back as it was, and is never both kinds; a failure and
 * a use to the octet. */
#include <stdlib.h>

#include "common/window/wire.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str packet = { (const char *)data, size };
	uint8_t again[WIRE_MAX];
	struct request r;
	struct answer a;
	bool is_request = wire_get_request(packet, &r), is_answer = wire_get_answer(packet, &a);

	if (is_request && (is_answer || wire_put_request(&r, again) != size))
		abort();
	if (is_request && r.kind >= WIRE_FAILURE && memcmp(again, data, size) != 0)
		abort();
	if (is_answer && (wire_put_answer(&a, again) != size || memcmp(again, data, size) != 0))
		abort();
	return 0;
}
