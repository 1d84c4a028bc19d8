/* window.c - looking at the window: list and show. Reads the view, a page at a time. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/window/view.h"
#include "ctl/filter.h"
#include "ctl/screen.h"
#include "ctl/table.h"

#define PAGE 256

static const char *const heads[] = { "addr", "user", "login", "until", "left", "logins", "service",
	"mechanism", "port", NULL };

static const char *const optional[] = { "mechanism", "port", "service", "logins", "login", "until",
	NULL };

struct view *ctl_view(const struct ctl *c)
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

bool filter_read(const struct ctl *c, struct filter *f)
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

bool filter_passes(const struct filter *f, struct addr a, const struct subscriber *who)
{
	return (!f->by_user || subscriber_eq(&f->user, who)) &&
		(!f->by_net || network_holds(f->net, a));
}

int ctl_window_list(struct ctl *c)
{
	struct view_cursor cursor = { 0 };
	struct entry page[PAGE];
	struct filter filter;
	struct view *v;
	struct table *t;
	int64_t now = clock_ms();
	struct progress progress = progress_begin("reading the window");
	size_t n, shown = 0, looked = 0;
	enum err e;

	if (!ctl_no_argument(c) || !filter_read(c, &filter))
		return EXIT_USAGE;
	v = ctl_view(c);
	if (v == NULL)
		return EXIT_AWAY;
	t = table_new(heads, c->json);
	table_optional(t, optional);
	do {
		progress_at(&progress, looked, 0);
		e = view_page(v, now, c->all, &cursor, page, PAGE, &n);
		looked += n;
		for (size_t i = 0; i < n; i++) {
			if (!filter_passes(&filter, page[i].key, &page[i].holder.who))
				continue;
			put_entry(c, t, page[i].key, &page[i].holder, now);
			shown++;
		}
	} while (e == ERR_NONE && n == PAGE);
	progress_end(&progress);
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
	v = ctl_view(c);
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
