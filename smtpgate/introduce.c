/* introduce.c - see introduce.h. XCLIENT is described in Postfix's XCLIENT_README. */
#include "smtpgate/introduce.h"

#include "common/line/proxyhdr.h"

#define FIRST_LINE (XCLIENT_ADDR | XCLIENT_PORT | XCLIENT_NAME)
#define SHORT 100 /* octets of texts: with three for each, 150 for all else on the line */
#define SCRATCH 4096 /* all attributes, each octet as +XX */

bool introduction_eq(const struct introduction *a, const struct introduction *b)
{
	return addr_eq(a->client.addr, b->client.addr) && a->client.port == b->client.port &&
		addr_eq(a->gate.addr, b->gate.addr) && a->gate.port == b->gate.port &&
		strcmp(a->helo, b->helo) == 0 && a->esmtp == b->esmtp &&
		subscriber_eq(&a->login, &b->login);
}

const char *introduction_hello(const struct introduction *i)
{
	for (const char *p = i->helo; *p != '\0'; p++)
		if (!ascii_alnum(*p) && strchr(".-_:[]", *p) == NULL)
			return "";
	return i->helo;
}

/* --- xtext --- */

static bool is_plain(char c)
{
	return c > ' ' && c <= '~' && c != '+' && c != '=';
}

void xtext_put(struct buf *out, struct str s)
{
	size_t plain = 0;

	while (s.n > 0) {
		while (plain < s.n && is_plain(s.p[plain]))
			plain++;
		buf_add(out, str_first(s, plain));
		if (plain < s.n)
			buf_printf(out, "+%02X", (unsigned)(unsigned char)s.p[plain++]);
		s = str_from(s, plain);
		plain = 0;
	}
}

static int hex(char c)
{
	if (ascii_digit(c))
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool xtext_read(struct str s, char *dst, size_t size, size_t *n)
{
	size_t done = 0;

	for (size_t i = 0; i < s.n; i++, done++) {
		int c = (unsigned char)s.p[i];

		if (done == size)
			return false;
		if (c == '+') {
			if (s.n - i < 3 || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0)
				return false;
			c = hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]);
			if (is_plain((char)c))
				return false;
			i += 2;
		} else if (!is_plain((char)c)) {
			return false;
		}
		dst[done] = (char)c;
	}
	*n = done;
	return true;
}

/* --- XCLIENT --- */

static void put_text(struct buf *out, const char *key, struct str value, bool later)
{
	buf_add(out, STR(" "));
	buf_add(out, str_of(key));
	buf_add(out, STR("="));
	if (value.n > 0)
		xtext_put(out, value);
	else
		buf_add(out, later ? STR("[TEMPUNAVAIL]") : STR("[UNAVAILABLE]"));
}

static void put_addr(struct buf *out, const struct introduction *i)
{
	char text[ADDR_TEXT];

	buf_printf(out, " ADDR=%s%s",
		addr_is_v4(i->client.addr) ? "" : "IPV6:", addr_format(i->client.addr, text));
}

static void put_port(struct buf *out, const struct introduction *i)
{
	buf_printf(out, " PORT=%u", i->client.port);
}

static void put_name(struct buf *out, const struct introduction *i)
{
	put_text(out, "NAME", str_of(i->name), i->name_later);
}

static void put_helo(struct buf *out, const struct introduction *i)
{
	put_text(out, "HELO", str_of(i->helo), false);
}

static void put_proto(struct buf *out, const struct introduction *i)
{
	put_text(out, "PROTO", i->esmtp ? STR("ESMTP") : STR("SMTP"), false);
}

static void put_login(struct buf *out, const struct introduction *i)
{
	put_text(out, "LOGIN", subscriber_str(&i->login), false);
}

static const struct {
	const char *name;
	void (*put)(struct buf *out, const struct introduction *i);
} attributes_known[] = {
	/* in the order of their bits */
	{ "ADDR", put_addr },
	{ "PORT", put_port },
	{ "NAME", put_name },
	{ "HELO", put_helo },
	{ "PROTO", put_proto },
	{ "LOGIN", put_login },
};

#define KNOWN (sizeof(attributes_known) / sizeof(attributes_known[0]))

unsigned xclient_attributes(struct str parameters)
{
	unsigned found = 0;
	struct str word;

	while (parameters.n > 0) {
		(void)str_split(parameters, ' ', &word, &parameters);
		for (size_t k = 0; k < KNOWN; k++)
			if (str_eq_nocase(word, str_of(attributes_known[k].name)))
				found |= 1U << k;
	}
	return found;
}

static void put_line(struct buf *out, const struct introduction *i, unsigned attributes)
{
	buf_add(out, STR("XCLIENT"));
	for (size_t k = 0; k < KNOWN; k++)
		if (attributes & (1U << k))
			attributes_known[k].put(out, i);
	buf_add(out, STR("\r\n"));
}

/* Whatever it holds, each octet of it as +XX: nearly all are, and need not be put together to be measured. */
static bool is_short(const struct introduction *i)
{
	return strlen(i->name) + strlen(i->helo) + i->login.n <= SHORT;
}

/* Only if it is short enough. */
static bool put_fitting(struct buf *out, const struct introduction *i, unsigned attributes)
{
	struct buf line;
	bool fits;

	buf_init(&line, SCRATCH);
	put_line(&line, i, attributes);
	fits = !line.broken && line.len <= XCLIENT_LINE_MAX;
	if (fits && out != NULL)
		buf_add(out, buf_str(&line));
	buf_free(&line);
	return fits;
}

unsigned xclient_next(const struct introduction *i, unsigned left)
{
	if (is_short(i) || put_fitting(NULL, i, left) || (left & FIRST_LINE) == 0 ||
		(left & ~(unsigned)FIRST_LINE) == 0)
		return left;
	return left & FIRST_LINE;
}

bool xclient_put(struct buf *out, const struct introduction *i, unsigned attributes)
{
	struct introduction shorter;

	if (is_short(i)) {
		put_line(out, i, attributes);
		return true;
	}
	if (put_fitting(out, i, attributes))
		return true;
	shorter = *i;
	shorter.helo[0] = '\0';
	return put_fitting(out, &shorter, attributes);
}

/* --- the PROXY protocol --- */

void proxy_put(struct buf *out, const struct introduction *i)
{
	const struct proxyhdr_facts facts = {
		.of = i->client.port == 0 ? PROXIED_LOCAL : PROXIED_CLIENT,
		.client = i->client,
		.gate = i->gate,
	};

	proxyhdr_put(out, &facts);
}
