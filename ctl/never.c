/* never.c - popgate window never: logins from where nothing is granted. */
#include "common/window/view.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

static void put(struct table *t, struct view *v, const struct network *of, bool iso)
{
	struct hits h = { 0 };
	char text[ADDR_TEXT], last[40];

	(void)!view_hits(v, of, &h); /* zero, then */
	table_text(t, of == NULL ? "own" : network_format(*of, text));
	table_number(t, (int64_t)h.n);
	table_text(t, h.n > 0 ? table_time(h.last_ms, iso, last) : "");
}

int ctl_window_never(struct ctl *c)
{
	static const char *const heads[] = { "network", "hits", "last", NULL };
	struct conf_section window = conf_section(conf_root(c->conf), "window", 0);
	struct view *v = NULL;
	struct table *t;
	enum err e;

	if (!ctl_no_argument(c))
		return EXIT_USAGE;
	e = view_open(&v, c->site.state_dir);
	if (e != ERR_NONE) {
		ctl_say("the window in %s cannot be read: %s", c->site.state_dir, err_text(e));
		return EXIT_AWAY;
	}
	t = table_new(heads, c->json);
	put(t, v, NULL, c->json || c->utc);
	for (size_t i = 0; i < conf_count(window, "never"); i++) {
		const struct network of = conf_nth_network(window, "never", i);

		put(t, v, &of, c->json || c->utc);
	}
	for (size_t i = 0; i < conf_count(conf_root(c->conf), "proxies"); i++) {
		const struct network of = conf_nth_network(conf_root(c->conf), "proxies", i);

		put(t, v, &of, c->json || c->utc);
	}
	table_end(t);
	view_close(&v);
	return EXIT_YES;
}
