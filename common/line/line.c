/* line.c - see line.h. No state is kept: a PARTIAL line is looked at again when it has grown, which
 * the small limits of command lines make cheap. */
#include "common/line/line.h"

enum line line_cut(struct str in, size_t max, struct str *line, size_t *used)
{
	size_t i;

	for (i = 0; i < in.n && i < max; i++) {
		if (in.p[i] == '\0' || in.p[i] == '\n')
			return LINE_FORBIDDEN;
		if (in.p[i] != '\r')
			continue;
		if (i + 1 == max)
			return LINE_TOO_LONG;
		if (i + 1 == in.n)
			return LINE_PARTIAL;
		if (in.p[i + 1] != '\n')
			return LINE_FORBIDDEN;
		*line = str_first(in, i);
		*used = i + 2;
		return LINE_WHOLE;
	}
	return i < max ? LINE_PARTIAL : LINE_TOO_LONG;
}

enum line line_cut_lf(struct str in, size_t max, struct str *line, size_t *used)
{
	size_t i;

	for (i = 0; i < in.n && i < max; i++) {
		bool crlf = in.p[i] == '\r' && i + 1 < in.n && in.p[i + 1] == '\n';

		if (in.p[i] == '\0' || (in.p[i] == '\r' && i + 1 < in.n && !crlf))
			return LINE_FORBIDDEN;
		if (in.p[i] != '\n' && !crlf)
			continue;
		if (crlf && i + 1 == max)
			return LINE_TOO_LONG;
		*line = str_first(in, i);
		*used = i + (crlf ? 2 : 1);
		return LINE_WHOLE;
	}
	return i < max ? LINE_PARTIAL : LINE_TOO_LONG;
}

size_t line_skip(struct str in, bool *ended)
{
	size_t at = str_find(in, '\n');

	*ended = at < in.n;
	return *ended ? at + 1 : in.n;
}
