/* options.c - see options.h. A row says where an option's value goes in struct ctl. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/options.h"
#include "ctl/screen.h"

#define DISTANCE_MAX 2 /* letters wrong in an option that is still guessed */
#define WORD_MAX 40

enum kind {
	FLAG, /* bool */
	TEXT, /* const char *: its value */
	TEXTS, /* several of them: addresses */
};

/* clang-format off */
static const struct row {
	const char *name;
	enum kind kind;
	size_t at; /* in struct ctl */
	const char *value, *help;
} rows[] = {
	{ "user",       TEXT,  offsetof(struct ctl, user),         "NAME",     "a subscriber; default_domain is added" },
	{ "net",        TEXT,  offsetof(struct ctl, net),          "CIDR",     "only addresses in that network" },
	{ "all",        FLAG,  offsetof(struct ctl, all),          NULL,       "what has ended or was revoked, too" },
	{ "for",        TEXT,  offsetof(struct ctl, for_how_long), "DURATION", "exactly so long, 30m or 12h; 30d at most" },
	{ "everything", FLAG,  offsetof(struct ctl, everything),   NULL,       "all subscribers on all addresses" },
	{ "from",       TEXT,  offsetof(struct ctl, from),         "SENDER",   "the address in MAIL FROM" },
	{ "to",         TEXT,  offsetof(struct ctl, to),           "RECIPIENT", "the address in RCPT TO" },
	{ "auth",       TEXT,  offsetof(struct ctl, auth),         "NAME",     "as if that subscriber had authenticated" },
	{ "listener",   TEXT,  offsetof(struct ctl, listener),     "ENDPOINT", "a listener, as the config has it" },
	{ "scheme",     TEXT,  offsetof(struct ctl, scheme),       "SCHEME",   "how the password is stored" },
	{ "address",    TEXTS, offsetof(struct ctl, addresses),    "ADDRESS",  "a further address of the subscriber; may be repeated" },
	{ "disabled",   FLAG,  offsetof(struct ctl, disabled),     NULL,       "an account that nobody can log in to" },
	{ "stdin",      FLAG,  offsetof(struct ctl, from_stdin),   NULL,       "the password is the first line of standard input" },
	{ "openmetrics", FLAG, offsetof(struct ctl, openmetrics),  NULL,       "as Prometheus reads them" },
	{ "at",         TEXT,  offsetof(struct ctl, at),           "TIME",     "when: 2026-01-31T23:59:59Z, or as a mail has it; now, if not given" },
	{ "port",       TEXT,  offsetof(struct ctl, port),         "PORT",     "the client's source port" },
	{ "within",     TEXT,  offsetof(struct ctl, within),       "DURATION", "so much earlier or later, too; 5m if not given" },
	{ "arf",        TEXT,  offsetof(struct ctl, arf),          "FILE",     "an abuse report says address, port and time; - for standard input" },
	{ "days",       TEXT,  offsetof(struct ctl, days),         "N",        "today (UTC) and so many days less one before it; 30 if not given" },
	{ "csv",        FLAG,  offsetof(struct ctl, csv),          NULL,       "comma-separated values, for a mail merge" },
	{ "json",       FLAG,  offsetof(struct ctl, json),         NULL,       "one JSON object a line" },
	{ "utc",        FLAG,  offsetof(struct ctl, utc),          NULL,       "times in UTC, as ISO 8601" },
};
/* clang-format on */

#define ROWS (sizeof(rows) / sizeof(rows[0]))
#define FIRST 1000 /* what getopt_long(3) returns for the first row */

_Static_assert(ROWS <= 8 * sizeof(((struct ctl *)0)->given), "given is a set of rows");

/* --- what was meant? --- */

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein's, a row at a time. */
size_t options_distance(const char *typed, const char *word)
{
	size_t row[WORD_MAX + 1], n = strlen(word);

	if (n > WORD_MAX || strlen(typed) > WORD_MAX)
		return WORD_MAX;
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 0; typed[i] != '\0'; i++) {
		size_t corner = row[0];

		row[0] = i + 1;
		for (size_t k = 0; k < n; k++) {
			size_t above = row[k + 1];

			row[k + 1] = min3(above + 1, row[k] + 1, corner + (typed[i] != word[k]));
			corner = above;
		}
	}
	return row[n];
}

static const char *nearest(const char *typed)
{
	size_t best = DISTANCE_MAX + 1;
	const char *found = NULL;

	for (size_t i = 0; i < ROWS; i++) {
		size_t far = options_distance(typed, rows[i].name);

		if (far < best) {
			best = far;
			found = rows[i].name;
		}
	}
	return found;
}

/* --- reading --- */

static void take(struct ctl *c, const struct row *r)
{
	char *at = (char *)c + r->at;

	c->given |= UINT64_C(1) << (r - rows);
	switch (r->kind) {
	case FLAG: *(bool *)(void *)at = true; break;
	case TEXT: *(const char **)(void *)at = optarg; break;
	case TEXTS:
		if (c->addresses_n < sizeof(c->addresses) / sizeof(c->addresses[0]))
			c->addresses[c->addresses_n++] = optarg;
		else
			c->too_many = true;
		break;
	}
}

static void say_wrong(int option, char **argv)
{
	const char *typed = argv[optind - 1], *word = typed;
	const char *meant;

	if (option == ':') {
		ctl_say("%s: a value is wanted behind it", typed);
		return;
	}
	if (optopt > 0 && optopt < FIRST) {
		ctl_say("-%c is no option", optopt);
		return;
	}
	while (*word == '-')
		word++;
	meant = optopt == 0 ? nearest(word) : NULL;
	if (meant != NULL)
		ctl_say("%s is no option; was --%s meant?", typed, meant);
	else
		ctl_say("%s: %s", typed,
			optopt == 0 ? "there is no such option" : "that option takes no value");
}

bool options_read(struct ctl *c, int argc, char **argv)
{
	struct option longs[ROWS + 3] = { { 0 } };
	int option;

	for (size_t i = 0; i < ROWS; i++)
		longs[i] = (struct option){ rows[i].name,
			rows[i].kind == FLAG ? no_argument : required_argument, NULL,
			FIRST + (int)i };
	longs[ROWS] = (struct option){ "help", no_argument, NULL, 'h' };
	longs[ROWS + 1] = (struct option){ "version", no_argument, NULL, 'V' };
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":c:hV", longs, NULL)) != -1) {
		if (option == 'c')
			c->conf_path = optarg;
		else if (option == 'h')
			c->help = true;
		else if (option == 'V')
			c->version = true;
		else if (option >= FIRST)
			take(c, &rows[option - FIRST]);
		else
			break;
	}
	if (option != -1)
		say_wrong(option, argv);
	else if (c->too_many)
		ctl_say("too many of --address");
	c->argc = argc - optind;
	c->argv = argv + optind;
	return option == -1 && !c->too_many;
}

/* --- which of them a command takes --- */

static bool takes(const struct subcommand *s, const struct row *r, bool *must)
{
	struct str rest = str_of(s->options), word;

	while (rest.n > 0) {
		(void)str_split(rest, ' ', &word, &rest);
		*must = str_ends(word, STR("!"));
		if (*must)
			word = str_first(word, word.n - 1);
		if (str_eq(word, str_of(r->name)))
			return true;
	}
	return false;
}

bool options_fit(const struct ctl *c, const struct subcommand *s)
{
	bool must;

	for (size_t i = 0; i < ROWS; i++)
		if ((c->given & UINT64_C(1) << i) != 0 && !takes(s, &rows[i], &must)) {
			ctl_say("%s%s%s takes no --%s", s->group, s->name[0] != '\0' ? " " : "",
				s->name, rows[i].name);
			return false;
		}
	return true;
}

void options_synopsis(struct buf *to, const struct subcommand *s)
{
	bool must;

	for (size_t i = 0; i < ROWS; i++)
		if (takes(s, &rows[i], &must))
			buf_printf(to, " %s--%s%s%s%s", must ? "" : "[", rows[i].name,
				rows[i].value != NULL ? " " : "",
				rows[i].value != NULL ? rows[i].value : "", must ? "" : "]");
}

void options_words(FILE *to, const struct subcommand *s)
{
	const char *before = "";
	bool must;

	for (size_t i = 0; i < ROWS; i++)
		if (takes(s, &rows[i], &must)) {
			fprintf(to, "%s%s%s", before, rows[i].name,
				rows[i].kind == FLAG ? "" : "=");
			before = " ";
		}
}

void options_explain(FILE *to, const struct subcommand *s)
{
	char left[64];
	bool must;

	for (size_t i = 0; i < ROWS; i++) {
		if (!takes(s, &rows[i], &must))
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name,
			rows[i].value != NULL ? " " : "",
			rows[i].value != NULL ? rows[i].value : "");
		fprintf(to, "  %-20s  ", left);
		screen_wrap_page(to, rows[i].help, 24);
	}
}
