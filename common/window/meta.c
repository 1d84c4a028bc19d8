/* meta.c - see meta.h. */
#include "common/window/meta.h"

#include "common/base/bytes.h"
#include "common/base/crc32c.h"

size_t meta_encode(const struct view_meta *m, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = META_MAX };
	const uint64_t numbers[] = { (uint64_t)m->lifetime_ms, (uint64_t)m->slack_ms, m->origin,
		m->applied, (uint64_t)m->stamp_ms, (uint64_t)m->heartbeat_ms, (uint64_t)m->lost_ms,
		m->grants, m->coalesced, m->revocations, m->lost };

	put_number(&w, META_SCHEMA, 1);
	put_octets(&w, m->boot_id, sizeof(m->boot_id));
	put_number(&w, m->clean, 1);
	put_number(&w, m->ipv4_prefix, 1);
	put_number(&w, m->ipv6_prefix, 1);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		put_number(&w, numbers[i], 8);
	put_number(&w, crc32c(dst, w.n), 4);
	return w.n;
}

bool meta_decode(struct str bytes, struct view_meta *out)
{
	struct reader r = { (const uint8_t *)bytes.p, bytes.n, false };
	struct view_meta m = { 0 };

	if (get_number(&r, 1) != META_SCHEMA)
		return false;
	get_octets(&r, m.boot_id, sizeof(m.boot_id));
	m.clean = get_number(&r, 1) != 0;
	m.ipv4_prefix = (uint8_t)get_number(&r, 1);
	m.ipv6_prefix = (uint8_t)get_number(&r, 1);
	m.lifetime_ms = (int64_t)get_number(&r, 8);
	m.slack_ms = (int64_t)get_number(&r, 8);
	m.origin = get_number(&r, 8);
	m.applied = get_number(&r, 8);
	m.stamp_ms = (int64_t)get_number(&r, 8);
	m.heartbeat_ms = (int64_t)get_number(&r, 8);
	m.lost_ms = (int64_t)get_number(&r, 8);
	m.grants = get_number(&r, 8);
	m.coalesced = get_number(&r, 8);
	m.revocations = get_number(&r, 8);
	m.lost = get_number(&r, 8);
	if (r.bad || r.n != 4 || get_number(&r, 4) != crc32c(bytes.p, bytes.n - 4) ||
		m.ipv4_prefix > 32 || m.ipv6_prefix > 128)
		return false;
	*out = m;
	return true;
}
