/* dot.c - line by line with memchr(), so that the cost of a long line is that of copying it. */
#include "common/line/dot.h"

#define BLOCK 1024 /* octets of a file that are put at a time */
#define COUNTED 128 /* and that are counted at a time */

/* Up to and with the next LF, or all there is. */
static struct str next_line(struct str s)
{
	size_t at = str_find(s, '\n');

	return str_first(s, at < s.n ? at + 1 : at);
}

static void remember(struct dot_out *d, struct str piece)
{
	d->mid_line = piece.p[piece.n - 1] != '\n';
	d->cr = piece.p[piece.n - 1] == '\r';
}

/* Text is what stands before the LF, or all there is without one. Returns where the next octet goes. */
static char *put_line(struct dot_out *d, struct str text, bool ends, char *to)
{
	bool behind_cr = text.n > 0 ? text.p[text.n - 1] == '\r' : d->cr;

	if (!d->mid_line && text.n > 0 && text.p[0] == '.')
		*to++ = '.';
	memcpy(to, text.p, text.n);
	to += text.n;
	if (ends && !behind_cr)
		*to++ = '\r';
	if (ends)
		*to++ = '\n';
	d->mid_line = d->cr = false;
	return to;
}

/* to has room for twice as much. Returns how much it was. */
static size_t put_block(struct dot_out *d, struct str block, char *to)
{
	const struct str whole = block;
	char *start = to;

	while (block.n > 0) {
		size_t n = str_find(block, '\n');
		bool ends = n < block.n;

		to = put_line(d, str_first(block, n), ends, to);
		block = str_from(block, n + ends);
	}
	remember(d, whole);
	return (size_t)(to - start);
}

/* Room is asked for by the block: for each line, that cost more than the copying. */
void dot_out_add(struct dot_out *d, struct str piece, struct buf *out)
{
	if (piece.n > BLOCK)
		(void)buf_reserve(
			out, piece.n + piece.n / 16 + 2 * BLOCK); /* so that it grows once */
	while (piece.n > 0) {
		size_t n = piece.n < BLOCK ? piece.n : BLOCK;
		char *to = buf_reserve(out, 2 * n);

		if (to == NULL) {
			out->broken = true;
			return;
		}
		buf_grew(out, put_block(d, str_first(piece, n), to));
		piece = str_from(piece, n);
	}
}

void dot_out_end(struct dot_out *d, struct buf *out)
{
	buf_add(out, d->mid_line ? STR("\r\n.\r\n") : STR(".\r\n"));
	*d = (struct dot_out){ 0 };
}

/* The LFs that are behind no CR, in the COUNTED octets behind the first. So many at a time, and their number in one
 * octet, so that the compiler makes vectors of it: that takes half the time of looking for each line's end. */
static unsigned bare_behind(const char *first)
{
	uint8_t n = 0;

	for (size_t i = 0; i < COUNTED; i++)
		n = (uint8_t)(n + ((first[i + 1] == '\n') & (first[i] != '\r')));
	return n;
}

uint64_t dot_size_add(struct dot_out *d, struct str piece)
{
	uint64_t size = piece.n;
	size_t at = 1;

	if (piece.n == 0)
		return 0;
	size += piece.p[0] == '\n' && !d->cr;
	for (; at + COUNTED <= piece.n; at += COUNTED)
		size += bare_behind(piece.p + at - 1);
	for (; at < piece.n; at++)
		size += piece.p[at] == '\n' && piece.p[at - 1] != '\r';
	remember(d, piece);
	return size;
}

uint64_t dot_size_end(const struct dot_out *d)
{
	return d->mid_line ? 2 : 0;
}

/* Gives the CR back that was held, unless the LF behind it has come. */
static void settle_cr(struct dot_in *d, struct str rest, struct buf *out)
{
	if (d->cr && rest.p[0] != '\n')
		buf_add(out, STR("\r"));
	d->cr = false;
}

void dot_in_add(struct dot_in *d, struct str piece, struct buf *out)
{
	while (piece.n > 0) {
		struct str line = next_line(piece);
		bool whole = line.p[line.n - 1] == '\n';

		settle_cr(d, piece, out);
		piece = str_from(piece, line.n);
		if (!d->mid_line && line.p[0] == '.')
			line = str_from(line, 1);
		d->mid_line = !whole;
		if (whole && line.n > 1 && line.p[line.n - 2] == '\r') {
			buf_add(out, str_first(line, line.n - 2));
			buf_add(out, STR("\n"));
		} else if (!whole && line.n > 0 && line.p[line.n - 1] == '\r') {
			buf_add(out, str_first(line, line.n - 1));
			d->cr = true;
		} else {
			buf_add(out, line);
		}
	}
}
