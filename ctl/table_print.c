/* table_print.c - the rows of a table on a page that may be too narrow for them: see table.h. */
#include "ctl/table_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "ctl/printable.h"

#define GAP 2 /* blanks between columns */
#define TEXT_MIN 12 /* columns that a text is not cut below */
#define LAST_MIN 16 /* and the last one, which is wrapped */

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

/* Once begun, only a pipe has room for more. */
static void measure(struct table *t)
{
	struct layout *l = &t->layout;

	if (!t->begun)
		*l = (struct layout){ .page = t->screen.terminal ? t->screen.width : 0 };
	else if (l->page > 0)
		return;
	for (size_t i = 0; i < t->columns; i++) {
		if (!t->begun)
			l->widths[i] = strlen(t->heads[i]);
		for (size_t c = i; c < t->n; c += t->columns) {
			size_t width = printable_width(t->cells[c]);

			if (width > l->widths[i])
				l->widths[i] = width;
		}
	}
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

static void put_cell(const struct table *t, const struct layout *l, size_t i, const char *text)
{
	size_t width;

	if (t->right[i]) {
		width = printable_width(text);
		put_blanks(l->widths[i] > width ? l->widths[i] - width : 0);
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
			screen_wrap(stdout, row[i], indent, l->widths[i]);
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
		screen_wrap(
			stdout, t->cells[c], indent, l->page > indent + 8 ? l->page - indent : 8);
	}
}

void table_print_end(const struct table *t)
{
	if (t->layout.hidden_n == 0)
		return;
	screen_tint(TINT_DIM);
	fputs("not shown, for want of room:", stdout);
	for (size_t i = 0; i < t->columns; i++)
		if (t->layout.hidden[i])
			printf(" %s", t->heads[i]);
	screen_tint(TINT_NONE);
	puts("");
}

static void begin(struct table *t)
{
	struct layout *l = &t->layout;

	if (l->page > 0) {
		hide_optional(t, l);
		shrink(t, l);
		l->blocks = total(t, l) > l->page;
	}
	if (l->blocks)
		l->hidden_n = 0;
	else
		print_heads(t, l);
}

void table_print(struct table *t)
{
	if (t->n == 0)
		return;
	measure(t);
	if (!t->begun)
		begin(t);
	else if (t->layout.blocks)
		puts("");
	if (t->layout.blocks)
		print_blocks(t, &t->layout);
	for (size_t c = 0; c < t->n && !t->layout.blocks; c += t->columns)
		print_row(t, &t->layout, t->cells + c);
	t->begun = true;
}
