/* mailname.c - see mailname.h. */
#include "pop3d/mailname.h"

#define WIRE_SIZE_MAX (UINT64_C(1) << 40) /* a larger W= is a joke, and not believed */

static uint64_t leading_number(struct str s)
{
	size_t n = 0;
	uint64_t value = 0;

	while (n < s.n && ascii_digit(s.p[n]))
		n++;
	return str_to_u64(str_first(s, n), INT64_MAX, &value) ? value : 0;
}

bool mailname_read(struct str name, struct mailname *out)
{
	struct str flags, rest, field;
	struct mailname m = { 0 };

	if (name.n == 0 || name.p[0] == '.')
		return false;
	(void)str_split(name, ':', &m.unique, &flags);
	if (m.unique.n == 0)
		return false;
	m.time = leading_number(m.unique);
	(void)str_split(m.unique, ',', &field, &rest);
	while (rest.n > 0) {
		(void)str_split(rest, ',', &field, &rest);
		if (field.n > 2 && field.p[0] == 'W' && field.p[1] == '=')
			m.has_wire_size =
				str_to_u64(str_from(field, 2), WIRE_SIZE_MAX, &m.wire_size);
	}
	*out = m;
	return true;
}

bool mailname_is_uidl(struct str unique)
{
	if (unique.n == 0 || unique.n > UIDL_MAX)
		return false;
	for (size_t i = 0; i < unique.n; i++)
		if (unique.p[i] < '!' || unique.p[i] > '~')
			return false;
	return true;
}
