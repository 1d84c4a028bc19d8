/* arf.c - see arf.h. Two layers: just enough of MIME to find the part, then its fields. */
#include "ctl/arf.h"

#include "common/line/base64.h"

#define DEPTH_MAX 8 /* parts within parts */
#define VALUE_MAX 1000 /* octets of a field, unfolded; what is behind them is not read */

/* --- lines and fields --- */

/* Cuts off the first line, without its end. False at the end of s. */
static bool next_line(struct str *s, struct str *line)
{
	size_t n = str_find(*s, '\n');

	if (s->n == 0)
		return false;
	*line = str_first(*s, n);
	*s = str_from(*s, n < s->n ? n + 1 : n);
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

struct field {
	struct str name; /* borrowed */
	char value[VALUE_MAX + 1]; /* unfolded, without blanks around it; ends in NUL */
};

static void add(struct field *f, size_t *n, struct str s)
{
	size_t room = VALUE_MAX - *n;

	s.n = s.n < room ? s.n : room;
	memcpy(f->value + *n, s.p, s.n);
	*n += s.n;
}

static bool continues(struct str s)
{
	return s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t');
}

/* Cuts off the first field. False at an empty line, which is cut off as well, and at the end. A line that is no
 * field is passed over. */
static bool next_field(struct str *s, struct field *f)
{
	struct str line, value, trimmed;
	size_t n = 0;

	do {
		if (!next_line(s, &line) || line.n == 0)
			return false;
	} while (!str_split(line, ':', &f->name, &value));
	f->name = str_trim(f->name);
	add(f, &n, value);
	while (continues(*s) && next_line(s, &line))
		add(f, &n, line);
	trimmed = str_trim((struct str){ f->value, n });
	memmove(f->value, trimmed.p, trimmed.n);
	f->value[trimmed.n] = '\0';
	return true;
}

/* Takes the comments out of a value (RFC 5322 3.2.2), and the blanks around it. What is quoted is no comment. */
static struct str bare(char *value)
{
	size_t n = 0;
	unsigned depth = 0;
	bool quoted = false;

	for (const char *c = value; *c != '\0'; c++) {
		quoted = quoted != (*c == '"' && depth == 0);
		if (quoted)
			value[n++] = *c;
		else if (*c == '(')
			depth++;
		else if (*c == ')' && depth > 0)
			depth--;
		else if (*c == '\\' && depth > 0 && c[1] != '\0')
			c++;
		else if (depth == 0)
			value[n++] = *c;
	}
	value[n] = '\0';
	return str_trim((struct str){ value, n });
}

/* --- the report's fields --- */

struct reading {
	struct arf *arf;
	bool dated; /* by Arrival-Date, which comes before Received-Date */
};

static void odd(struct reading *r, const char *field)
{
	if (r->arf->odd == NULL)
		r->arf->odd = field;
}

static void read_type(struct reading *r, char *value)
{
	if (r->arf->type[0] != '\0')
		return;
	if (!str_to_cstr(bare(value), r->arf->type, sizeof(r->arf->type)))
		r->arf->type[0] = '\0';
	for (const char *c = r->arf->type; *c != '\0'; c++)
		if (!ascii_alnum(*c) && *c != '-')
			r->arf->type[0] = '\0';
}

/* "192.0.2.1", and as some have it "[192.0.2.1]" and "IPv6:2001:db8::1". */
static void read_source(struct reading *r, char *value)
{
	struct str s = bare(value);
	struct addr a;

	if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = (struct str){ s.p + 1, s.n - 2 };
	if (str_starts_nocase(s, STR("IPv6:")))
		s = str_from(s, 5);
	if (!addr_parse(s, &a) || (r->arf->has_addr && !addr_eq(a, r->arf->addr))) {
		odd(r, "Source-IP");
		return;
	}
	r->arf->has_addr = true;
	r->arf->addr = a;
}

static void read_port(struct reading *r, char *value)
{
	uint64_t port;

	if (!str_to_u64(bare(value), 65535, &port) || port == 0 ||
		(r->arf->has_port && port != r->arf->port)) {
		odd(r, "Source-Port");
		return;
	}
	r->arf->has_port = true;
	r->arf->port = (uint16_t)port;
}

static void read_date(struct reading *r, const char *name, bool first, const char *value)
{
	struct moment m;

	if (r->dated && !first)
		return;
	if (!when_parse(str_of(value), &m) ||
		(r->arf->has_date && r->dated == first && m.ms != r->arf->date.ms)) {
		odd(r, name);
		return;
	}
	r->dated = first;
	r->arf->has_date = true;
	r->arf->date = m;
}

static void read_field(struct reading *r, struct field *f)
{
	if (str_eq_nocase(f->name, STR("Feedback-Type")))
		read_type(r, f->value);
	else if (str_eq_nocase(f->name, STR("Source-IP")))
		read_source(r, f->value);
	else if (str_eq_nocase(f->name, STR("Source-Port")))
		read_port(r, f->value);
	else if (str_eq_nocase(f->name, STR("Arrival-Date")))
		read_date(r, "Arrival-Date", true, f->value);
	else if (str_eq_nocase(f->name, STR("Received-Date")))
		read_date(r, "Received-Date", false, f->value);
}

/* Blank lines between its fields do not end it. */
static void read_report(struct str body, struct arf *out)
{
	struct arf a = { .has_addr = false };
	struct reading r = { .arf = &a };
	struct field f;

	while (body.n > 0)
		if (next_field(&body, &f))
			read_field(&r, &f);
	*out = a;
}

/* --- MIME --- */

struct entity {
	char type[64]; /* in lower case, "text/plain" where none is given */
	char boundary[72]; /* RFC 2046 5.1.1: 70 octets at most */
	enum {
		AS_IS,
		BASE64,
		QUOTED
	} encoding;
	bool report; /* its own header is that of a report: a part saved alone */
};

/* A parameter's value, quoted or not, into dst; s is what stands behind the '='. */
static void read_value(struct str *s, char *dst, size_t size)
{
	bool quoted = s->n > 0 && s->p[0] == '"';
	size_t i = quoted ? 1 : 0, n = 0;

	for (; i < s->n && n + 1 < size; i++) {
		char c = s->p[i];

		if (quoted ? c == '"' : c == ';' || c == ' ' || c == '\t')
			break;
		if (quoted && c == '\\' && i + 1 < s->n)
			c = s->p[++i];
		dst[n++] = c;
	}
	dst[n] = '\0';
	*s = str_from(*s, i);
}

static void read_content_type(struct entity *e, char *value)
{
	struct str rest = bare(value), type, name;
	char other[VALUE_MAX];
	bool more = str_split(rest, ';', &type, &rest);

	type = str_trim(type);
	if (!str_to_cstr(type, e->type, sizeof(e->type)))
		e->type[0] = '\0';
	for (char *c = e->type; *c != '\0'; c++)
		*c = ascii_lower(*c);
	while (more && str_split(rest, '=', &name, &rest)) {
		bool wanted = str_eq_nocase(str_trim(name), STR("boundary"));

		rest = str_trim(rest);
		if (wanted)
			read_value(&rest, e->boundary, sizeof(e->boundary));
		else
			read_value(&rest, other, sizeof(other));
		more = str_split(rest, ';', &name, &rest);
	}
}

static void read_encoding(struct entity *e, char *value)
{
	struct str s = bare(value);

	if (str_eq_nocase(s, STR("base64")))
		e->encoding = BASE64;
	if (str_eq_nocase(s, STR("quoted-printable")))
		e->encoding = QUOTED;
}

/* Cuts the header off s. */
static struct entity read_header(struct str *s)
{
	struct entity e = { .type = "text/plain" };
	struct field f;

	while (next_field(s, &f)) {
		if (str_eq_nocase(f.name, STR("Content-Type")))
			read_content_type(&e, f.value);
		if (str_eq_nocase(f.name, STR("Content-Transfer-Encoding")))
			read_encoding(&e, f.value);
		if (str_eq_nocase(f.name, STR("Feedback-Type")))
			e.report = true;
	}
	return e;
}

static int hex(char c)
{
	c = ascii_lower(c);
	return ascii_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 2045 6.7; what is no encoding stays as it is. Returns how many octets. */
static size_t unquote(struct str s, char *dst, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < size; i++) {
		struct str rest = str_from(s, i), line;

		if (s.p[i] == '=' && rest.n > 2 && hex(rest.p[1]) >= 0 && hex(rest.p[2]) >= 0) {
			dst[n++] = (char)(hex(rest.p[1]) * 16 + hex(rest.p[2]));
			i += 2;
			continue;
		}
		rest = str_from(rest, 1);
		if (s.p[i] == '=' && next_line(&rest, &line) && str_trim(line).n == 0)
			i = s.n - rest.n - 1; /* a soft line break */
		else
			dst[n++] = s.p[i];
	}
	return n;
}

static size_t unbase64(struct str s, char *dst, size_t size)
{
	size_t n = 0, out = 0;

	for (size_t i = 0; i < s.n && n < size; i++)
		if (ascii_alnum(s.p[i]) || s.p[i] == '+' || s.p[i] == '/' || s.p[i] == '=')
			dst[n++] = s.p[i];
	return base64_read((struct str){ dst, n }, dst, size, &out) ? out : 0;
}

static void read_part(const struct entity *e, struct str body, struct arf *out)
{
	static const char nothing[1];
	char decoded[ARF_PART_MAX];
	struct str plain = { nothing, 0 };

	if (body.n > sizeof(decoded))
		body.n = sizeof(decoded);
	if (e->encoding == AS_IS)
		plain = body;
	else
		plain = (struct str){ decoded,
			e->encoding == BASE64 ? unbase64(body, decoded, sizeof(decoded))
					      : unquote(body, decoded, sizeof(decoded)) };
	read_report(plain, out);
}

/* A line that parts are cut at: "--" and the boundary, "--" more at the last, blanks (RFC 2046 5.1.1). */
static bool is_delimiter(struct str line, const char *boundary, bool *last)
{
	struct str b = str_of(boundary);

	if (b.n == 0 || line.n < b.n + 2 || line.p[0] != '-' || line.p[1] != '-' ||
		memcmp(line.p + 2, b.p, b.n) != 0)
		return false;
	line = str_from(line, b.n + 2);
	*last = line.n >= 2 && line.p[0] == '-' && line.p[1] == '-';
	return str_trim(*last ? str_from(line, 2) : line).n == 0;
}

/* Cuts the part before the next delimiter off body. *last: no part follows. */
static struct str next_part(struct str *body, const char *boundary, bool *last)
{
	const char *start = body->p, *end = body->p;
	struct str line;

	*last = true;
	while (next_line(body, &line)) {
		if (is_delimiter(line, boundary, last))
			return (struct str){ start, (size_t)(end - start) };
		end = body->p;
	}
	*last = true;
	return (struct str){ start, (size_t)(end - start) };
}

static bool read_entity(struct str s, unsigned depth, bool in_report, struct arf *out);

static bool read_parts(
	const struct entity *e, struct str body, unsigned depth, bool in_report, struct arf *out)
{
	bool last;

	in_report = in_report || strcmp(e->type, "multipart/report") == 0;
	(void)next_part(&body, e->boundary, &last); /* what stands before the first is for nobody */
	while (!last) {
		struct str part = next_part(&body, e->boundary, &last);

		if (read_entity(part, depth + 1, in_report, out))
			return true;
	}
	return false;
}

/* A report that was forwarded may be a mail within a mail; the mail within a report is the culprit's. */
static bool read_entity(struct str s, unsigned depth, bool in_report, struct arf *out)
{
	struct str body = s;
	struct entity e = read_header(&body);

	if (depth > DEPTH_MAX)
		return false;
	if (strcmp(e.type, "message/feedback-report") == 0) {
		read_part(&e, body, out);
		return true;
	}
	if (strncmp(e.type, "multipart/", 10) == 0)
		return read_parts(&e, body, depth, in_report, out);
	if (strcmp(e.type, "message/rfc822") == 0 && !in_report && e.encoding == AS_IS)
		return read_entity(body, depth + 1, false, out);
	if (depth > 0 || !e.report)
		return false;
	read_report(s, out);
	return true;
}

bool arf_read(struct str mail, struct arf *out)
{
	if (mail.n > ARF_FILE_MAX)
		mail.n = ARF_FILE_MAX;
	return read_entity(mail, 0, false, out);
}
