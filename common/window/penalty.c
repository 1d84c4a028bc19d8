/* penalty.c - see penalty.h. */
#include "common/window/penalty.h"

#include "common/base/bytes.h"
#include "common/base/crc32c.h"

#define VERSION 1
#define FAILURES_MAX 1000 /* enough for any delay; more would only take longer to be forgotten */
#define FIRST_DELAY_MS INT64_C(1000)

uint32_t penalty_level(const struct penalty *p, const struct penalty_rules *rules, int64_t now_ms)
{
	int64_t gone = now_ms > p->last_ms && rules->decay_ms > 0
		? (now_ms - p->last_ms) / rules->decay_ms
		: 0;

	return gone >= p->failures ? 0 : p->failures - (uint32_t)gone;
}

/* To the front; true if it was there. */
static bool remember(struct penalty *p, uint64_t secret)
{
	size_t i = 0;
	bool known;

	if (secret == 0)
		return false;
	while (i < PENALTY_SECRETS - 1 && p->secrets[i] != secret)
		i++;
	known = p->secrets[i] == secret;
	memmove(&p->secrets[1], &p->secrets[0], i * sizeof(p->secrets[0]));
	p->secrets[0] = secret;
	return known;
}

bool penalty_add(
	struct penalty *p, const struct penalty_rules *rules, uint64_t secret, int64_t now_ms)
{
	uint32_t level = penalty_level(p, rules, now_ms);

	if (remember(p, secret))
		return false;
	p->failures = level < FAILURES_MAX ? level + 1 : FAILURES_MAX;
	p->last_ms = now_ms;
	return true;
}

int64_t penalty_delay(const struct penalty_rules *rules, uint32_t level, unsigned weight)
{
	uint64_t free = (uint64_t)rules->free * weight;
	uint64_t doublings;

	if (level <= free || rules->max_ms <= 0)
		return 0;
	doublings = level - free - 1;
	if (doublings > 20 || (FIRST_DELAY_MS << doublings) > rules->max_ms)
		return rules->max_ms;
	return FIRST_DELAY_MS << doublings;
}

static void put_network(struct penalty_key *k, struct addr a, unsigned prefix, unsigned weight)
{
	struct addr masked = addr_mask(a, prefix);

	k->bytes[0] = (uint8_t)prefix;
	memcpy(k->bytes + 1, masked.b, sizeof(masked.b));
	k->n = 1 + sizeof(masked.b);
	k->weight = weight;
}

size_t penalty_keys(struct addr a, const struct subscriber *who, struct penalty_key *keys)
{
	size_t n = 0;

	if (addr_is_v4(a)) {
		put_network(&keys[n++], a, 128, 1);
	} else {
		put_network(&keys[n++], a, 64, 1);
		put_network(&keys[n++], a, 56, 4);
		put_network(&keys[n++], a, 48, 16);
	}
	if (who->n > 0) {
		keys[n].bytes[0] = 0;
		memcpy(keys[n].bytes + 1, who->name, who->n);
		keys[n].n = 1 + (size_t)who->n;
		keys[n++].weight = 1;
	}
	return n;
}

size_t penalty_encode(const struct penalty *p, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = PENALTY_MAX };

	put_number(&w, VERSION, 1);
	put_number(&w, p->failures, 4);
	put_number(&w, (uint64_t)p->last_ms, 8);
	for (size_t i = 0; i < PENALTY_SECRETS; i++)
		put_number(&w, p->secrets[i], 8);
	put_number(&w, crc32c(dst, w.n), 4);
	return w.n;
}

bool penalty_decode(struct str bytes, struct penalty *out)
{
	struct reader r = { (const uint8_t *)bytes.p, bytes.n, false };
	struct penalty p = { 0 };

	if (get_number(&r, 1) != VERSION)
		return false;
	p.failures = (uint32_t)get_number(&r, 4);
	p.last_ms = (int64_t)get_number(&r, 8);
	for (size_t i = 0; i < PENALTY_SECRETS; i++)
		p.secrets[i] = get_number(&r, 8);
	if (r.bad || r.n != 4 || get_number(&r, 4) != crc32c(bytes.p, bytes.n - 4) ||
		p.failures > FAILURES_MAX || p.last_ms < 0)
		return false;
	*out = p;
	return true;
}
