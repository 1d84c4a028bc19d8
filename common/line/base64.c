/* base64.c - see base64.h. */
#include "common/line/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_add(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i += 3) {
		size_t n = s.n - i < 3 ? s.n - i : 3;
		uint32_t group = 0;
		char quad[4] = "====";

		for (size_t j = 0; j < 3; j++)
			group = group << 8 | (j < n ? (unsigned char)s.p[i + j] : 0);
		for (size_t j = 0; j <= n; j++)
			quad[j] = digits[group >> (18 - 6 * j) & 63];
		buf_add(out, (struct str){ quad, sizeof(quad) });
	}
}

/* -1 for an octet that is no digit. */
static int value_of(char c)
{
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

bool base64_read(struct str s, char *dst, size_t size, size_t *n)
{
	size_t padding = str_ends(s, STR("==")) ? 2 : str_ends(s, STR("=")) ? 1 : 0;
	size_t whole = s.n / 4 * 3 - padding, done = 0;
	uint32_t group = 0;

	if (s.n % 4 != 0 || (s.n > 0 && whole > size))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool pad = i >= s.n - padding;
		int v = pad ? 0 : value_of(s.p[i]);

		if (v < 0)
			return false;
		group = group << 6 | (uint32_t)v;
		if (i % 4 != 3)
			continue;
		for (size_t j = 0; j < 3; j++, group <<= 8) {
			char octet = (char)(group >> 16 & 0xff);

			if (done < whole)
				dst[done++] = octet;
			else if (octet != 0)
				return false;
		}
		group = 0;
	}
	*n = done;
	return true;
}
