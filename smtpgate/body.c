/* body.c - line by line with memchr(): three looks at each octet, all of them wide. */
#include "smtpgate/body.h"

/* Where the first octet stands that must not: a CR or a NUL. n if nowhere. */
static size_t forbidden_in(const char *p, size_t n)
{
	const char *cr = memchr(p, '\r', n);
	size_t end = cr != NULL ? (size_t)(cr - p) : n;
	const char *nul = memchr(p, '\0', end);

	return nul != NULL ? (size_t)(nul - p) : end;
}

/* ".\r\n", or as much of it as there is. */
static bool may_be_end(struct str s)
{
	return s.n > 0 && memcmp(s.p, ".\r\n", s.n < 3 ? s.n : 3) == 0;
}

/* One line, or what there is of it. Returns how many octets may go on; *bad if one that must not follows. */
static size_t take_line(struct body *b, struct str s, bool *bad)
{
	size_t lf = str_find(s, '\n');
	size_t text = lf; /* without the line's end */
	size_t at;

	if (lf == s.n && s.n > 0 && s.p[s.n - 1] == '\r')
		text = s.n - 1; /* its LF may be on its way */
	if (lf < s.n && lf > 0 && s.p[lf - 1] == '\r')
		text = lf - 1;
	at = text > 0 ? forbidden_in(s.p, text) : 0;
	*bad = at < text || (lf < s.n && text == lf);
	if (*bad) {
		b->mid_line = b->mid_line || at > 0;
		return at;
	}
	if (lf < s.n) {
		b->mid_line = false;
		return lf + 1;
	}
	b->mid_line = b->mid_line || text > 0;
	return text;
}

enum body_scan body_scan(struct body *b, struct str in, struct str *pass, size_t *used)
{
	size_t done = 0;
	bool bad = false;

	while (done < in.n && !bad) {
		struct str rest = str_from(in, done);
		size_t n;

		if (!b->mid_line && may_be_end(rest)) {
			*pass = str_first(in, done);
			*used = rest.n < 3 ? done : done + 3;
			return rest.n < 3 ? BODY_MORE : BODY_END;
		}
		n = take_line(b, rest, &bad);
		done += n;
		if (n == 0)
			break;
	}
	*pass = str_first(in, done);
	*used = done;
	return bad ? BODY_FORBIDDEN : BODY_MORE;
}

/* Matches CRLF.CRLF octet by octet; the start of a message and of a line stand behind a CRLF. */
bool body_eat(struct body *b, struct str in, size_t *used)
{
	static const char end[] = "\r\n.\r\n";

	if (!b->mid_line && b->matched == 0)
		b->matched = 2;
	b->mid_line = true;
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == end[b->matched])
			b->matched++;
		else
			b->matched = in.p[i] == '\r' ? 1 : 0;
		if (b->matched == sizeof(end) - 1) {
			*used = i + 1;
			return true;
		}
	}
	*used = in.n;
	return false;
}
