/* path.c - see path.h. A small reader that goes left to right and never back. */
#include "smtpgate/path.h"

#include <stdio.h>

#include "common/base/addr.h"
#include "common/base/utf8.h"

/* The octets of atext (RFC 5322 3.2.3). */
static bool is_atext(char c)
{
	return ascii_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static char first(struct str s)
{
	return s.n > 0 ? s.p[0] : '\0';
}

static bool take(struct str *s, char c)
{
	if (first(*s) != c || s->n == 0)
		return false;
	*s = str_from(*s, 1);
	return true;
}

/* Octets of the character beyond ASCII that s begins with; 0 without one, and for the C1 controls. */
static size_t beyond_ascii(struct str s)
{
	size_t n = utf8_length(s);

	if (n < 2 || (n == 2 && s.p[0] == '\xc2' && (unsigned char)s.p[1] < 0xa0))
		return 0;
	return n;
}

/* n octets off the front of s. */
static bool put_local(struct path *p, struct str *s, size_t n)
{
	if (p->local_n + n > PATH_LOCAL_MAX)
		return false;
	memcpy(p->local + p->local_n, s->p, n);
	p->local_n = (uint8_t)(p->local_n + n);
	*s = str_from(*s, n);
	return true;
}

/* atom *("." atom) */
static bool read_dot_string(struct str *s, struct path *p)
{
	bool dot = true;

	while (s->n > 0) {
		size_t n = beyond_ascii(*s);

		if (n == 0 && !is_atext(s->p[0]) && s->p[0] != '.')
			break;
		if (s->p[0] == '.' && dot)
			return false;
		dot = s->p[0] == '.';
		if (!put_local(p, s, n > 0 ? n : 1))
			return false;
	}
	return !dot;
}

/* DQUOTE *(qtext / "\" printable) DQUOTE */
static bool read_quoted(struct str *s, struct path *p)
{
	while (s->n > 0 && s->p[0] != '"') {
		size_t n = beyond_ascii(*s);

		if (s->p[0] == '\\')
			*s = str_from(*s, 1);
		if (n == 0 && (s->n == 0 || s->p[0] < ' ' || s->p[0] > '~'))
			return false;
		if (!put_local(p, s, n > 0 ? n : 1))
			return false;
	}
	return take(s, '"');
}

/* What IDNA (RFC 3490 3.1) takes for a dot between labels. */
static bool is_foreign_dot(struct str s)
{
	return s.n == 3 &&
		(memcmp(s.p, "\u3002", 3) == 0 || memcmp(s.p, "\uff0e", 3) == 0 ||
			memcmp(s.p, "\uff61", 3) == 0);
}

static bool domain_octet(char c)
{
	return ascii_alnum(c) || c == '-' || c == '_';
}

static bool label_fits(struct str label)
{
	bool ascii = true;

	if (label.n == 0 || strchr("-_", label.p[0]) != NULL ||
		strchr("-_", label.p[label.n - 1]) != NULL)
		return false;
	for (size_t i = 0, n; i < label.n; i += n) {
		n = beyond_ascii(str_from(label, i));
		ascii = ascii && n == 0;
		if (n == 0 ? !domain_octet(label.p[i])
			   : is_foreign_dot((struct str){ label.p + i, n }))
			return false;
		n = n == 0 ? 1 : n;
	}
	return !ascii || label.n <= 63;
}

static bool domain_fits(struct str domain)
{
	struct str label;
	bool more = true;

	while (more) {
		more = str_split(domain, '.', &label, &domain);
		if (!label_fits(label))
			return false;
	}
	return true;
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]"; general address literals are of no use to anybody. */
static bool literal_fits(struct str literal)
{
	struct str inner = { literal.p + 1, literal.n - 2 };
	bool v6 = str_starts_nocase(inner, STR("IPv6:"));
	struct addr a;

	if (v6)
		inner = str_from(inner, 5);
	return addr_parse(inner, &a) && (str_find(inner, ':') < inner.n) == v6;
}

static void set_domain(struct path *p, struct str domain)
{
	p->domain_n = (uint8_t)domain.n;
	for (size_t i = 0; i < domain.n; i++)
		p->domain[i] = ascii_lower(domain.p[i]);
	p->domain[domain.n] = '\0';
	if (domain.p[0] == '[' && str_find(domain, ':') < domain.n)
		memcpy(p->domain, "[IPv6:", 6);
}

static bool read_domain(struct str *s, struct path *p)
{
	bool literal = first(*s) == '[';
	size_t end = str_find(*s, literal ? ']' : '>') + (literal ? 1 : 0);
	struct str domain;

	if (end > s->n || end < 1 || end > PATH_DOMAIN_MAX)
		return false;
	domain = str_first(*s, end);
	if (literal ? !literal_fits(domain) : !domain_fits(domain))
		return false;
	set_domain(p, domain);
	*s = str_from(*s, end);
	return true;
}

/* "@one,@two:" - each a domain, all ignored. */
static bool skip_route(struct str *s)
{
	struct str route, one;
	size_t end = str_find(*s, ':');
	bool more = true;

	if (first(*s) != '@')
		return true;
	if (end == s->n)
		return false;
	route = str_first(*s, end);
	*s = str_from(*s, end + 1);
	while (more) {
		more = str_split(route, ',', &one, &route);
		if (first(one) != '@' || !domain_fits(str_from(one, 1)))
			return false;
	}
	return true;
}

static bool needs_quotes(struct str local)
{
	bool dot = true;

	for (size_t i = 0; i < local.n; i++) {
		if (!is_atext(local.p[i]) && local.p[i] != '.' && (local.p[i] & 0x80) == 0)
			return true;
		if (local.p[i] == '.' && dot)
			return true;
		dot = local.p[i] == '.';
	}
	return dot;
}

static void write_text(struct path *p)
{
	bool quoted = needs_quotes(path_local(p));
	size_t n = 0;

	if (quoted)
		p->text[n++] = '"';
	for (size_t i = 0; i < p->local_n; i++) {
		if (quoted && (p->local[i] == '"' || p->local[i] == '\\'))
			p->text[n++] = '\\';
		p->text[n++] = p->local[i];
	}
	if (quoted)
		p->text[n++] = '"';
	p->text[n] = '\0';
	if (p->domain_n > 0)
		snprintf(p->text + n, sizeof(p->text) - n, "@%s", p->domain);
	for (const char *c = p->text; *c != '\0'; c++)
		p->utf8 = p->utf8 || (*c & 0x80) != 0;
}

static bool read_mailbox(struct str *s, bool reverse, struct path *p)
{
	if (!skip_route(s))
		return false;
	if (take(s, '"') ? !read_quoted(s, p) : !read_dot_string(s, p))
		return false;
	if (first(*s) == '>' && !reverse)
		return str_eq_nocase(path_local(p), STR("postmaster"));
	return take(s, '@') && read_domain(s, p);
}

bool path_read(struct str in, bool reverse, struct path *out, struct str *rest)
{
	struct path p = { 0 };
	struct str s = in;

	if (!take(&s, '<'))
		return false;
	p.null = reverse && first(s) == '>';
	if (!p.null && !read_mailbox(&s, reverse, &p))
		return false;
	if (!take(&s, '>'))
		return false;
	if (!p.null)
		write_text(&p);
	*out = p;
	*rest = s;
	return true;
}

bool path_is_routed(const struct path *p)
{
	return strpbrk(p->local, "%!@") != NULL;
}

static bool keyword_fits(struct str key)
{
	if (key.n == 0 || !ascii_alnum(key.p[0]))
		return false;
	for (size_t i = 0; i < key.n; i++)
		if (!ascii_alnum(key.p[i]) && key.p[i] != '-')
			return false;
	return true;
}

bool path_parameter(struct str *rest, struct str *key, struct str *value)
{
	struct str word;

	*key = *value = STR("");
	if (rest->n == 0)
		return true;
	if (rest->p[0] != ' ')
		return false;
	(void)str_split(str_trim(*rest), ' ', &word, rest);
	if (rest->n > 0) /* put the space back before the next */
		*rest = (struct str){ rest->p - 1, rest->n + 1 };
	if (word.n == 0)
		return true;
	if (str_split(word, '=', key, value) && value->n == 0)
		return false;
	for (size_t i = 0; i < value->n; i++)
		if (value->p[i] == ' ' || value->p[i] == '=' || value->p[i] == 0x7f ||
			(unsigned char)value->p[i] < ' ')
			return false;
	return utf8_valid(*value) && keyword_fits(*key);
}
