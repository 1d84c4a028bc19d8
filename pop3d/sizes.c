/* sizes.c - see sizes.h. */
#include "pop3d/sizes.h"

#include "common/base/bytes.h"
#include "common/base/crc32c.h"

#define MAGIC "PGSIZES\001"
#define MAGIC_N (sizeof(MAGIC) - 1)
#define TRAILER_N 8

uint32_t sizes_stamp(uint64_t size, int64_t mtime_s, int64_t mtime_ns)
{
	uint8_t b[24];
	struct writer w = { .p = b, .max = sizeof(b) };

	put_number(&w, size, 8);
	put_number(&w, (uint64_t)mtime_s, 8);
	put_number(&w, (uint64_t)mtime_ns, 8);
	return crc32c(b, sizeof(b));
}

static void put(struct buf *out, uint64_t value, size_t octets)
{
	char b[8];

	for (size_t i = 0; i < octets; i++)
		b[i] = (char)(uint8_t)(value >> (8 * i));
	buf_add(out, (struct str){ b, octets });
}

/* Seven bits an octet, the least first; the eighth says that more follow. */
static void put_varied(struct buf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		put(out, (value & 0x7f) | 0x80, 1);
	put(out, value, 1);
}

void sizes_begin(struct sizes_out *s, struct buf *out)
{
	*s = (struct sizes_out){ .out = out };
	buf_add(out, STR(MAGIC));
}

void sizes_add(struct sizes_out *s, struct size_entry e)
{
	size_t shared = 0;

	while (shared < s->last_n && shared < e.unique.n && s->last[shared] == e.unique.p[shared])
		shared++;
	put(s->out, shared, 1);
	put(s->out, e.unique.n - shared, 1);
	buf_add(s->out, str_from(e.unique, shared));
	put_varied(s->out, e.octets);
	put(s->out, e.stamp, 4);
	memcpy(s->last, e.unique.p, e.unique.n);
	s->last_n = e.unique.n;
	s->count++;
}

void sizes_end(struct sizes_out *s)
{
	struct str all;

	put(s->out, s->count, 4);
	all = buf_str(s->out);
	put(s->out, crc32c(all.p, all.n), 4);
}

static uint64_t number_at(const char *p, size_t octets)
{
	struct reader r = { (const uint8_t *)p, octets, false };

	return get_number(&r, octets);
}

bool sizes_open(struct sizes_in *s, struct str bytes)
{
	const char *end = bytes.p + bytes.n;

	*s = (struct sizes_in){ 0 };
	if (bytes.n < MAGIC_N + TRAILER_N || memcmp(bytes.p, MAGIC, MAGIC_N) != 0)
		return false;
	if (number_at(end - 4, 4) != crc32c(bytes.p, bytes.n - 4))
		return false;
	s->left = (uint32_t)number_at(end - TRAILER_N, 4);
	s->rest = (struct str){ bytes.p + MAGIC_N, bytes.n - MAGIC_N - TRAILER_N };
	return true;
}

static uint64_t get_varied(struct reader *r)
{
	uint64_t value = 0, octet;
	unsigned shift = 0;

	do {
		octet = get_number(r, 1);
		r->bad = r->bad || shift > 63;
		value |= (octet & 0x7f) << (shift & 63);
		shift += 7;
	} while (!r->bad && (octet & 0x80) != 0);
	return value;
}

bool sizes_next(struct sizes_in *s, struct size_entry *e)
{
	struct reader r = { (const uint8_t *)s->rest.p, s->rest.n, false };
	size_t shared, n;

	if (s->bad || s->left == 0) {
		s->bad = s->bad || s->rest.n > 0;
		return false;
	}
	shared = get_number(&r, 1);
	n = get_number(&r, 1);
	r.bad = r.bad || shared > s->name_n || shared + n > MAILNAME_MAX || shared + n == 0;
	if (!r.bad)
		get_octets(&r, s->name + shared, n);
	e->octets = get_varied(&r);
	e->stamp = (uint32_t)get_number(&r, 4);
	s->bad = r.bad;
	if (r.bad)
		return false;
	s->name_n = shared + n;
	e->unique = (struct str){ s->name, s->name_n };
	s->rest = (struct str){ (const char *)r.p, r.n };
	s->left--;
	return true;
}
