/* metrics.c - see metrics.h. Prometheus and its node exporter's collector of text files read it, and promtool:
 * with the types of counters under the names of their samples ("..._total"), and "# EOF", so that a
 * half-written file is known. */
#include "ctl/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

char *metrics_family(const char *name, char *dst)
{
	(void)!str_to_cstr((struct str){ name, strcspn(name, "{") }, dst, COUNTERS_NAME);
	return dst;
}

bool metrics_same_family(const struct counters_seen *s, size_t a, size_t b)
{
	size_t n = strcspn(s->at[a].name, "{");

	return strcspn(s->at[b].name, "{") == n && strncmp(s->at[a].name, s->at[b].name, n) == 0;
}

bool metrics_bound(const char *name, double *bound)
{
	const char *label = strstr(name, "{le=");

	if (label != NULL && bound != NULL)
		*bound = strtod(label + 4, NULL); /* it knows +Inf */
	return label != NULL;
}

/* Names and label values come from a file: nothing but what the format takes leaves here. */
static void put_word(const char *from, size_t n, bool value)
{
	for (size_t i = 0; i < n; i++) {
		char c = from[i];
		bool fine = ascii_alnum(c) || c == '_' ||
			(value && c >= ' ' && c <= '~' && c != '"' && c != '\\');

		putchar(fine ? c : '_');
	}
}

static void put_head(const char *family, const char *suffix, const char *help, const char *type)
{
	printf("# HELP popgate_");
	put_word(family, strlen(family), false);
	printf("%s ", suffix);
	put_word(help, strlen(help), true);
	printf("\n# TYPE popgate_");
	put_word(family, strlen(family), false);
	printf("%s %s\n", suffix, type);
}

/* popgate_FAMILYSUFFIX{label="value"} */
static void put_name(const char *family, const char *suffix, const char *label, const char *value)
{
	printf("popgate_");
	put_word(family, strlen(family), false);
	printf("%s", suffix);
	if (label != NULL) {
		printf("{");
		put_word(label, strcspn(label, "="), false);
		printf("=\"");
		put_word(value, strcspn(value, "}"), true);
		printf("\"}");
	}
	printf(" ");
}

static void put_numbers(const struct counters_seen *s, size_t first, size_t n, const char *family)
{
	const char *suffix = s->at[first].gauge ? "" : "_total";

	put_head(family, suffix, s->at[first].help, s->at[first].gauge ? "gauge" : "counter");
	for (size_t i = first; i < first + n; i++) {
		const char *label = strchr(s->at[i].name, '{');
		const char *value = label != NULL ? strchr(label, '=') : NULL;

		put_name(family, suffix, value != NULL ? label + 1 : NULL,
			value != NULL ? value + 1 : NULL);
		printf("%lld\n", (long long)s->at[i].value);
	}
}

static void put_histogram(const struct counters_seen *s, size_t first, size_t n, const char *family)
{
	int64_t so_far = 0, sum_ms = 0;

	put_head(family, "", s->at[first].help, "histogram");
	for (size_t i = first; i < first + n; i++) {
		if (!metrics_bound(s->at[i].name, NULL)) {
			sum_ms = s->at[i].value;
			continue;
		}
		so_far += s->at[i].value;
		put_name(family, "_bucket", "le", strchr(s->at[i].name, '=') + 1);
		printf("%lld\n", (long long)so_far);
	}
	put_name(family, "_sum", NULL, NULL);
	printf("%lld.%03lld\n", (long long)(sum_ms / 1000), (long long)(sum_ms % 1000));
	put_name(family, "_count", NULL, NULL);
	printf("%lld\n", (long long)so_far);
}

static void put_program(const struct counters_seen *s)
{
	char family[COUNTERS_NAME];
	size_t n;

	for (size_t i = 0; i < s->n; i += n) {
		for (n = 1; i + n < s->n && metrics_same_family(s, i, i + n); n++)
			;
		metrics_family(s->at[i].name, family);
		if (metrics_bound(s->at[i].name, NULL))
			put_histogram(s, i, n, family);
		else
			put_numbers(s, i, n, family);
	}
}

static void put_up(struct counters_seen *const *seen, size_t n)
{
	put_head("up", "", "whether the program runs", "gauge");
	for (size_t i = 0; i < n; i++)
		if (seen[i] != NULL) {
			put_name("up", "", "program=", seen[i]->program);
			printf("%d\n", seen[i]->alive);
		}
	put_head("start_time_seconds", "", "when the program started, since 1970", "gauge");
	for (size_t i = 0; i < n; i++)
		if (seen[i] != NULL && seen[i]->alive) {
			put_name("start_time_seconds", "", "program=", seen[i]->program);
			printf("%lld\n", (long long)(seen[i]->since_ms / 1000));
		}
}

static void put_processes(struct counters_seen *const *seen, size_t n, bool draining)
{
	const char *family = draining ? "processes_draining" : "processes";

	put_head(family, "",
		draining ? "processes that let nobody new in" : "processes of the program",
		"gauge");
	for (size_t i = 0; i < n; i++) {
		size_t all = 0;

		if (seen[i] == NULL || !seen[i]->alive)
			continue;
		for (size_t k = 0; k < seen[i]->seats_n; k++)
			all += seen[i]->seats[k].draining == draining || !draining;
		put_name(family, "", "program=", seen[i]->program);
		printf("%zu\n", all + !draining); /* and the one that holds them together */
	}
}

void metrics_print(struct counters_seen *const *seen, size_t n)
{
	put_up(seen, n);
	put_processes(seen, n, false);
	put_processes(seen, n, true);
	for (size_t i = 0; i < n; i++)
		if (seen[i] != NULL && seen[i]->alive)
			put_program(seen[i]);
	puts("# EOF");
}
