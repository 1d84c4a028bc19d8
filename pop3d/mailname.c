/* mailname.c - see mailname.h. */
#include "pop3d/mailname.h"

#define SIZE_LIMIT (UINT64_C(1) << 40) /* a larger S= or W= is a joke, and not believed */

static uint64_t leading_number(struct str s)
{
	size_t n = 0;
	uint64_t value = 0;

	while (n < s.n && ascii_digit(s.p[n]))
		n++;
	return str_to_u64(str_first(s, n), INT64_MAX, &value) ? value : 0;
}

/* The last field of a kind is the one that counts, be it a number or not. */
static void read_field(struct str field, struct mailname *m)
{
	if (field.n < 3 || field.p[1] != '=')
		return;
	if (field.p[0] == 'W')
		m->has_wire_size = str_to_u64(str_from(field, 2), SIZE_LIMIT, &m->wire_size);
	else if (field.p[0] == 'S')
		m->has_file_size = str_to_u64(str_from(field, 2), SIZE_LIMIT, &m->file_size);
}

static bool possible(const struct mailname *m)
{
	return !m->has_file_size ||
		(m->wire_size >= m->file_size && m->wire_size <= 2 * m->file_size + 2);
}

bool mailname_read(struct str name, struct mailname *out)
{
	struct str flags, rest, field;
	struct mailname m = { 0 };

	if (name.n == 0 || name.n > MAILNAME_MAX || name.p[0] == '.')
		return false;
	(void)str_split(name, ':', &m.unique, &flags);
	if (m.unique.n == 0)
		return false;
	m.time = leading_number(m.unique);
	(void)str_split(m.unique, ',', &field, &rest);
	while (rest.n > 0) {
		(void)str_split(rest, ',', &field, &rest);
		read_field(field, &m);
	}
	m.has_wire_size = m.has_wire_size && possible(&m);
	m.trashed = str_starts_nocase(flags, STR("2,")) && str_find(flags, 'T') < flags.n;
	*out = m;
	return true;
}

int mailname_compare(uint64_t time_a, struct str a, uint64_t time_b, struct str b)
{
	int order;

	if (time_a != time_b)
		return time_a < time_b ? -1 : 1;
	order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
	if (order != 0)
		return order;
	return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}
