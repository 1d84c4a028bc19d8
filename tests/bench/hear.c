#include "tests/bench/hear.h"

/* How far a body's end has come: CR LF . CR LF. A dot at the start of a line and not alone is
 * stuffing, RFC 1939 3, and no octet of the message. */
enum {
	DOT_NONE,
	DOT_CR,
	DOT_LF, /* a line begins */
	DOT_DOT,
	DOT_DOT_CR,
	DOT_END,
};

static void body_octet(struct listener *l, char c)
{
	switch (l->dot) {
	case DOT_LF:
		l->dot = c == '.' ? DOT_DOT : c == '\r' ? DOT_CR : DOT_NONE;
		l->octets += c != '.';
		break;
	case DOT_DOT:
		l->dot = c == '\r' ? DOT_DOT_CR : DOT_NONE;
		l->octets += c != '\r';
		break;
	case DOT_DOT_CR:
		l->dot = c == '\n' ? DOT_END : c == '\r' ? DOT_CR : DOT_NONE;
		l->octets += c == '\n' ? 0 : 2; /* that CR was one of the message, too */
		break;
	case DOT_CR:
		l->dot = c == '\n' ? DOT_LF : c == '\r' ? DOT_CR : DOT_NONE;
		l->octets++;
		break;
	default: l->dot = c == '\r' ? DOT_CR : DOT_NONE; l->octets++;
	}
}

/* Most octets of a body are within a line: those are passed over at once. */
static size_t body_feed(struct listener *l, struct str in)
{
	size_t i = 0;

	while (i < in.n && l->dot != DOT_END) {
		const char *cr = l->dot == DOT_NONE ? memchr(in.p + i, '\r', in.n - i) : NULL;
		size_t plain = l->dot != DOT_NONE ? 0
			: cr != NULL              ? (size_t)(cr - in.p) - i
						  : in.n - i;

		l->octets += plain;
		i += plain;
		if (i < in.n)
			body_octet(l, in.p[i++]);
	}
	return i;
}

/* RFC 1939 5: "+OK", how many, their octets, each behind one blank; what a server adds stands behind another. */
static enum heard stat_line(struct listener *l, struct str line)
{
	struct str word, rest;
	uint64_t messages, octets;

	str_split(line, ' ', &word, &rest);
	if (!str_split(rest, ' ', &word, &rest) || !str_to_u64(word, UINT64_MAX, &messages))
		return HEARD_WRONG;
	str_split(rest, ' ', &word, &rest);
	if (!str_to_u64(word, UINT64_MAX, &octets))
		return HEARD_WRONG;
	l->messages = messages;
	l->expected = octets;
	return HEARD_RIGHT;
}

/* In both protocols a line ends in CRLF. */
static enum heard whole_line(struct listener *l, const struct step *step)
{
	struct str line = { l->line, l->n }, want = str_of(step->want);
	bool whole = l->n < sizeof(l->line) - 1;

	l->line[l->n] = '\0';
	l->n = 0;
	if (!l->cr || line.n < want.n || memcmp(line.p, want.p, want.n) != 0)
		return HEARD_WRONG;
	if (line.p[line.n - 1] == '\r')
		line.n--;
	if (step->hear == HEAR_STAT)
		return whole ? stat_line(l, line) : HEARD_WRONG;
	if (step->hear == HEAR_SMTP)
		return line.n > 3 && line.p[3] == '-' ? HEARD_MORE : HEARD_RIGHT;
	if (step->hear != HEAR_BODY)
		return HEARD_RIGHT;
	l->in_body = true;
	l->dot = DOT_LF;
	return HEARD_MORE;
}

static size_t line_feed(struct listener *l, struct str in)
{
	size_t n = str_find(in, '\n'), keep = n;

	if (n > 0)
		l->cr = in.p[n - 1] == '\r';
	if (keep > sizeof(l->line) - 1 - l->n)
		keep = sizeof(l->line) - 1 - l->n;
	memcpy(l->line + l->n, in.p, keep);
	l->n += keep;
	return n < in.n ? n + 1 : n;
}

enum heard hear_feed(struct listener *l, const struct step *step, struct str in)
{
	enum heard heard = HEARD_MORE;
	size_t used;

	while (in.n > 0 && heard == HEARD_MORE) {
		if (l->in_body) {
			used = body_feed(l, in);
			l->in_body = l->dot != DOT_END;
			l->bodies += !l->in_body;
			heard = l->in_body ? HEARD_MORE : HEARD_RIGHT;
		} else {
			used = line_feed(l, in);
			if (in.p[used - 1] == '\n')
				heard = whole_line(l, step);
		}
		in = str_from(in, used);
	}
	return in.n > 0 ? HEARD_WRONG : heard;
}
