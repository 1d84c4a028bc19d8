/* report.c - popgate report: who still needs the window, those who need it most first. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/window/history_ask.h"
#include "ctl/away.h"
#include "ctl/csv.h"
#include "ctl/ctl.h"
#include "ctl/screen.h"
#include "ctl/table.h"

#define DAYS 30
#define WAIT_MS 60000
#define CSV_LINE_MAX 4096

struct rows {
	struct dependence *at; /* owned */
	size_t n, cap;
	struct history_end end;
};

/* --- reading --- */

static void add(struct rows *r, const struct dependence *d)
{
	if (r->n == r->cap) {
		r->cap = r->cap == 0 ? 64 : r->cap * 2;
		r->at = realloc(r->at, r->cap * sizeof(*r->at));
		if (r->at == NULL)
			abort();
	}
	r->at[r->n++] = *d;
}

static int by_dependence(const void *a, const void *b)
{
	const struct dependence *x = a, *y = b;

	if (x->window != y->window)
		return x->window > y->window ? -1 : 1;
	if (x->days != y->days)
		return x->days > y->days ? -1 : 1;
	return strcmp(x->who.name, y->who.name);
}

static enum err look(const struct ctl *c, uint16_t days, struct rows *r)
{
	const struct history_question ask = { .days = days, .all = c->all };
	struct history_ask *h = NULL;
	struct history_answer a = { 0 };
	struct progress p = progress_begin("reading the history");
	enum err e = history_ask_open(&h, c->site.run_dir, WIRE_REPORT, &ask);

	while (e == ERR_NONE && a.says != HISTORY_END) {
		e = history_ask_next(h, WAIT_MS, &a);
		if (e == ERR_NONE && a.says == HISTORY_DEPENDENCE)
			add(r, &a.dependence);
		progress_at(&p, r->n, 0);
	}
	progress_end(&p);
	history_ask_close(&h);
	r->end = a.end;
	if (r->n > 0)
		qsort(r->at, r->n, sizeof(*r->at), by_dependence);
	return e;
}

/* --- printing --- */

static const char *time_or_never(int64_t ms, bool iso, char *dst)
{
	return ms > 0 ? table_time(ms, iso, dst) : "";
}

static const char *tls_of(const struct manner *m)
{
	return m->ms == 0 ? "" : m->tls ? "yes" : "no";
}

static const char *addr_of(const struct manner *m, char *dst)
{
	return m->ms == 0 ? "" : addr_format(m->addr, dst);
}

/* The later of the two ways: how to reach the person's program. */
static const struct manner *shown(const struct dependence *d)
{
	return d->manners.by_window.ms > 0 ? &d->manners.by_window : &d->manners.by_auth;
}

static void put_person(const struct ctl *c, struct table *t, const struct dependence *d)
{
	const struct manner *m = shown(d);
	char text[64];

	table_text(t, d->who.name);
	table_number(t, d->window);
	table_number(t, d->authenticated);
	table_number(t, d->days);
	table_number(t, d->logins);
	table_text(t, time_or_never(m->ms, c->utc, text));
	table_text(t, addr_of(m, text));
	table_number(t, m->listener);
	table_text(t, tls_of(m));
	table_text(t, m->helo);
}

static const char *const keys[] = { "user", "window_relays", "auth_relays", "days", "logins",
	"logins_without_tls", "last_login", "window_last", "window_addr", "window_port",
	"window_tls", "window_helo", "auth_last", "auth_addr", "auth_port", "auth_tls", "auth_helo",
	NULL };

static void put_manner(struct table *t, const struct manner *m)
{
	char text[64];

	table_text(t, time_or_never(m->ms, true, text));
	table_text(t, addr_of(m, text));
	table_number(t, m->listener);
	table_text(t, tls_of(m));
	table_text(t, m->helo);
}

static void put_program(struct table *t, const struct dependence *d)
{
	char text[64];

	table_text(t, d->who.name);
	table_number(t, d->window);
	table_number(t, d->authenticated);
	table_number(t, d->days);
	table_number(t, d->logins);
	table_number(t, d->clear);
	table_text(t, time_or_never(d->login_ms, true, text));
	put_manner(t, &d->manners.by_window);
	put_manner(t, &d->manners.by_auth);
}

static void print_table(const struct ctl *c, const struct rows *r)
{
	static const char *const heads[] = { "user", "window", "auth", "days", "logins", "last",
		"addr", "port", "tls", "helo", NULL };
	struct table *t = table_new(c->json ? keys : heads, c->json);

	for (size_t i = 0; i < r->n; i++) {
		if (c->json)
			put_program(t, &r->at[i]);
		else
			put_person(c, t, &r->at[i]);
	}
	table_end(t);
}

static void csv_manner(struct buf *b, const struct manner *m)
{
	char text[64];

	csv_cell(b, false, str_of(time_or_never(m->ms, true, text)));
	csv_cell(b, false, str_of(addr_of(m, text)));
	if (m->ms > 0)
		csv_number(b, false, m->listener);
	else
		csv_cell(b, false, STR(""));
	csv_cell(b, false, str_of(tls_of(m)));
	csv_cell(b, false, str_of(m->helo));
}

static void csv_row(struct buf *b, const struct dependence *d)
{
	char text[64];

	csv_cell(b, true, subscriber_str(&d->who));
	csv_number(b, false, d->window);
	csv_number(b, false, d->authenticated);
	csv_number(b, false, d->days);
	csv_number(b, false, d->logins);
	csv_number(b, false, d->clear);
	csv_cell(b, false, str_of(time_or_never(d->login_ms, true, text)));
	csv_manner(b, &d->manners.by_window);
	csv_manner(b, &d->manners.by_auth);
	csv_end(b);
}

static void flush(struct buf *b)
{
	fwrite(buf_str(b).p, 1, b->len, stdout);
	buf_clear(b);
}

static void print_csv(const struct rows *r)
{
	struct buf b;

	buf_init(&b, CSV_LINE_MAX);
	for (size_t i = 0; keys[i] != NULL; i++)
		csv_cell(&b, i == 0, str_of(keys[i]));
	csv_end(&b);
	flush(&b);
	for (size_t i = 0; i < r->n; i++) {
		csv_row(&b, &r->at[i]);
		flush(&b);
	}
	buf_free(&b);
}

/* Days before the history began, or that are no longer kept, were not counted. */
static void warn_of_gaps(const struct ctl *c, const struct rows *r, uint16_t days)
{
	int64_t asked = clock_ms() / DAY_MS * DAY_MS - (days - 1) * DAY_MS;
	int64_t kept = clock_ms() - r->end.counts_ms;
	int64_t since = r->end.began_ms > kept ? r->end.began_ms : kept;
	char time[40];

	if (since - asked >= DAY_MS)
		ctl_say("the counters go back to %s", table_time(since, c->utc, time));
	if (r->end.lost > 0)
		ctl_say("%llu events were never counted, the last at %s",
			(unsigned long long)r->end.lost, table_time(r->end.lost_ms, c->utc, time));
}

static bool read_days(const struct ctl *c, uint16_t *out)
{
	uint64_t days = DAYS;

	if (c->argc > 0) {
		ctl_say("%s: report takes options only", c->argv[0]);
		return false;
	}
	if (c->days != NULL &&
		(!str_to_u64(str_of(c->days), HISTORY_DAYS_MAX, &days) || days == 0)) {
		ctl_say("--days %s: a number of days is wanted, from 1 to %d", c->days,
			HISTORY_DAYS_MAX);
		return false;
	}
	if (c->csv && c->json) {
		ctl_say("--csv or --json, not both");
		return false;
	}
	*out = (uint16_t)days;
	return true;
}

int ctl_report(struct ctl *c)
{
	struct rows r = { 0 };
	uint16_t days;
	enum err e;
	int code;

	if (!read_days(c, &days))
		return EXIT_USAGE;
	e = look(c, days, &r);
	code = ctl_history_away(c, e, &r.end);
	if (code == EXIT_YES) {
		if (c->csv)
			print_csv(&r);
		else
			print_table(c, &r);
		if (r.n == 0 && !c->csv && !c->json)
			puts(c->all ? "nobody logged in or sent anything"
				    : "nobody needed the window");
		warn_of_gaps(c, &r, days);
		code = r.n > 0 ? EXIT_YES : EXIT_NO;
	}
	free(r.at);
	return code;
}
