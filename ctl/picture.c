/* picture.c - popgate window stats: what people would rather look at than read, in plain characters. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/window/view.h"
#include "ctl/ctl.h"
#include "ctl/screen.h"
#include "ctl/table.h"

#define PAGE 256
#define HEARTBEAT_MAX_MS 5000 /* an older one says that the store stopped */
#define ENDS 12 /* parts of lifetime + slack; one more for what ends later */
#define BAR_MAX 60 /* columns of a bar */
#define LABEL 8
#define CHART_ROWS 6

/* How many subscribers are on an address, up to and with. */
static const size_t crowds[] = { 1, 2, 3, 4, 5, 10, 20, 50, 100, SIZE_MAX };

#define CROWDS (sizeof(crowds) / sizeof(crowds[0]))

struct picture {
	struct view_facts facts;
	struct minutes minutes;
	bool has_minutes, current;
	int64_t now_ms, part_ms, lost_ms; /* lost_ms: of view_lost() */
	size_t live, addresses;
	size_t ends[ENDS + 1], crowd[CROWDS];
};

/* --- looking --- */

struct look {
	struct picture *picture;
	struct addr key; /* of the address under way */
	size_t on_key;
};

static void count_address(struct look *l)
{
	size_t i = 0;

	if (l->on_key == 0)
		return;
	while (l->on_key > crowds[i])
		i++;
	l->picture->crowd[i]++;
	l->picture->addresses++;
	l->on_key = 0;
}

static void count_entry(struct look *l, const struct entry *e)
{
	struct picture *p = l->picture;
	int64_t part = (e->holder.until_ms - p->now_ms) / p->part_ms;

	if (!addr_eq(l->key, e->key))
		count_address(l);
	l->key = e->key;
	l->on_key++;
	p->ends[part < ENDS ? part : ENDS]++;
	p->live++;
}

static enum err look(struct view *v, struct picture *p)
{
	struct progress progress = progress_begin("reading the window");
	struct view_cursor cursor = { 0 };
	struct look l = { .picture = p };
	struct entry page[PAGE];
	size_t n;
	enum err e;

	do {
		progress_at(&progress, p->live, p->facts.entries);
		e = view_page(v, p->now_ms, false, &cursor, page, PAGE, &n);
		for (size_t i = 0; i < n; i++)
			count_entry(&l, &page[i]);
	} while (e == ERR_NONE && n == PAGE);
	count_address(&l);
	progress_end(&progress);
	return e;
}

static enum err read_all(struct view *v, struct picture *p)
{
	enum err e = view_facts(v, &p->facts);

	if (e == ERR_NONE)
		e = look(v, p);
	p->has_minutes = view_minutes(v, &p->minutes);
	p->current = view_current(v, p->now_ms);
	p->lost_ms = view_lost(v, p->now_ms);
	return e;
}

/* --- drawing --- */

/* How long of width a bar is; what is there is seen. */
static size_t bar(size_t n, size_t most, size_t width)
{
	size_t length = most > 0 ? n * width / most : 0;

	return n > 0 && length == 0 ? 1 : length;
}

static void draw_bar(const char *label, size_t n, size_t most)
{
	static const char full[] = "############################################################";
	size_t width = screen_look().width - LABEL - 12, length;

	width = width < BAR_MAX ? width : BAR_MAX;
	length = bar(n, most, width);
	printf("  %*s  %.*s%s%zu\n", LABEL, label, (int)length, full, length > 0 ? " " : "", n);
}

static size_t most_of(const size_t *at, size_t n)
{
	size_t most = 0;

	for (size_t i = 0; i < n; i++)
		most = at[i] > most ? at[i] : most;
	return most;
}

static void draw_title(const char *title)
{
	puts("");
	screen_tint(TINT_HEAD);
	fputs(title, stdout);
	screen_tint(TINT_NONE);
	puts("");
}

static void draw_ends(const struct picture *p)
{
	size_t most = most_of(p->ends, ENDS + 1);
	char left[40];

	draw_title("entries that end within");
	for (size_t i = 0; i < ENDS; i++)
		draw_bar(table_left(p->part_ms * (int64_t)(i + 1), left), p->ends[i], most);
	if (p->ends[ENDS] > 0)
		draw_bar("later", p->ends[ENDS], most);
}

static void draw_crowds(const struct ctl *c, const struct picture *p)
{
	struct conf_section window = conf_section(conf_root(c->conf), "window", 0);
	size_t most = most_of(p->crowd, CROWDS), last = CROWDS;
	char label[40];

	while (last > 1 && p->crowd[last - 1] == 0)
		last--;
	snprintf(label, sizeof(label), "%u, frozen over %u", conf_number(window, "shared_after"),
		conf_number(window, "frozen_after"));
	draw_title("addresses by number of subscribers");
	for (size_t i = 0; i < last; i++) {
		size_t from = i == 0 ? 1 : crowds[i - 1] + 1;
		char range[40];

		if (crowds[i] == SIZE_MAX)
			snprintf(range, sizeof(range), "over %zu", from - 1);
		else if (crowds[i] == from)
			snprintf(range, sizeof(range), "%zu", from);
		else
			snprintf(range, sizeof(range), "%zu-%zu", from, crowds[i]);
		draw_bar(range, p->crowd[i], most);
	}
	printf("  shared over %s\n", label);
}

/* --- logins, a column for each minute, or for each few where there is no room --- */

struct chart {
	size_t columns, each; /* minutes a column */
	size_t n[MINUTES];
	size_t most, all;
};

static struct chart chart_of(const struct picture *p)
{
	size_t width = screen_look().width;
	struct chart c = { .each = width >= MINUTES + 10 ? 1 : width >= MINUTES / 2 + 10 ? 2 : 4 };

	c.columns = MINUTES / c.each;
	for (unsigned ago = 0; ago < MINUTES; ago++) {
		uint32_t n = minutes_at(&p->minutes, p->now_ms, ago);

		c.n[c.columns - 1 - ago / c.each] += n;
		c.all += n;
	}
	c.most = most_of(c.n, c.columns);
	return c;
}

static void draw_columns(const struct chart *c)
{
	for (size_t row = CHART_ROWS; row > 0; row--) {
		if (row == CHART_ROWS)
			printf("%7zu |", c->most);
		else
			printf("%7s |", "");
		for (size_t i = 0, blanks = 0; i < c->columns; i++) {
			if (bar(c->n[i], c->most, CHART_ROWS) < row) {
				blanks++;
				continue;
			}
			printf("%*s#", (int)blanks, "");
			blanks = 0;
		}
		puts("");
	}
}

static void draw_logins(const struct picture *p)
{
	const struct chart c = chart_of(p);
	char title[80];

	snprintf(title, sizeof(title), "logins in the last hour: %zu", c.all);
	draw_title(title);
	draw_columns(&c);
	printf("%7s +", "0");
	for (size_t i = 0; i < c.columns; i++)
		putchar(i % (15 / c.each) == 0 && i > 0 ? '+' : '-');
	printf("\n%9s%-*snow\n", "", (int)c.columns - 3, "60m ago");
	if (c.each > 1)
		printf("%9sa column is %zu minutes\n", "", c.each);
}

/* --- all of it --- */

static void put_fact(struct table *t, const char *name, uint64_t value)
{
	table_text(t, name);
	table_number(t, (int64_t)value);
}

static void print_facts(const struct ctl *c, const struct picture *p)
{
	static const char *const heads[] = { "fact", "value", NULL };
	struct table *t = table_new(heads, false);
	const struct view_facts *f = &p->facts;

	put_fact(t, "live entries", p->live);
	put_fact(t, "addresses", p->addresses);
	put_fact(t, "entries not yet purged", f->entries);
	put_fact(t, "grants", f->grants);
	put_fact(t, "renewed", f->coalesced);
	put_fact(t, "revocations", f->revocations);
	put_fact(t, "lost grants", f->lost);
	put_fact(t, "reader slots", f->readers);
	put_fact(t, "octets used", f->used);
	put_fact(t, "octets at most", f->map_size);
	table_text(t, "heartbeat");
	table_moment(t, f->heartbeat_ms, c->utc);
	table_end(t);
}

static json_t *array_of(const size_t *at, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_integer((json_int_t)at[i]));
	return array;
}

static void print_json(const struct picture *p)
{
	const struct view_facts *f = &p->facts;
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = { { "entries", f->entries }, { "live", p->live },
		{ "addresses", p->addresses }, { "grants", f->grants }, { "renewed", f->coalesced },
		{ "revocations", f->revocations }, { "lost", f->lost }, { "readers", f->readers },
		{ "octets_used", f->used }, { "octets_max", f->map_size } };
	size_t logins[MINUTES];
	json_t *o = json_object(), *by_crowd = json_array();
	char beat[40], *text;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(o, numbers[i].name, json_integer((json_int_t)numbers[i].value));
	json_object_set_new(o, "heartbeat", json_string(table_time(f->heartbeat_ms, true, beat)));
	json_object_set_new(o, "ends_every_ms", json_integer(p->part_ms));
	json_object_set_new(o, "ends", array_of(p->ends, ENDS + 1));
	for (unsigned ago = 0; ago < MINUTES; ago++)
		logins[MINUTES - 1 - ago] = minutes_at(&p->minutes, p->now_ms, ago);
	json_object_set_new(o, "logins_per_minute", array_of(logins, MINUTES));
	for (size_t i = 0; i < CROWDS; i++)
		json_array_append_new(by_crowd,
			json_pack("{s:o,s:I}", "subscribers_at_most",
				crowds[i] == SIZE_MAX ? json_null()
						      : json_integer((json_int_t)crowds[i]),
				"addresses", (json_int_t)p->crowd[i]));
	json_object_set_new(o, "addresses_by_subscribers", by_crowd);
	text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (text != NULL)
		puts(text);
	free(text);
	json_decref(o);
}

static void print_for_people(const struct ctl *c, const struct picture *p)
{
	print_facts(c, p);
	draw_ends(p);
	if (p->has_minutes)
		draw_logins(p);
	if (p->live > 0)
		draw_crowds(c, p);
}

int ctl_window_stats(struct ctl *c)
{
	struct picture p = { .now_ms = clock_ms(),
		.part_ms = (c->site.window.lifetime_ms + c->site.window.slack_ms) / ENDS + 1 };
	struct view *v;
	char until[40];
	enum err e;

	if (!ctl_no_argument(c))
		return EXIT_USAGE;
	v = ctl_view(c);
	if (v == NULL)
		return EXIT_AWAY;
	e = read_all(v, &p);
	view_close(&v);
	if (e != ERR_NONE) {
		ctl_say("the window cannot be read: %s", err_text(e));
		return EXIT_AWAY;
	}
	if (c->json)
		print_json(&p);
	else
		print_for_people(c, &p);
	if (p.lost_ms > 0 && p.lost_ms < INT64_MAX)
		ctl_say("a login was not recorded: until %s who holds no window is answered 451",
			table_time(p.lost_ms, c->utc, until));
	else if (!p.current)
		ctl_say("the view is not current: relay that needs the window is answered 451");
	return p.now_ms - p.facts.heartbeat_ms < HEARTBEAT_MAX_MS ? EXIT_YES : EXIT_AWAY;
}
