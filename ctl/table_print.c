/* table_print.c - the rows of a table on a page that may be too narrow for them: see table.h. */
#include "ctl/table_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "ctl/printable.h"

#define GAP 2 /* blanks between columns */
#define TEXT_MIN 12 /* columns that a text is not cut below */
#define LAST_MIN 16 /* and the last one, which is wrapped */

struct layout { /* how the rows are put on the page */
	size_t widths[TABLE_COLUMNS];
	bool hidden[TABLE_COLUMNS];
	size_t hidden_n;
	size_t page; /* columns of the terminal; 0: a pipe, nothing is cut */
};

static void put_blanks(size_t n)
{
	printf("%*s", (int)n, "");
}

static bool is_last(const struct table *t, const struct layout *l, size_t column)
{
	for (size_t i = column + 1; i < t->columns; i++)
		if (!l->hidden[i])
			return false;
	return true;
}

static size_t total(const struct table *t, const struct layout *l)
{
	size_t sum = 0;

	for (size_t i = 0; i < t->columns; i++)
		if (!l->hidden[i])
			sum += l->widths[i] + (sum > 0 ? GAP : 0);
	return sum;
}

static size_t head_width(const struct table *t)
{
	size_t most = 0;

	for (size_t i = 0; i < t->columns; i++)
		if (strlen(t->heads[i]) > most)
			most = strlen(t->heads[i]);
	return most;
}

static struct layout measure(const struct table *t)
{
	struct layout l = { .page = t->screen.terminal ? t->screen.width : 0 };

	for (size_t i = 0; i < t->columns; i++) {
		l.widths[i] = strlen(t->heads[i]);
		for (size_t c = i; c < t->n; c += t->columns) {
			size_t width = printable_width(t->cells[c]);

			if (width > l.widths[i])
				l.widths[i] = width;
		}
	}
	return l;
}

static void hide_optional(const struct table *t, struct layout *l)
{
	for (const char *const *name = t->optional;
		name != NULL && *name != NULL && total(t, l) > l->page; name++)
		for (size_t i = 0; i < t->columns; i++)
			if (!l->hidden[i] && strcmp(*name, t->heads[i]) == 0) {
				l->hidden[i] = true;
				l->hidden_n++;
			}
}

/* The longest texts lose first. The last column is cut, that is wrapped, before all others. */
static void shrink(const struct table *t, struct layout *l)
{
	while (total(t, l) > l->page) {
		size_t widest = t->columns;

		for (size_t i = 0; i < t->columns; i++)
			if (!l->hidden[i] && !t->right[i] &&
				l->widths[i] > (is_last(t, l, i) ? LAST_MIN : TEXT_MIN) &&
				(widest == t->columns || is_last(t, l, i) ||
					l->widths[i] > l->widths[widest]))
				widest = i;
		if (widest == t->columns)
			return;
		l->widths[widest]--;
	}
}

/* Writes as much of text as fits, with ".." for the rest. Returns its width. */
static size_t put_cut(const char *text, size_t width)
{
	size_t columns = width, n;

	n = printable_fit(text, &columns);
	if (text[n] == '\0') {
		fputs(text, stdout);
		return columns;
	}
	columns = width > 2 ? width - 2 : width;
	n = printable_fit(text, &columns);
	printf("%.*s%s", (int)n, text, width > 2 ? ".." : "");
	return columns + (width > 2 ? 2 : 0);
}

/* How much of text stands on this line: up to a blank, if there is one. */
static size_t line_of(const char *text, size_t width)
{
	size_t columns = width, n = printable_fit(text, &columns), at = n;

	if (text[n] == '\0')
		return n;
	while (at > 0 && text[at] != ' ')
		at--;
	return at > 0 ? at : n > 0 ? n : 1;
}

static void put_wrapped(const char *text, size_t indent, size_t width)
{
	for (bool first = true; first || *text != '\0'; first = false) {
		size_t n = line_of(text, width);

		if (!first)
			put_blanks(indent);
		printf("%.*s\n", (int)n, text);
		text += n;
		while (*text == ' ')
			text++;
	}
}

static void put_cell(const struct table *t, const struct layout *l, size_t i, const char *text)
{
	size_t width;

	if (t->right[i]) {
		put_blanks(l->widths[i] - printable_width(text));
		fputs(text, stdout);
		return;
	}
	width = put_cut(text, l->widths[i]);
	put_blanks(l->widths[i] - width);
}

static void print_row(const struct table *t, const struct layout *l, char *const *row)
{
	size_t indent = 0;

	for (size_t i = 0; i < t->columns; i++) {
		bool last = is_last(t, l, i);

		if (l->hidden[i])
			continue;
		if (last && !t->right[i] && l->page > 0)
			put_wrapped(row[i], indent, l->widths[i]);
		else if (last && !t->right[i])
			printf("%s\n", row[i]);
		else
			put_cell(t, l, i, row[i]);
		if (last && t->right[i])
			puts("");
		if (last)
			return;
		put_blanks(GAP);
		indent += l->widths[i] + GAP;
	}
}

static void name_head(char *dst, size_t size, const char *head)
{
	snprintf(dst, size, "%s", head);
	for (char *c = dst; *c != '\0'; c++)
		*c = (char)(*c == '_' ? ' ' : *c >= 'a' && *c <= 'z' ? *c - 32 : *c);
}

static void print_heads(const struct table *t, const struct layout *l)
{
	char words[TABLE_COLUMNS][32], *row[TABLE_COLUMNS];

	for (size_t i = 0; i < t->columns; i++) {
		name_head(words[i], sizeof(words[i]), t->heads[i]);
		row[i] = words[i];
	}
	screen_tint(TINT_HEAD);
	print_row(t, l, row);
	screen_tint(TINT_NONE);
}

/* A block of lines for each row, for a terminal that is too narrow for a line of it. */
static void print_blocks(const struct table *t, const struct layout *l)
{
	const size_t indent = head_width(t) + GAP;

	for (size_t c = 0; c < t->n; c++) {
		size_t i = c % t->columns;
		char head[32];

		if (i == 0 && c > 0)
			puts("");
		name_head(head, sizeof(head), t->heads[i]);
		screen_tint(TINT_HEAD);
		printf("%-*s", (int)indent, head);
		screen_tint(TINT_NONE);
		put_wrapped(t->cells[c], indent, l->page > indent + 8 ? l->page - indent : 8);
	}
}

static void say_hidden(const struct table *t, const struct layout *l)
{
	if (l->hidden_n == 0)
		return;
	screen_tint(TINT_DIM);
	fputs("not shown, for want of room:", stdout);
	for (size_t i = 0; i < t->columns; i++)
		if (l->hidden[i])
			printf(" %s", t->heads[i]);
	screen_tint(TINT_NONE);
	puts("");
}

void table_print(const struct table *t)
{
	struct layout l = measure(t);

	if (t->n == 0)
		return;
	if (l.page > 0) {
		hide_optional(t, &l);
		shrink(t, &l);
	}
	if (l.page > 0 && total(t, &l) > l.page) {
		print_blocks(t, &l);
		return;
	}
	print_heads(t, &l);
	for (size_t c = 0; c < t->n; c += t->columns)
		print_row(t, &l, t->cells + c);
	say_hidden(t, &l);
}
