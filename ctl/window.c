/* window.c - looking at the window: list, show, stats. Reads the view, a page at a time. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/window/view.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

#define PAGE 256
#define HEARTBEAT_MAX_MS 5000 /* an older one says that the store stopped */

static const char *const heads[] = { "addr", "user", "login", "until", "left", "logins", "service",
	"mechanism", "port", NULL };

static const char *const optional[] = { "mechanism", "port", "service", "logins", "login", "until",
	NULL };

static struct view *open_view(const struct ctl *c)
{
	struct view *v = NULL;
	enum err e = view_open(&v, c->site.state_dir);

	if (e != ERR_NONE)
		ctl_say("the window in %s cannot be read: %s", c->site.state_dir, err_text(e));
	return v;
}

static void put_entry(
	const struct ctl *c, struct table *t, struct addr key, const struct holder *h, int64_t now)
{
	bool iso = c->json || c->utc;
	char text[ADDR_TEXT], time[40];

	table_text(t, addr_format(key, text));
	table_text(t, h->who.name);
	table_moment(t, h->login_ms, iso);
	table_moment(t, h->until_ms, iso);
	table_text(t, table_left(h->until_ms - now, time));
	table_number(t, h->logins);
	table_text(t, h->source.service);
	table_text(t, h->source.mechanism);
	table_number(t, h->port);
}

struct filter {
	bool by_user, by_net;
	struct subscriber user;
	struct network net;
};

static bool read_filter(const struct ctl *c, struct filter *f)
{
	f->by_user = c->user != NULL;
	f->by_net = c->net != NULL;
	if (f->by_user && !ctl_subscriber(c, c->user, &f->user))
		return false;
	if (f->by_net && !network_parse(str_of(c->net), &f->net)) {
		ctl_say("%s: a network is wanted, like 192.0.2.0/24", c->net);
		return false;
	}
	return true;
}

static bool passes(const struct filter *f, const struct entry *e)
{
	return (!f->by_user || subscriber_eq(&f->user, &e->holder.who)) &&
		(!f->by_net || network_holds(f->net, e->key));
}

int ctl_window_list(struct ctl *c)
{
	struct view_cursor cursor = { 0 };
	struct entry page[PAGE];
	struct filter filter;
	struct view *v;
	struct table *t;
	int64_t now = clock_ms();
	size_t n, shown = 0;
	enum err e;

	if (!ctl_no_argument(c) || !read_filter(c, &filter))
		return EXIT_USAGE;
	v = open_view(c);
	if (v == NULL)
		return EXIT_AWAY;
	t = table_new(heads, c->json);
	table_optional(t, optional);
	do {
		e = view_page(v, now, c->all, &cursor, page, PAGE, &n);
		for (size_t i = 0; i < n; i++) {
			if (!passes(&filter, &page[i]))
				continue;
			put_entry(c, t, page[i].key, &page[i].holder, now);
			shown++;
		}
	} while (e == ERR_NONE && n == PAGE);
	table_end(t);
	if (e == ERR_NONE && !view_current(v, now))
		ctl_say("the store is not running or a grant was lost: who is not listed may still "
			"hold a window");
	view_close(&v);
	if (e != ERR_NONE) {
		ctl_say("the window cannot be read to its end: %s", err_text(e));
		return EXIT_AWAY;
	}
	return shown > 0 ? EXIT_YES : EXIT_NO;
}

int ctl_window_show(struct ctl *c)
{
	const char *text = ctl_one_argument(c, "an address");
	struct holders holders;
	struct addr a;
	struct view *v;
	struct table *t;
	enum held held;

	if (text == NULL || !ctl_addr(text, &a))
		return EXIT_USAGE;
	v = open_view(c);
	if (v == NULL)
		return EXIT_AWAY;
	held = view_check(v, a, clock_ms(), &holders);
	view_close(&v);
	if (held == UNKNOWN) {
		ctl_say("unknown: the store is not running, or a grant was lost");
		return EXIT_AWAY;
	}
	if (held == NOT_HELD) {
		if (!c->json)
			printf("nobody holds a window on %s\n", text);
		return EXIT_NO;
	}
	t = table_new(heads, c->json);
	table_optional(t, optional);
	for (size_t i = 0; i < holders.n; i++)
		put_entry(c, t, a, &holders.at[i], clock_ms());
	table_end(t);
	if (holders.all > holders.n)
		ctl_say("and %zu more", holders.all - holders.n);
	return EXIT_YES;
}

/* --- stats --- */

#define BARS 12

struct picture {
	size_t live;
	size_t bars[BARS +
		1]; /* how many end within each part of lifetime + slack; the last: later */
};

static enum err look(struct view *v, int64_t now, int64_t part_ms, struct picture *p)
{
	struct view_cursor cursor = { 0 };
	struct entry page[PAGE];
	size_t n;
	enum err e;

	do {
		e = view_page(v, now, false, &cursor, page, PAGE, &n);
		for (size_t i = 0; i < n; i++) {
			int64_t bar = (page[i].holder.until_ms - now) / part_ms;

			p->bars[bar < BARS ? bar : BARS]++;
			p->live++;
		}
	} while (e == ERR_NONE && n == PAGE);
	return e;
}

static void draw(const struct picture *p, int64_t part_ms)
{
	static const char full[] = "########################################";
	size_t most = 1;

	for (size_t i = 0; i <= BARS; i++)
		most = p->bars[i] > most ? p->bars[i] : most;
	puts("\nends within");
	for (size_t i = 0; i <= BARS; i++) {
		char left[40];
		int width = (int)(p->bars[i] * (sizeof(full) - 1) / most);

		if (i == BARS && p->bars[i] == 0)
			break;
		printf("  %8s  %-40.*s %zu\n",
			i == BARS ? "later" : table_left(part_ms * (int64_t)(i + 1), left), width,
			full, p->bars[i]);
	}
}

int ctl_window_stats(struct ctl *c)
{
	static const char *const names[] = { "entries", "live", "grants", "renewed", "revocations",
		"lost", "readers", "octets_used", "octets_max", "heartbeat", NULL };
	const int64_t part_ms = (c->site.window.lifetime_ms + c->site.window.slack_ms) / BARS + 1;
	struct view *v = ctl_no_argument(c) ? open_view(c) : NULL;
	struct view_facts f = { 0 };
	struct picture p = { 0 };
	int64_t now = clock_ms();
	char beat[40];
	struct table *t;
	bool current;
	enum err e;

	if (v == NULL)
		return c->argc > 0 ? EXIT_USAGE : EXIT_AWAY;
	e = view_facts(v, &f);
	if (e == ERR_NONE)
		e = look(v, now, part_ms, &p);
	current = view_current(v, now);
	view_close(&v);
	if (e != ERR_NONE) {
		ctl_say("the window cannot be read: %s", err_text(e));
		return EXIT_AWAY;
	}
	t = table_new(names, c->json);
	table_number(t, (int64_t)f.entries);
	table_number(t, (int64_t)p.live);
	table_number(t, (int64_t)f.grants);
	table_number(t, (int64_t)f.coalesced);
	table_number(t, (int64_t)f.revocations);
	table_number(t, (int64_t)f.lost);
	table_number(t, f.readers);
	table_number(t, (int64_t)f.used);
	table_number(t, (int64_t)f.map_size);
	table_text(t, table_time(f.heartbeat_ms, c->json || c->utc, beat));
	table_end(t);
	if (!c->json)
		draw(&p, part_ms);
	if (!current)
		ctl_say("the view is not current: relay that needs the window is answered 451");
	return now - f.heartbeat_ms < HEARTBEAT_MAX_MS ? EXIT_YES : EXIT_AWAY;
}
