/* notes_fuzz.c - laws: rows of penalties and rates that decode encode to the same octets; a failure that
 * counts never shortens a delay, and time never lengthens one. The CRC is put right first. */
#include <stdlib.h>

#include "common/base/crc32c.h"
#include "common/window/penalty.h"
#include "common/window/rate.h"
#include "tests/fuzz/fuzz.h"

static const struct penalty_rules rules = { .free = 3, .max_ms = 30000, .decay_ms = 60000 };

static void check_penalty(struct str bytes)
{
	uint8_t again[PENALTY_MAX];
	struct penalty p;
	int64_t now, before, later;

	if (!penalty_decode(bytes, &p))
		return;
	if (penalty_encode(&p, again) != bytes.n || memcmp(again, bytes.p, bytes.n) != 0)
		abort();
	now = p.last_ms;
	before = penalty_delay(&rules, penalty_level(&p, &rules, now), 1);
	later = now < INT64_MAX - 100000
		? penalty_delay(&rules, penalty_level(&p, &rules, now + 100000), 1)
		: before;
	(void)penalty_add(&p, &rules, 0, now);
	if (later > before || penalty_delay(&rules, penalty_level(&p, &rules, now), 1) < before)
		abort();
}

static void check_rate(struct str bytes)
{
	const struct use one = { .messages = 1, .recipients = 2 };
	uint8_t again[RATE_MAX];
	struct rate r;
	int64_t now;

	if (!rate_decode(bytes, &r))
		return;
	if (rate_encode(&r, again) != bytes.n || memcmp(again, bytes.p, bytes.n) != 0)
		abort();
	now = r.hour * 3600000;
	uint32_t before = rate_at(&r, now).messages;

	rate_add(&r, &one, now);
	if (rate_at(&r, now).messages < before || rate_at(&r, now).messages == 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[PENALTY_MAX];
	uint32_t crc;

	if (size < 5 || size > sizeof(bytes))
		return 0;
	memcpy(bytes, data, size);
	crc = crc32c(bytes, size - 4);
	for (size_t i = 0; i < 4; i++)
		bytes[size - 4 + i] = (uint8_t)(crc >> (8 * i));
	check_penalty((struct str){ (char *)bytes, size });
	check_rate((struct str){ (char *)bytes, size });
	return 0;
}
