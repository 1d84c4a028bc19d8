/* utf8.c - the table of RFC 3629 section 4, row by row. */
#include "common/base/utf8.h"

static const struct {
	uint8_t first_lo, first_hi; /* the first octet */
	uint8_t second_lo, second_hi; /* the second; all others are 80 to BF */
	uint8_t length;
} rows[] = {
	{ 0x00, 0x7f, 0x00, 0x00, 1 },
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static bool between(char c, uint8_t lo, uint8_t hi)
{
	return (uint8_t)c >= lo && (uint8_t)c <= hi;
}

size_t utf8_length(struct str s)
{
	for (size_t r = 0; s.n > 0 && r < sizeof(rows) / sizeof(rows[0]); r++) {
		size_t n = rows[r].length;

		if (!between(s.p[0], rows[r].first_lo, rows[r].first_hi))
			continue;
		if (s.n < n || (n > 1 && !between(s.p[1], rows[r].second_lo, rows[r].second_hi)))
			return 0;
		for (size_t i = 2; i < n; i++)
			if (!between(s.p[i], 0x80, 0xbf))
				return 0;
		return n;
	}
	return 0;
}

bool utf8_valid(struct str s)
{
	while (s.n > 0) {
		size_t n = utf8_length(s);

		if (n == 0)
			return false;
		s = str_from(s, n);
	}
	return true;
}
