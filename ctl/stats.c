/* stats.c - the counters of both daemons and of the store: for people, as JSON, and for Prometheus. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/daemon/counters.h"
#include "ctl/ctl.h"
#include "ctl/metrics.h"
#include "ctl/printable.h"
#include "ctl/table.h"

static const char *const programs[] = { "popgate-store", "pop3d", "smtpgate" };

#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

struct counters_seen *ctl_counters(const struct ctl *c, const char *program)
{
	char whom[CTL_WHO_TEXT];
	struct counters_seen *seen = NULL;
	enum err e = counters_read(&seen, c->site.run_dir, program);

	if (e == ERR_DENIED)
		ctl_say("you may not read the counters of %s: be %s", program,
			ctl_who_may(c, whom));
	else if (e == ERR_DAMAGED)
		ctl_say("%s/%s/counters is not of this version", c->site.run_dir, program);
	else if (e != ERR_NONE && e != ERR_ABSENT)
		ctl_say("%s/%s/counters: %s", c->site.run_dir, program, err_text(e));
	return seen;
}

/* --- histograms --- */

/* How many there are in that family; *n is set to how many rows it has. */
static int64_t count_of(const struct counters_seen *s, size_t first, size_t *n)
{
	int64_t all = 0;

	for (*n = 0; first + *n < s->n && metrics_same_family(s, first, first + *n); (*n)++)
		if (metrics_bound(s->at[first + *n].name, NULL))
			all += s->at[first + *n].value;
	return all;
}

/* No more than that many seconds in so many of a hundred cases; infinite beyond the last bound, not a number if
 * there was none. */
static double percentile(const struct counters_seen *s, size_t first, unsigned percent)
{
	size_t n;
	int64_t all = count_of(s, first, &n), so_far = 0;
	double bound = NAN;

	for (size_t i = first; i < first + n && all > 0; i++) {
		if (!metrics_bound(s->at[i].name, &bound))
			continue;
		so_far += s->at[i].value;
		if (so_far * 100 >= all * percent)
			return bound;
	}
	return NAN;
}

static const unsigned percents[] = { 50, 99 };

/* --- for people --- */

static void put_percentiles(struct table *t, const struct counters_seen *s, size_t first)
{
	char family[COUNTERS_NAME], text[160];

	metrics_family(s->at[first].name, family);
	for (size_t p = 0; p < sizeof(percents) / sizeof(percents[0]); p++) {
		double seconds = percentile(s, first, percents[p]);

		snprintf(text, sizeof(text), "%s_p%u", family, percents[p]);
		table_text(t, text);
		snprintf(text, sizeof(text), "<= %g", seconds);
		table_text(t, isnan(seconds) ? "none" : isinf(seconds) ? "> 1" : text);
		snprintf(text, sizeof(text), "%.100s, in %u of 100 cases", s->at[first].help,
			percents[p]);
		table_text(t, text);
	}
}

static void print_for_people(const struct counters_seen *s)
{
	static const char *const heads[] = { "counter", "value", "meaning", NULL };
	static const char *const optional[] = { "meaning", NULL };
	struct table *t = table_new(heads, false);
	char key[COUNTERS_NAME];

	table_optional(t, optional);
	for (size_t i = 0; i < s->n; i++) {
		size_t rows = 1;

		if (metrics_bound(s->at[i].name, NULL)) {
			(void)count_of(s, i, &rows);
			put_percentiles(t, s, i);
			i += rows - 1;
			continue;
		}
		table_text(t, counters_key(s->at[i].name, key));
		table_number(t, s->at[i].value);
		table_text(t, s->at[i].help);
	}
	table_end(t);
}

static void print_title(const struct ctl *c, const struct counters_seen *s, bool first)
{
	char since[40];

	printf("%s%s, since %s\n", first ? "" : "\n", s->program,
		table_time(s->since_ms, c->utc, since));
}

/* --- for programs --- */

static void put_json_percentiles(json_t *object, const struct counters_seen *s, size_t first)
{
	char family[COUNTERS_NAME], key[COUNTERS_NAME + 8];
	size_t rows;

	metrics_family(s->at[first].name, family);
	snprintf(key, sizeof(key), "%s_count", family);
	json_object_set_new(object, key, json_integer(count_of(s, first, &rows)));
	for (size_t p = 0; p < sizeof(percents) / sizeof(percents[0]); p++) {
		double seconds = percentile(s, first, percents[p]);

		snprintf(key, sizeof(key), "%s_p%u", family, percents[p]);
		json_object_set_new(
			object, key, isfinite(seconds) ? json_real(seconds) : json_null());
	}
}

static void print_json(const struct counters_seen *s)
{
	json_t *object = json_object();
	char key[COUNTERS_NAME], since[40], *text;

	json_object_set_new(object, "program", json_string(s->program));
	json_object_set_new(object, "pid", json_integer(s->pid));
	json_object_set_new(object, "since", json_string(table_time(s->since_ms, true, since)));
	for (size_t i = 0; i < s->n; i++) {
		size_t rows = 1;

		if (metrics_bound(s->at[i].name, NULL)) {
			(void)count_of(s, i, &rows);
			put_json_percentiles(object, s, i);
			i += rows - 1;
			continue;
		}
		json_object_set_new(
			object, counters_key(s->at[i].name, key), json_integer(s->at[i].value));
	}
	text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (text != NULL)
		puts(text);
	free(text);
	json_decref(object);
}

/* --- all of them --- */

static void print(const struct ctl *c, struct counters_seen *const *seen)
{
	bool first = true;

	if (c->openmetrics)
		metrics_print(seen, PROGRAMS);
	for (size_t i = 0; i < PROGRAMS && !c->openmetrics; i++) {
		if (seen[i] == NULL || !seen[i]->alive)
			continue;
		if (c->json) {
			print_json(seen[i]);
			continue;
		}
		print_title(c, seen[i], first);
		print_for_people(seen[i]);
		first = false;
	}
}

int ctl_stats(struct ctl *c)
{
	struct counters_seen *seen[PROGRAMS];
	size_t alive = 0;

	if (!ctl_no_argument(c))
		return EXIT_USAGE;
	if (c->json && c->openmetrics) {
		ctl_say("--json or --openmetrics, not both");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < PROGRAMS; i++) {
		seen[i] = ctl_counters(c, programs[i]);
		alive += seen[i] != NULL && seen[i]->alive;
	}
	print(c, seen);
	for (size_t i = 0; i < PROGRAMS; i++) {
		if (seen[i] != NULL && !seen[i]->alive)
			ctl_say("%s does not run", programs[i]);
		free(seen[i]);
	}
	if (alive == 0)
		ctl_say("nobody counts in %s: neither a daemon nor the store runs",
			c->site.run_dir);
	return alive > 0 ? EXIT_YES : EXIT_AWAY;
}
