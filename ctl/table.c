/* table.c - see table.h. A table for people is kept until its end, to know its widths. */
#include "ctl/table.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"

struct table {
	const char *const *heads; /* borrowed */
	size_t columns, at; /* at: of the row under way */
	bool json;
	json_t *object; /* JSON: the row under way */
	char **cells; /* owned: all rows so far */
	bool right[TABLE_COLUMNS]; /* numbers stand to the right */
	size_t n, cap;
};

struct table *table_new(const char *const *heads, bool json)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		abort();
	t->heads = heads;
	t->json = json;
	while (heads[t->columns] != NULL)
		t->columns++;
	return t;
}

static void print_object(struct table *t)
{
	char *text = json_dumps(t->object, JSON_COMPACT | JSON_PRESERVE_ORDER);

	if (text != NULL)
		puts(text);
	free(text);
	json_decref(t->object);
	t->object = NULL;
}

static void add_json(struct table *t, json_t *value)
{
	if (t->object == NULL)
		t->object = json_object();
	json_object_set_new(t->object, t->heads[t->at], value);
	t->at = (t->at + 1) % t->columns;
	if (t->at == 0)
		print_object(t);
}

static void add_cell(struct table *t, const char *text)
{
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? 64 : t->cap * 2;
		t->cells = realloc(t->cells, t->cap * sizeof(*t->cells));
	}
	if (t->cells == NULL || (t->cells[t->n] = strdup(text)) == NULL)
		abort();
	t->n++;
	t->at = (t->at + 1) % t->columns;
}

void table_text(struct table *t, const char *text)
{
	if (t->json)
		add_json(t, json_string(text));
	else
		add_cell(t, text);
}

void table_number(struct table *t, int64_t number)
{
	char text[32];

	if (t->json) {
		add_json(t, json_integer(number));
		return;
	}
	t->right[t->at] = true;
	snprintf(text, sizeof(text), "%lld", (long long)number);
	add_cell(t, text);
}

static void print_row(const struct table *t, char *const *row, const int *widths)
{
	for (size_t i = 0; i < t->columns; i++) {
		bool last = i + 1 == t->columns;

		if (last && !t->right[i])
			printf("%s\n", row[i]);
		else
			printf("%*s%s", t->right[i] ? widths[i] : -widths[i], row[i],
				last ? "\n" : "  ");
	}
}

static void print_heads(const struct table *t, const int *widths)
{
	bool bold = isatty(STDOUT_FILENO) != 0 && getenv("NO_COLOR") == NULL;
	char words[TABLE_COLUMNS][32], *row[TABLE_COLUMNS];

	for (size_t i = 0; i < t->columns; i++) {
		snprintf(words[i], sizeof(words[i]), "%s", t->heads[i]);
		for (char *c = words[i]; *c != '\0'; c++)
			*c = (char)(*c == '_' ? ' ' : *c >= 'a' && *c <= 'z' ? *c - 32 : *c);
		row[i] = words[i];
	}
	fputs(bold ? "\033[1m" : "", stdout);
	print_row(t, row, widths);
	fputs(bold ? "\033[0m" : "", stdout);
}

static void print_all(const struct table *t)
{
	int widths[TABLE_COLUMNS];

	for (size_t i = 0; i < t->columns; i++) {
		widths[i] = (int)strlen(t->heads[i]);
		for (size_t c = i; c < t->n; c += t->columns)
			if ((int)strlen(t->cells[c]) > widths[i])
				widths[i] = (int)strlen(t->cells[c]);
	}
	if (t->n > 0)
		print_heads(t, widths);
	for (size_t c = 0; c < t->n; c += t->columns)
		print_row(t, t->cells + c, widths);
}

void table_end(struct table *t)
{
	if (!t->json)
		print_all(t);
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

char *table_time(int64_t ms, bool iso, char *dst)
{
	time_t t = (time_t)(ms / 1000);
	struct tm local;

	if (iso)
		return log_time_format(ms, dst);
	localtime_r(&t, &local);
	strftime(dst, 40, "%Y-%m-%d %H:%M:%S", &local);
	return dst;
}

char *table_left(int64_t ms, char *dst)
{
	int64_t s = ms / 1000;

	if (ms <= 0)
		snprintf(dst, 40, "ended");
	else if (s < 120)
		snprintf(dst, 40, "%llds", (long long)s);
	else if (s < 7200)
		snprintf(dst, 40, "%lldm", (long long)(s / 60));
	else
		snprintf(dst, 40, "%lldh %lldm", (long long)(s / 3600), (long long)(s / 60 % 60));
	return dst;
}
