/* dot.c - line by line with memchr(), so that the cost of a long line is that of copying it. */
#include "common/line/dot.h"

/* Up to and with the next LF, or all there is. */
static struct str next_line(struct str s)
{
	size_t at = str_find(s, '\n');

	return str_first(s, at < s.n ? at + 1 : at);
}

/* Cuts the LF off line and says how it has to be written: as it is behind a CR, else as CRLF. */
static struct str line_end(const struct dot_out *d, struct str *line)
{
	bool behind_cr;

	if (line->p[line->n - 1] != '\n')
		return STR("");
	line->n--;
	behind_cr = line->n > 0 ? line->p[line->n - 1] == '\r' : d->cr;
	return behind_cr ? STR("\n") : STR("\r\n");
}

static void remember(struct dot_out *d, struct str line, struct str end)
{
	d->mid_line = end.n == 0;
	d->cr = end.n == 0 && line.p[line.n - 1] == '\r';
}

void dot_out_add(struct dot_out *d, struct str piece, struct buf *out)
{
	while (piece.n > 0) {
		struct str line = next_line(piece), end;

		piece = str_from(piece, line.n);
		if (!d->mid_line && line.p[0] == '.')
			buf_add(out, STR("."));
		end = line_end(d, &line);
		buf_add(out, line);
		buf_add(out, end);
		remember(d, line, end);
	}
}

void dot_out_end(struct dot_out *d, struct buf *out)
{
	buf_add(out, d->mid_line ? STR("\r\n.\r\n") : STR(".\r\n"));
	*d = (struct dot_out){ 0 };
}

uint64_t dot_size_add(struct dot_out *d, struct str piece)
{
	uint64_t size = 0;

	while (piece.n > 0) {
		struct str line = next_line(piece), end;

		piece = str_from(piece, line.n);
		end = line_end(d, &line);
		size += line.n + end.n;
		remember(d, line, end);
	}
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
