/* table.c - see table.h: cells in, JSON out. Rows for people are kept, to know their widths. */
#include "ctl/table_private.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/utf8.h"
#include "ctl/printable.h"

struct table *table_new(const char *const *heads, bool json)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		abort();
	t->heads = heads;
	t->json = json;
	t->screen = screen_look();
	while (heads[t->columns] != NULL)
		t->columns++;
	return t;
}

void table_optional(struct table *t, const char *const *names)
{
	t->optional = names;
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

static char *cleaned(const char *text, bool ascii)
{
	size_t size = PRINTABLE_MAX(strlen(text));
	char *copy = malloc(size);

	if (copy == NULL)
		abort();
	printable(str_of(text), ascii, copy, size);
	return copy;
}

static void print_rows(struct table *t)
{
	table_print(t);
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	t->n = 0;
}

static void add_cell(struct table *t, const char *text)
{
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? 64 : t->cap * 2;
		t->cells = realloc(t->cells, t->cap * sizeof(*t->cells));
	}
	if (t->cells == NULL)
		abort();
	t->cells[t->n++] = cleaned(text, t->screen.terminal && t->screen.ascii);
	t->at = (t->at + 1) % t->columns;
	if (t->n == TABLE_ROWS * t->columns)
		print_rows(t);
}

/* JSON has no way to say what is no UTF-8. */
static void add_json_text(struct table *t, const char *text)
{
	char *copy = utf8_valid(str_of(text)) ? NULL : cleaned(text, false);

	add_json(t, json_string(copy != NULL ? copy : text));
	free(copy);
}

void table_text(struct table *t, const char *text)
{
	if (t->json)
		add_json_text(t, text);
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

void table_none(struct table *t)
{
	if (t->json)
		add_json(t, json_null());
	else
		add_cell(t, "-");
}

void table_end(struct table *t)
{
	print_rows(t);
	table_print_end(t);
	free(t->cells);
	free(t);
}

/* --- times --- */

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

static bool same_day(const struct tm *a, const struct tm *b)
{
	return a->tm_year == b->tm_year && a->tm_yday == b->tm_yday;
}

void table_moment(struct table *t, int64_t ms, bool iso)
{
	time_t then = (time_t)(ms / 1000), now = (time_t)(clock_ms() / 1000);
	struct tm of_then, of_now;
	char text[40];

	localtime_r(&then, &of_then);
	localtime_r(&now, &of_now);
	if (t->json || iso || !t->screen.terminal || !same_day(&of_then, &of_now))
		table_text(t, table_time(ms, iso || t->json, text));
	else if (strftime(text, sizeof(text), "%H:%M:%S", &of_then) > 0)
		table_text(t, text);
}
