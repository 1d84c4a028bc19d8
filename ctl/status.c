/* status.c - who runs, since when, with which settings, and where each of those comes from. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/daemon/counters.h"
#include "ctl/ctl.h"
#include "ctl/screen.h"
#include "ctl/table.h"

static const char *const programs[] = { "popgate-store", "pop3d", "smtpgate" };

#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

/* --- processes --- */

static void put_number(struct table *t, bool known, int64_t number)
{
	if (known)
		table_number(t, number);
	else
		table_none(t);
}

static void put_process(const struct ctl *c, struct table *t, const char *program,
	const struct counters_seat *who, const char *state)
{
	bool runs = who->pid > 0,
	     worker = strcmp(who->role, "supervisor") != 0 && strcmp(who->role, "store") != 0;

	if (c->json)
		table_text(t, "process");
	table_text(t, program);
	table_text(t, who->role);
	put_number(t, worker, who->slot);
	put_number(t, strcmp(who->role, "store") != 0, who->generation);
	put_number(t, runs, who->pid);
	if (runs)
		table_moment(t, who->since_ms, c->utc);
	else
		table_none(t);
	table_text(t, state);
}

static int by_generation(const void *a, const void *b)
{
	const struct counters_seat *x = a, *y = b;

	if (x->generation != y->generation)
		return x->generation < y->generation ? 1 : -1;
	if (strcmp(x->role, y->role) != 0)
		return strcmp(x->role, y->role);
	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

static void put_program(
	const struct ctl *c, struct table *t, const char *program, struct counters_seen *s)
{
	struct counters_seat first = { 0 };
	bool alive = s != NULL && s->alive;

	snprintf(first.role, sizeof(first.role), "%s",
		strcmp(program, programs[0]) == 0 ? "store" : "supervisor");
	if (alive) {
		first.pid = s->pid;
		first.generation = s->generation;
		first.since_ms = s->since_ms;
	}
	put_process(c, t, program, &first,
		alive               ? "runs"
			: s != NULL ? "does not run"
				    : "did not run here");
	if (!alive)
		return;
	qsort(s->seats, s->seats_n, sizeof(s->seats[0]), by_generation);
	for (size_t i = 0; i < s->seats_n; i++)
		put_process(
			c, t, program, &s->seats[i], s->seats[i].draining ? "drains" : "serves");
}

static void print_processes(const struct ctl *c, struct counters_seen *const *seen)
{
	static const char *const heads[] = { "program", "role", "slot", "generation", "pid",
		"since", "state", NULL };
	static const char *const json_heads[] = { "kind", "program", "role", "slot", "generation",
		"pid", "since", "state", NULL };
	static const char *const optional[] = { "slot", "generation", "since", NULL };
	struct table *t = table_new(c->json ? json_heads : heads, c->json);

	table_optional(t, optional);
	for (size_t i = 0; i < PROGRAMS; i++)
		put_program(c, t, programs[i], seen[i]);
	table_end(t);
}

/* --- settings --- */

struct settings {
	const struct ctl *c;
	struct table *table;
};

/* What a default that stands for something else comes to; NULL: it is what it says. */
static const char *effect(const struct ctl *c, const char *name, const char *value, char *dst)
{
	if (strcmp(name, "hostname") == 0 && value[0] == '\0')
		return c->site.hostname;
	if (strcmp(name, "workers") == 0 && strcmp(value, "0") == 0)
		snprintf(dst, 40, "%u", c->site.workers);
	else if (strcmp(name, "window.slack") == 0 && strcmp(value, "auto") == 0)
		snprintf(dst, 40, "%llds", (long long)(c->site.window.slack_ms / 1000));
	else
		return NULL;
	return dst;
}

/* On a terminal the file's name is enough. */
static const char *short_where(const char *where)
{
	const char *slash = strrchr(where, '/');

	return slash != NULL && screen_look().terminal ? slash + 1 : where;
}

static void put_setting(
	void *owner, const char *name, const char *value, struct conf_section s, const char *option)
{
	const struct settings *all = owner;
	char where[CONF_WHERE], number[40], text[4200];
	const char *in_effect = effect(all->c, name, value, number);

	conf_where(s, option, where);
	if (all->c->json) {
		table_text(all->table, "setting");
		table_text(all->table, name);
		table_text(all->table, value);
		table_text(all->table, in_effect != NULL ? in_effect : value);
		table_text(all->table, where);
		return;
	}
	snprintf(text, sizeof(text), in_effect != NULL ? "%.4000s%sin effect: %s" : "%.4000s%s%s",
		value, in_effect != NULL && value[0] != '\0' ? ", " : "",
		in_effect != NULL ? in_effect : "");
	table_text(all->table, name);
	table_text(all->table, short_where(where));
	table_text(all->table, text);
}

static void print_settings(struct ctl *c)
{
	static const char *const heads[] = { "setting", "from", "value", NULL };
	static const char *const json_heads[] = { "kind", "setting", "value", "effective", "from",
		NULL };
	struct settings all = { c, table_new(c->json ? json_heads : heads, c->json) };

	conf_walk(c->conf, put_setting, &all);
	table_end(all.table);
}

/* --- does the one belong to the other? --- */

static void compare(const struct ctl *c, const struct counters_seen *s, const char *conf_path)
{
	struct stat st;

	if (s == NULL || !s->alive)
		return;
	if (conf_path != NULL && strcmp(s->conf_path, conf_path) != 0)
		ctl_say("%s runs with %s, not with %s", s->program, s->conf_path, conf_path);
	else if (stat(c->conf_path, &st) == 0 && (int64_t)st.st_mtim.tv_sec * 1000 > s->loaded_ms)
		ctl_say("%s has an older config: the file was changed after it was read",
			s->program);
}

/* Who ran here and ended is missed; a host may have one of the daemons alone. */
static bool is_whole(struct counters_seen *const *seen)
{
	size_t alive = 0;

	for (size_t i = 0; i < PROGRAMS; i++) {
		if (seen[i] != NULL && !seen[i]->alive)
			return false;
		alive += seen[i] != NULL;
	}
	return seen[0] != NULL && alive > 1;
}

int ctl_status(struct ctl *c)
{
	struct counters_seen *seen[PROGRAMS];
	char *conf_path = realpath(c->conf_path, NULL);
	bool whole;

	if (!ctl_no_argument(c)) {
		free(conf_path);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < PROGRAMS; i++)
		seen[i] = ctl_counters(c, programs[i]);
	whole = is_whole(seen);
	print_processes(c, seen);
	if (!c->json)
		puts("");
	print_settings(c);
	for (size_t i = 0; i < PROGRAMS; i++) {
		compare(c, seen[i], conf_path);
		free(seen[i]);
	}
	free(conf_path);
	return whole ? EXIT_YES : EXIT_AWAY;
}
