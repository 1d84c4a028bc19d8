/* printable.c - see printable.h. */
#include "ctl/printable.h"

#include <stdio.h>
#include <wchar.h>

#include "common/base/utf8.h"

/* Of a whole character of n octets. */
static unsigned code_of(const char *p, size_t n)
{
	static const unsigned char first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	unsigned code = (unsigned char)p[0] & first[n];

	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)p[i] & 0x3f);
	return code;
}

static bool is_obeyed(unsigned code)
{
	static const struct {
		unsigned first, last;
	} obeyed[] = {
		{ 0x00, 0x1f }, { 0x7f, 0x9f }, { 0x061c, 0x061c }, /* marks of direction */
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, /* line ends, embeddings and overrides */
		{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
		{ 0xe0000, 0xe007f }, /* tags, which nobody sees */
	};

	for (size_t i = 0; i < sizeof(obeyed) / sizeof(obeyed[0]); i++)
		if (code >= obeyed[i].first && code <= obeyed[i].last)
			return true;
	return false;
}

size_t printable(struct str s, bool ascii, char *dst, size_t size)
{
	size_t n = 0;

	while (s.n > 0) {
		size_t length = utf8_length(s);
		bool plain =
			length > 0 && !(ascii && length > 1) && !is_obeyed(code_of(s.p, length));
		size_t take = length > 0 ? length : 1, room = plain ? take : 4 * take;

		if (n + room >= size)
			break;
		if (plain)
			memcpy(dst + n, s.p, take);
		for (size_t i = 0; !plain && i < take; i++)
			snprintf(dst + n + 4 * i, 5, "\\x%02x", (unsigned char)s.p[i]);
		n += room;
		s = str_from(s, take);
	}
	dst[n] = '\0';
	return n;
}

size_t printable_fit(const char *text, size_t *columns)
{
	size_t max = *columns, n = 0;

	for (*columns = 0; text[n] != '\0';) {
		size_t length = utf8_length(str_of(text + n));
		int wide = length > 1 ? wcwidth((wchar_t)code_of(text + n, length)) : 1;

		if (wide < 0)
			wide = 1; /* the locale does not know it, most terminals will */
		if (*columns + (size_t)wide > max)
			break;
		*columns += (size_t)wide;
		n += length > 0 ? length : 1;
	}
	return n;
}

size_t printable_width(const char *text)
{
	size_t columns = SIZE_MAX / 2;

	(void)printable_fit(text, &columns);
	return columns;
}
