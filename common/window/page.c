/* page.c - see page.h. A page begins with its header; then come the places of its rows, two octets each, up to
 * "lower"; the rows themselves fill it from "upper" to its end, in any order and without gaps. A row is two
 * octets each of the low and the high half of its data's size, of flags, and of its key's size; key; data. */
#include "common/window/page.h"

#include <stdint.h>
#include <string.h>

#define FLAGS_AT 10
#define LOWER_AT 12
#define UPPER_AT 14
#define HEADER 16
#define LEAF 0x02
#define ROW_HEADER 8

static size_t number(const uint8_t *p)
{
	uint16_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

static size_t row_size(const uint8_t *row)
{
	size_t n = ROW_HEADER + number(row + 6) + number(row) + (number(row + 2) << 16);

	return n + n % 2;
}

bool page_is_whole(const void *row, size_t page_size)
{
	const uint8_t *page = (const uint8_t *)row - (uintptr_t)row % page_size;
	size_t lower = number(page + LOWER_AT), upper = number(page + UPPER_AT);
	size_t left = page_size - upper;

	if (number(page + FLAGS_AT) != LEAF || lower < HEADER || lower % 2 != 0 || lower > upper ||
		upper > page_size)
		return false;
	for (size_t at = HEADER; at < lower; at += 2) {
		size_t place = number(page + at), n;

		if (place < upper || place > page_size - ROW_HEADER)
			return false;
		n = row_size(page + place);
		if (n > left)
			return false;
		left -= n;
	}
	return left == 0;
}
