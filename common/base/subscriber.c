/* subscriber.c - one folding for all: what this accepts is what every room may rely on. */
#include "common/base/subscriber.h"

#define LOCAL_MAX 64 /* RFC 5321 4.5.3.1.1 */

static bool other_fits(char c, const char *others, bool folded)
{
	return ascii_alnum(c) ? !folded : c != '\0' && strchr(others, c) != NULL;
}

/* Letters, digits and others; dots only between them. What nearly all of it is comes first: each record that is read
 * has a name, and this was an eighth of a look at the window. */
static bool made_of(struct str s, const char *others, bool folded)
{
	bool may_end = false;

	for (size_t i = 0; i < s.n; i++) {
		const char c = s.p[i];

		if ((c >= 'a' && c <= 'z') || ascii_digit(c)) {
			may_end = true;
			continue;
		}
		if (c == '.' ? !may_end : !other_fits(c, others, folded))
			return false;
		may_end = c != '.';
	}
	return may_end;
}

static bool fits(struct str local, struct str domain, bool folded)
{
	return local.n <= LOCAL_MAX && local.n + 1 + domain.n <= SUBSCRIBER_MAX &&
		made_of(local, "_+-=", folded) && made_of(domain, "-", folded) &&
		domain.p[0] != '-';
}

static size_t put_folded(char *dst, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		dst[i] = ascii_lower(s.p[i]);
	return s.n;
}

bool subscriber_fold(struct str typed, struct str default_domain, struct subscriber *out)
{
	struct str local, domain;
	size_t n;

	if (!str_split(typed, '@', &local, &domain))
		domain = default_domain;
	if (!fits(local, domain, false))
		return false;
	n = put_folded(out->name, local);
	out->name[n++] = '@';
	n += put_folded(out->name + n, domain);
	out->name[n] = '\0';
	out->n = (uint8_t)n;
	return true;
}

bool subscriber_is_folded(const struct subscriber *s)
{
	struct str local, domain;

	return str_split(subscriber_str(s), '@', &local, &domain) && fits(local, domain, true);
}

struct str subscriber_local(const struct subscriber *s)
{
	struct str all = subscriber_str(s);

	return str_first(all, str_find(all, '@'));
}

struct str subscriber_domain(const struct subscriber *s)
{
	struct str all = subscriber_str(s), local, domain;

	(void)str_split(all, '@', &local, &domain);
	return domain;
}

bool subscriber_eq(const struct subscriber *a, const struct subscriber *b)
{
	return str_eq(subscriber_str(a), subscriber_str(b));
}
