/* csv.c - see csv.h. */
#include "ctl/csv.h"

static bool holds_any(struct str s, const char *set)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || strchr(set, s.p[i]) != NULL)
			return true;
	return false;
}

/* Where lists are parted by semicolons, spreadsheets part our lines there as well. */
static bool is_formula(struct str text, size_t i)
{
	size_t before = i;

	if (i == 0)
		return strchr("=+-@\t\r", text.p[0]) != NULL && text.p[0] != '\0';
	if (text.p[i] == '\0' || strchr("=+-@", text.p[i]) == NULL)
		return false;
	while (before > 0 && (text.p[before - 1] == ' ' || text.p[before - 1] == '"'))
		before--;
	return before > 0 && holds_any((struct str){ text.p + before - 1, 1 }, ";\t\r\n");
}

void csv_cell(struct buf *out, bool first, struct str text)
{
	bool quoted = holds_any(text, ",\"\r\n") || str_trim(text).n != text.n;

	if (!first)
		buf_add(out, STR(","));
	if (quoted)
		buf_add(out, STR("\""));
	for (size_t i = 0; i < text.n; i++) {
		if (is_formula(text, i))
			buf_add(out, STR("'"));
		if (text.p[i] == '"')
			buf_add(out, STR("\""));
		buf_add(out, (struct str){ text.p + i, 1 });
	}
	if (quoted)
		buf_add(out, STR("\""));
}

void csv_number(struct buf *out, bool first, int64_t number)
{
	buf_printf(out, first ? "%lld" : ",%lld", (long long)number);
}

void csv_end(struct buf *out)
{
	buf_add(out, STR("\r\n"));
}
