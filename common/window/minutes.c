/* minutes.c - see minutes.h. */
#include "common/window/minutes.h"

#include "common/base/bytes.h"
#include "common/base/crc32c.h"

#define VERSION 1
#define MINUTE_MS 60000

static bool is_kept(const struct minutes *m, int64_t minute)
{
	return minute <= m->last && minute > m->last - MINUTES && minute >= 0;
}

void minutes_add(struct minutes *m, int64_t now_ms, uint32_t n)
{
	int64_t minute = now_ms / MINUTE_MS;
	uint32_t *at = &m->n[(minute % MINUTES + MINUTES) % MINUTES];

	if (minute > m->last + MINUTES || minute < m->last - MINUTES) {
		*m = (struct minutes){ .last = minute };
	} else {
		for (; m->last < minute; m->last++)
			m->n[(m->last + 1) % MINUTES] = 0;
	}
	if (is_kept(m, minute))
		*at = *at > UINT32_MAX - n ? UINT32_MAX : *at + n;
}

uint32_t minutes_at(const struct minutes *m, int64_t now_ms, unsigned ago)
{
	int64_t minute = now_ms / MINUTE_MS - ago;

	return is_kept(m, minute) ? m->n[minute % MINUTES] : 0;
}

size_t minutes_encode(const struct minutes *m, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = MINUTES_MAX };

	put_number(&w, VERSION, 1);
	put_number(&w, (uint64_t)m->last, 8);
	for (size_t i = 0; i < MINUTES; i++)
		put_number(&w, m->n[i], 4);
	put_number(&w, crc32c(dst, w.n), 4);
	return w.n;
}

bool minutes_decode(struct str bytes, struct minutes *out)
{
	struct reader r = { (const uint8_t *)bytes.p, bytes.n, false };
	struct minutes m = { 0 };

	if (get_number(&r, 1) != VERSION)
		return false;
	m.last = (int64_t)get_number(&r, 8);
	for (size_t i = 0; i < MINUTES; i++)
		m.n[i] = (uint32_t)get_number(&r, 4);
	if (r.bad || r.n != 4 || get_number(&r, 4) != crc32c(bytes.p, bytes.n - 4) || m.last < 0 ||
		m.last > INT64_MAX / MINUTE_MS)
		return false;
	*out = m;
	return true;
}
