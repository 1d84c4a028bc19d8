/* dsn.c - see dsn.h. */
#include "smtpgate/dsn.h"

/* -1 for what is no digit of xtext. */
static int hex_of(char c)
{
	if (ascii_digit(c))
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool encoded_fits(struct str s)
{
	int high = s.n > 1 ? hex_of(s.p[0]) : -1, low = s.n > 1 ? hex_of(s.p[1]) : -1;

	return high >= 0 && low >= 0 && high * 16 + low >= ' ' && high * 16 + low <= '~';
}

bool xtext_fits(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '=')
			return false;
		if (s.p[i] == '+' && !encoded_fits(str_from(s, i + 1)))
			return false;
	}
	return true;
}

bool dsn_notify_read(struct str s, unsigned *out)
{
	static const struct {
		const char *name;
		unsigned bit;
	} words[] = { { "SUCCESS", DSN_NOTIFY_SUCCESS }, { "FAILURE", DSN_NOTIFY_FAILURE },
		{ "DELAY", DSN_NOTIFY_DELAY } };
	unsigned found = 0;
	struct str word;
	bool more = true, known;

	if (str_eq_nocase(s, STR("NEVER"))) {
		*out = DSN_NOTIFY_NEVER;
		return true;
	}
	while (more) {
		more = str_split(s, ',', &word, &s);
		known = false;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (!str_eq_nocase(word, str_of(words[i].name)))
				continue;
			found |= words[i].bit;
			known = true;
		}
		if (!known)
			return false;
	}
	*out = found;
	return true;
}

bool dsn_ret_read(struct str s, enum dsn_ret *out)
{
	bool full = str_eq_nocase(s, STR("FULL"));

	if (!full && !str_eq_nocase(s, STR("HDRS")))
		return false;
	*out = full ? DSN_RET_FULL : DSN_RET_HDRS;
	return true;
}

static bool type_fits(struct str type)
{
	for (size_t i = 0; i < type.n; i++)
		if (!ascii_alnum(type.p[i]) && type.p[i] != '-')
			return false;
	return type.n > 0;
}

/* utf-8-addr-unitext: UTF-8 as it is; path_parameter() has seen that it is UTF-8. */
static bool unitext_fits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '=')
			return false;
	return true;
}

bool dsn_orcpt_fits(struct str s, bool utf8)
{
	struct str type, address;

	if (!str_split(s, ';', &type, &address) || !type_fits(type) || address.n == 0)
		return false;
	if (utf8 && str_eq_nocase(type, STR("utf-8")))
		return unitext_fits(address);
	return xtext_fits(address);
}
