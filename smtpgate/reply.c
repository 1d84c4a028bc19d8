/* reply.c - see reply.h. A next hop's reply is hostile input like any other. */
#include "smtpgate/reply.h"

#include "common/line/line.h"

#define LINE_MAX_OCTETS 2048 /* RFC 5321 4.5.3.1.5 says 512; some say more */

static void add_text(struct reply *r, struct str text)
{
	if (r->n > 0 && r->n < sizeof(r->text))
		r->text[r->n++] = '\n';
	for (size_t i = 0; i < text.n && r->n < sizeof(r->text); i++)
		r->text[r->n++] = text.p[i] >= ' ' && text.p[i] <= '~' ? text.p[i] : '?';
}

static bool read_code(struct str line, int *code)
{
	uint64_t value;

	if (line.n < 3 || !str_to_u64(str_first(line, 3), 599, &value) || value < 200)
		return false;
	*code = (int)value;
	return line.n == 3 || line.p[3] == ' ' || line.p[3] == '-';
}

enum reply_read reply_read(struct str in, struct reply *out, size_t *used)
{
	struct reply r = { 0 };
	size_t done = 0;

	for (int lines = 0; lines < REPLY_LINES_MAX; lines++) {
		struct str line;
		size_t n;
		int code;

		switch (line_cut(str_from(in, done), LINE_MAX_OCTETS, &line, &n)) {
		case LINE_PARTIAL: return in.n < REPLY_OCTETS_MAX ? REPLY_PARTIAL : REPLY_BAD;
		case LINE_FORBIDDEN:
		case LINE_TOO_LONG: return REPLY_BAD;
		case LINE_WHOLE: break;
		}
		if (!read_code(line, &code) || (r.code != 0 && r.code != code))
			return REPLY_BAD;
		r.code = code;
		done += n;
		add_text(&r, str_from(line, line.n > 3 ? 4 : 3));
		if (line.n == 3 || line.p[3] == ' ') {
			*out = r;
			*used = done;
			return REPLY_WHOLE;
		}
	}
	return REPLY_BAD;
}

struct reply reply_make(int code, const char *text)
{
	struct reply r = { .code = code };

	add_text(&r, str_of(text));
	return r;
}

void reply_put_line(struct buf *out, int code, char separator, struct str text)
{
	const char head[] = { (char)('0' + code / 100 % 10), (char)('0' + code / 10 % 10),
		(char)('0' + code % 10), separator };

	buf_add(out, (struct str){ head, sizeof(head) });
	buf_line(out, text);
}

void reply_put(struct buf *out, const struct reply *r)
{
	struct str rest = { r->text, r->n }, line;
	bool more;

	do {
		more = str_split(rest, '\n', &line, &rest);
		reply_put_line(out, r->code, more ? '-' : ' ', line);
	} while (more);
}

struct reply reply_honest(const struct reply *r)
{
	struct reply later;

	if (r->code == 421) { /* it hangs up on us; we do not on the client */
		later = *r;
		later.code = 451;
		return later;
	}
	if (reply_is(r, 2) || reply_is(r, 4) || reply_is(r, 5))
		return *r;
	return reply_make(451, "4.3.0 The next hop gave an unexpected reply");
}
