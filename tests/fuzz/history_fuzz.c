/* history_fuzz.c - laws: an answer that is taken is written back to the octet; a row likewise; and an interval
 * that takes another in reaches from the beginning of the one to the end of the later. */
#include <stdlib.h>

#include "common/window/history_wire.h"
#include "tests/fuzz/fuzz.h"

static void check_interval(const struct interval *i)
{
	uint8_t key[INTERVAL_KEY_MAX], value[INTERVAL_VALUE_MAX];
	struct str k = { (char *)key, interval_key(i, key) };
	struct str v = { (char *)value, interval_value(i, value) };
	struct interval back, grown = *i, next = *i;

	if (!interval_read(k, v, &back))
		abort();
	next.from_ms = i->last.ms;
	if (interval_extend(&grown, &next) &&
		(grown.from_ms != i->from_ms || grown.until_ms < i->until_ms ||
			grown.times < i->times))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str packet = { (const char *)data, size };
	uint8_t again[HISTORY_PACKET_MAX];
	struct history_answer a;

	if (!history_get(packet, &a))
		return 0;
	if (history_put(&a, again) != size || memcmp(again, data, size) != 0)
		abort();
	if (a.says == HISTORY_INTERVAL)
		check_interval(&a.interval);
	return 0;
}
