/* subscriber.c - one folding for all: what this accepts is what every room may rely on. */
#include "common/base/subscriber.h"

#define LOCAL_MAX 64 /* RFC 5321 4.5.3.1.1 */

static bool dots_well_placed(struct str s)
{
	char before = '.';

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && before == '.')
			return false;
		before = s.p[i];
	}
	return before != '.';
}

static bool made_of(struct str s, const char *punctuation)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum(s.p[i]) && (s.p[i] == '\0' || strchr(punctuation, s.p[i]) == NULL))
			return false;
	return true;
}

static bool local_fits(struct str s)
{
	return s.n > 0 && s.n <= LOCAL_MAX && made_of(s, "._+-=") && dots_well_placed(s);
}

static bool domain_fits(struct str s)
{
	return s.n > 0 && made_of(s, ".-") && dots_well_placed(s) && s.p[0] != '-';
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
	if (!local_fits(local) || !domain_fits(domain) || local.n + 1 + domain.n > SUBSCRIBER_MAX)
		return false;
	n = put_folded(out->name, local);
	out->name[n++] = '@';
	n += put_folded(out->name + n, domain);
	out->name[n] = '\0';
	out->n = (uint8_t)n;
	return true;
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
