/* bytes.h - little-endian numbers in and out of octets, for whatever is stored or sent between processes.
 *
 * A reader that runs off the end goes bad and gives zeros; ask once, at the end. */
#ifndef POPGATE_BYTES_H
#define POPGATE_BYTES_H

#include <endian.h>

#include "common/base/str.h"

struct writer {
	uint8_t *p;
	size_t n, max;
	bool bad;
};
struct reader {
	const uint8_t *p;
	size_t n;
	bool bad;
};

static inline void put_octets(struct writer *w, const void *p, size_t n)
{
	w->bad = w->bad || n > w->max - w->n;
	if (w->bad)
		return;
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static inline void put_number(struct writer *w, uint64_t value, size_t octets)
{
	value = htole64(value);
	put_octets(w, &value, octets);
}

/* A length octet and that many octets. */
static inline void put_short(struct writer *w, struct str s)
{
	put_number(w, s.n, 1);
	put_octets(w, s.p, s.n);
}

static inline void get_octets(struct reader *r, void *p, size_t n)
{
	r->bad = r->bad || n > r->n;
	if (r->bad) {
		memset(p, 0, n);
		return;
	}
	memcpy(p, r->p, n);
	r->p += n;
	r->n -= n;
}

/* One load where octets is a constant, not a shift for each: an eighth of what a record takes to be read. */
static inline uint64_t get_number(struct reader *r, size_t octets)
{
	uint64_t value = 0;

	get_octets(r, &value, octets);
	return le64toh(value);
}

/* Into a text of size octets with its NUL; printable ASCII only. */
static inline void get_short(struct reader *r, char *dst, size_t size)
{
	size_t n = get_number(r, 1);
	bool odd = false; /* not r->bad: many at once are looked at so, a sixth of a record */

	r->bad = r->bad || n >= size;
	if (r->bad)
		n = 0;
	get_octets(r, dst, n);
	dst[n] = '\0';
	for (size_t i = 0; i < n; i++)
		odd |= dst[i] <= ' ' || dst[i] > '~';
	r->bad |= odd;
}

#endif
