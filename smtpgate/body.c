/* body.c - most of a message is lines that nothing has to be done to: they are told by the block, 16 octets and more at
 * a time; the blocks that are left are taken line by line with memchr(). */
#include "smtpgate/body.h"

#define BLOCK 4096 /* octets that one odd line makes slow */

/* Does an octet with its next one make it a line that has to be looked at: a NUL, a CR or LF alone, a dot that
 * begins a line? */
static bool is_odd(char c, char next)
{
	return c == '\0' || (c == '\r') != (next == '\n') || (c == '\n' && next == '.');
}

/* The same of 16 octets at once, in words that gcc and clang make into what the processor has: a quarter faster than
 * what they make of a loop. Not all zero: one of them is odd. */
typedef unsigned char octets __attribute__((vector_size(16)));

static octets are_odd(const char *p)
{
	octets c, next;

	memcpy(&c, p, sizeof(c));
	memcpy(&next, p + 1, sizeof(next));
	return (octets)((c == 0) | ((c == '\r') ^ (next == '\n')) | ((c == '\n') & (next == '.')));
}

/* Of a block, each octet but the last, which has no next one yet. */
static bool is_plain(struct str s)
{
	octets odd = { 0 };
	uint64_t halves[2];
	size_t i = 0;

	for (; i + sizeof(octets) < s.n; i += sizeof(octets))
		odd |= are_odd(s.p + i);
	for (; i + 1 < s.n; i++)
		if (is_odd(s.p[i], s.p[i + 1]))
			return false;
	memcpy(halves, &odd, sizeof(halves));
	return (halves[0] | halves[1]) == 0;
}

/* The end of the message, where it is in sight, is not part of it. */
static struct str block_of(struct str s)
{
	if (s.n > BLOCK)
		s.n = BLOCK;
	if (str_ends(s, STR("\r\n.\r\n")))
		s.n -= 3;
	return s;
}

/* How many octets may go on because a block, or what there is of one, is plain; 0: it is not. Line by line 100 kB
 * took a third of what the whole message costs now. */
static size_t take_block(struct body *b, struct str s)
{
	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--; /* its LF may be on its way */
	if (s.n == 0 || s.p[0] == '\n' || (!b->mid_line && s.p[0] == '.') || s.p[s.n - 1] == '\0' ||
		s.p[s.n - 1] == '\r' || !is_plain(s))
		return 0;
	b->mid_line = s.p[s.n - 1] != '\n';
	return s.n;
}

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
	size_t done = 0, slow = 0; /* up to where it goes line by line */
	bool bad = false, first;

	while (done < in.n && !bad) {
		struct str rest = str_from(in, done);
		size_t n;

		if (done >= slow) {
			slow = done + block_of(rest).n;
			done += take_block(b, block_of(rest));
			if (done == slow)
				continue;
			rest = str_from(in, done);
		}
		if (!b->mid_line && may_be_end(rest)) {
			*pass = str_first(in, done);
			*used = rest.n < 3 ? done : done + 3;
			return rest.n < 3 ? BODY_MORE : BODY_END;
		}
		first = !b->mid_line;
		n = take_line(b, rest, &bad);
		if (first && n > 0 && rest.p[0] == '.')
			b->dots++;
		done += n;
		if (n == 0)
			break;
	}
	*pass = str_first(in, done);
	*used = done;
	return bad ? BODY_FORBIDDEN : BODY_MORE;
}

/* --- rewriting --- */

/* A line of one dot that is not the end: to the next hop it must not be one either. */
static void end_line(struct body *b, bool bare, struct buf *out)
{
	if (b->dot)
		buf_add(out, STR(".."));
	buf_add(out, STR("\r\n"));
	b->dot = b->mid_line = false;
	b->bare = bare;
}

static void take_octet(struct body *b, char c, struct buf *out)
{
	if (!b->mid_line && !b->dot && c == '.') {
		b->dot = true;
		return;
	}
	if (b->dot) {
		buf_add(out, STR("."));
		b->dots++;
	}
	buf_add(out, (struct str){ &c, 1 });
	b->dot = false;
	b->mid_line = true;
}

enum body_scan body_rewrite(struct body *b, struct str in, struct buf *out, size_t *used)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		bool was_cr = b->cr;

		*used = i + (c == '\0' ? 0 : 1);
		b->cr = c == '\r';
		if (was_cr && c == '\n' && b->dot && !b->bare)
			return BODY_END;
		if (was_cr || c == '\n')
			end_line(b, !was_cr || c != '\n', out);
		if (c == '\0')
			return BODY_FORBIDDEN;
		if (c != '\r' && c != '\n')
			take_octet(b, c, out);
	}
	*used = in.n;
	return BODY_MORE;
}

/* --- chunks --- */

/* The LF of a CR that the last piece ended in. */
static bool take_lf(struct body *b, struct str *in, struct buf *out)
{
	if (in->p[0] != '\n')
		return false;
	buf_add(out, STR("\r\n"));
	*in = str_from(*in, 1);
	b->cr = b->mid_line = false;
	return true;
}

bool body_chunk(struct body *b, struct str in, struct buf *out)
{
	bool bad = false, first;
	size_t n;

	while (in.n > 0 && !bad) {
		if (b->cr) {
			if (!take_lf(b, &in, out))
				return false;
			continue;
		}
		first = !b->mid_line;
		n = take_line(b, in, &bad);
		if (first && n > 0 && in.p[0] == '.') {
			buf_add(out, STR("."));
			b->dots++;
		}
		buf_add(out, str_first(in, n));
		in = str_from(in, n);
		b->cr = n == 0 && !bad; /* then nothing but a CR is left */
		if (b->cr)
			in = str_from(in, 1);
	}
	return !bad;
}

bool body_chunk_end(struct body *b, struct buf *out)
{
	if (b->cr)
		return false;
	if (b->mid_line)
		buf_add(out, STR("\r\n"));
	b->mid_line = false;
	return true;
}

/* --- eating --- */

/* How much of CRLF.CRLF the last octets that were used are. */
static unsigned matched_before(const struct body *b)
{
	bool line = !b->mid_line && !b->bare;

	if (b->cr)
		return b->dot && !b->bare ? 4 : 1;
	if (b->dot)
		return b->bare ? 0 : 3;
	return line ? 2 : 0;
}

/* Matches CRLF.CRLF octet by octet; the start of a message and of a line stand behind a CRLF. */
bool body_eat(struct body *b, struct str in, size_t *used)
{
	static const char end[] = "\r\n.\r\n";

	if (!b->eating)
		b->matched = matched_before(b);
	b->eating = true;
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
