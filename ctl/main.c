/* main.c - popgate: a table of subcommands, and help. */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/material.h"
#include "common/conf/listeners.h"
#include "common/conf/tls.h"
#include "common/users/passwdfile.h"
#include "ctl/options.h"
#include "ctl/printable.h"
#include "ctl/screen.h"
#include "pop3d/settings.h"
#include "smtpgate/settings.h"

#define DEFAULT_CONF "/etc/popgate/popgate.conf"

#define SAID_MAX 2048 /* octets of what is said at a time */

/* A name or a path in it may hold anything. */
static void say_line(struct str line)
{
	char shown[PRINTABLE_MAX(SAID_MAX)];

	printable(line, screen_look().ascii, shown, sizeof(shown));
	fprintf(stderr, "%s\n", shown);
}

void ctl_say(const char *format, ...)
{
	char text[SAID_MAX];
	va_list args;

	fflush(stdout);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fputs("popgate: ", stderr);
	say_line(str_of(text));
}

void ctl_complain(const struct buf *complaints)
{
	struct str rest = buf_str(complaints), line;

	while (rest.n > 0) {
		(void)str_split(rest, '\n', &line, &rest);
		if (line.n > SAID_MAX)
			line.n = SAID_MAX;
		say_line(line);
	}
}

char *ctl_who_may(const struct ctl *c, char *dst)
{
	if (c->site.run_as_group[0] != '\0')
		snprintf(dst, CTL_WHO_TEXT, "root or in the group \"%.80s\"", c->site.run_as_group);
	else
		snprintf(dst, CTL_WHO_TEXT, "root or who runs the daemons");
	return dst;
}

const char *ctl_one_argument(const struct ctl *c, const char *what)
{
	if (c->argc == 1)
		return c->argv[0];
	ctl_say("%s is wanted%s", what, c->argc > 1 ? ", and nothing else" : "");
	return NULL;
}

bool ctl_no_argument(const struct ctl *c)
{
	if (c->argc > 0)
		ctl_say("%s: no argument is wanted", c->argv[0]);
	return c->argc == 0;
}

bool ctl_addr(const char *text, struct addr *out)
{
	if (addr_parse(str_of(text), out))
		return true;
	ctl_say("%s: an address is wanted, like 192.0.2.1 or 2001:db8::1", text);
	return false;
}

bool ctl_subscriber(const struct ctl *c, const char *text, struct subscriber *out)
{
	if (subscriber_fold(str_of(text), c->site.default_domain, out))
		return true;
	ctl_say("%s: no subscriber can have that name", text);
	return false;
}

/* The daemons start whatever is wrong with it, and leave bad lines out; each is logged (popgate-log(7)). */
static void look_at_accounts(const struct ctl *c)
{
	struct passwdfile *f;
	enum err e = passwdfile_open(&f, c->site.users_path, c->site.default_domain);

	if (e != ERR_NONE) {
		ctl_say("%s: %s: nobody can log in", c->site.users_path, err_text(e));
		return;
	}
	if (passwdfile_accounts(f) == 0)
		ctl_say("%s: no account: nobody can log in", c->site.users_path);
	passwdfile_close(&f);
}

/* The config as both daemons would read it. */
static int check(struct ctl *c)
{
	struct buf complaints, material;
	struct pop3_settings pop3;
	struct gate_settings gate;
	struct listeners listeners;
	enum err e;

	if (!ctl_no_argument(c))
		return EXIT_USAGE;
	buf_init(&complaints, 1 << 16);
	buf_init(&material, MATERIAL_MAX);
	e = listeners_read(&listeners, c->conf, "pop3d", &complaints);
	e = pop3_settings_read(&pop3, c->conf, &complaints) != ERR_NONE ? ERR_SYNTAX : e;
	e = listeners_read(&listeners, c->conf, "smtpgate", &complaints) != ERR_NONE ? ERR_SYNTAX
										     : e;
	e = gate_settings_read(&gate, c->conf, &complaints) != ERR_NONE ? ERR_SYNTAX : e;
	e = tls_material_read(&material, c->conf, &complaints) != ERR_NONE ? ERR_SYNTAX : e;
	buf_free(&material);
	ctl_complain(&complaints);
	buf_free(&complaints);
	if (e != ERR_NONE)
		return EXIT_NO;
	look_at_accounts(c);
	printf("%s is fine\n", c->conf_path);
	return EXIT_YES;
}

/* clang-format off */
static const struct subcommand subcommands[] = {
	{ "window",  "list",   ctl_window_list,   "",           "user net all json utc",   "who may relay, from where, until when" },
	{ "window",  "show",   ctl_window_show,   "ADDRESS",    "json utc",                "every subscriber on an address" },
	{ "window",  "grant",  ctl_window_grant,  "ADDRESS",    "user! for utc",           "let an address relay" },
	{ "window",  "revoke", ctl_window_revoke, "[ADDRESS]",  "user everything utc",     "logins up to now count no more" },
	{ "window",  "never",  ctl_window_never,  "",           "json utc",                "logins from where nothing is granted" },
	{ "window",  "watch",  ctl_window_watch,  "",           "user net json",           "grants, revocations and ends as they come" },
	{ "window",  "stats",  ctl_window_stats,  "",           "json utc",                "how many, how long, how large" },
	{ "explain", "",       ctl_explain,       "ADDRESS",    "from to auth listener json", "why a relay is taken or refused" },
	{ "user",    "add",    ctl_user_add,      "NAME",       "scheme address disabled stdin", "a new account" },
	{ "user",    "passwd", ctl_user_passwd,   "NAME",       "scheme stdin",            "another password" },
	{ "user",    "remove", ctl_user_remove,   "NAME",       "",                        "no account any more" },
	{ "user",    "list",   ctl_user_list,     "",           "json",                    "all accounts" },
	{ "user",    "check",  ctl_user_check,    "NAME",       "stdin",                   "is this the password?" },
	{ "who",     "",       ctl_who,           "[ADDRESS]",  "at port within arf json utc", "which subscriber had that address at that time" },
	{ "report",  "",       ctl_report,        "",           "days all csv json utc",   "who still needs the window, and how much" },
	{ "uidl",    "",       ctl_uidl,          "[MAILDIR]",  "user json",               "the messages, sizes and unique-ids that pop3d would list" },
	{ "proxycheck", "",    ctl_proxycheck,    "[HOST:PORT]", "listener json",          "is the address that a daemon sees the client's?" },
	{ "stats",   "",       ctl_stats,         "",           "openmetrics json utc",    "the counters of both daemons and the store" },
	{ "status",  "",       ctl_status,        "",           "json utc",                "who runs, since when, and each setting with where it comes from" },
	{ "check",   "",       check,             "",           "",                        "the config, as both daemons would read it" },
};
/* clang-format on */

#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))
#define TYPO_MAX 2 /* letters wrong in a command that is still guessed */

/* --- help --- */

static const char *blank(const char *before)
{
	return before[0] != '\0' ? " " : "";
}

#define SYNOPSIS_MAX 1024

/* Behind what stands on the line already, which is as long as indent. */
static void synopsis(FILE *to, const struct subcommand *s, size_t indent)
{
	struct buf line;

	buf_init(&line, SYNOPSIS_MAX);
	buf_printf(&line, "popgate %s%s%s%s%s", s->group, blank(s->name), s->name,
		blank(s->arguments), s->arguments);
	options_synopsis(&line, s);
	buf_add(&line, (struct str){ "", 1 });
	screen_wrap_page(to, buf_str(&line).p, indent);
	buf_free(&line);
}

static int help_on(const struct subcommand *s)
{
	fputs("usage: ", stdout);
	synopsis(stdout, s, 7);
	puts("");
	screen_wrap_page(stdout, s->help, 0);
	puts("");
	options_explain(stdout, s);
	fputs("  -c FILE               ", stdout);
	screen_wrap_page(stdout, "the config; " DEFAULT_CONF " if not given", 24);
	puts("");
	screen_wrap_page(stdout,
		"exit status: 0 yes or done, 1 no or absent, 2 usage, 3 the store or a daemon is "
		"away",
		0);
	puts("popgate(8) has examples");
	return EXIT_YES;
}

/* All commands, or those of one group. */
static int help(FILE *to, const char *group)
{
	fputs("usage: popgate [-c FILE] [-hV] COMMAND ...\n\n", to);
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		if (group == NULL || strcmp(subcommands[i].group, group) == 0) {
			fputs("  ", to);
			synopsis(to, &subcommands[i], 10);
			fputs("        ", to);
			screen_wrap_page(to, subcommands[i].help, 8);
		}
	fputs("\n", to);
	screen_wrap_page(
		to, "popgate help COMMAND says what its options mean; popgate(8) has examples", 0);
	return to == stdout ? EXIT_YES : EXIT_USAGE;
}

/* For completion: a command and its options a line. */
static int words(void)
{
	for (size_t i = 0; i < SUBCOMMANDS; i++) {
		printf("%s%s%s:", subcommands[i].group, blank(subcommands[i].name),
			subcommands[i].name);
		options_words(stdout, &subcommands[i]);
		puts("");
	}
	return EXIT_YES;
}

/* --- which command? --- */

static bool is_group(const char *word)
{
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		if (strcmp(subcommands[i].group, word) == 0)
			return true;
	return false;
}

static const struct subcommand *find(int argc, char **argv, int *used)
{
	for (size_t i = 0; i < SUBCOMMANDS; i++) {
		const struct subcommand *s = &subcommands[i];

		if (argc < 1 || strcmp(argv[0], s->group) != 0)
			continue;
		*used = s->name[0] == '\0' ? 1 : 2;
		if (*used == 1 || (argc > 1 && strcmp(argv[1], s->name) == 0))
			return s;
	}
	return NULL;
}

/* A word of the table that is near to what was typed: the second of a group, or a first one. */
static const char *nearest(const char *typed, const char *group)
{
	size_t best = TYPO_MAX + 1;
	const char *found = NULL;

	for (size_t i = 0; i < SUBCOMMANDS; i++) {
		const struct subcommand *s = &subcommands[i];
		const char *word = group != NULL ? s->name : s->group;
		size_t far = options_distance(typed, word);

		if ((group == NULL || strcmp(group, s->group) == 0) && far < best) {
			best = far;
			found = word;
		}
	}
	return found;
}

static int say_unknown(int argc, char **argv)
{
	const char *group = argc > 0 && is_group(argv[0]) ? argv[0] : NULL, *meant, *typed;

	if (argc == 0 || (group != NULL && argc == 1))
		return help(stderr, group);
	typed = argv[group != NULL ? 1 : 0];
	meant = nearest(typed, group);
	ctl_say("%s%s%s: there is no such command%s%s%s%s%s", group != NULL ? group : "",
		group != NULL ? " " : "", typed, meant != NULL ? "; was \"" : "",
		group != NULL && meant != NULL ? group : "",
		group != NULL && meant != NULL ? " " : "", meant != NULL ? meant : "",
		meant != NULL ? "\" meant?" : "");
	ctl_say("popgate help lists all commands");
	return EXIT_USAGE;
}

/* popgate help, popgate help COMMAND, popgate COMMAND --help. */
static int answer_help(int argc, char **argv)
{
	int used = 0;
	const struct subcommand *s = find(argc, argv, &used);

	if (argc == 1 && strcmp(argv[0], "words") == 0)
		return words();
	if (s != NULL)
		return help_on(s);
	if (argc == 0 || (argc == 1 && is_group(argv[0])))
		return help(stdout, argc == 0 ? NULL : argv[0]);
	return say_unknown(argc, argv);
}

/* --- running it --- */

static bool read_conf(struct ctl *c)
{
	struct buf bytes, complaints;
	enum err e;

	buf_init(&bytes, CONF_FILE_MAX);
	buf_init(&complaints, 1 << 16);
	e = conf_read_file(c->conf_path, &bytes);
	if (e != ERR_NONE)
		buf_printf(&complaints, "%s: cannot be read: %s\n", c->conf_path, err_text(e));
	if (e == ERR_NONE)
		e = conf_parse(&c->conf, c->conf_path, buf_str(&bytes), &complaints);
	if (e == ERR_NONE)
		e = site_read(&c->site, c->conf, &complaints);
	ctl_complain(&complaints);
	buf_free(&bytes);
	buf_free(&complaints);
	return e == ERR_NONE;
}

static int run(struct ctl *c, const struct subcommand *s)
{
	int code = s->run == check ? EXIT_NO : EXIT_USAGE;

	if (!options_fit(c, s))
		return EXIT_USAGE;
	if (read_conf(c)) {
		log_open(&(struct log_settings){
			.program = "popgate", .fd = STDERR_FILENO, .level = LOG_LEVEL_WARN });
		code = s->run(c);
	}
	conf_close(&c->conf);
	return code;
}

int main(int argc, char **argv)
{
	struct ctl c = { .conf_path = DEFAULT_CONF };
	const struct subcommand *s;
	int used = 0;

	setlocale(LC_CTYPE, "");
	if (!options_read(&c, argc, argv))
		return EXIT_USAGE;
	if (c.version) {
		printf("popgate %s\n", POPGATE_VERSION);
		return EXIT_YES;
	}
	if (c.argc > 0 && strcmp(c.argv[0], "help") == 0)
		return answer_help(c.argc - 1, c.argv + 1);
	if (c.help)
		return answer_help(c.argc, c.argv);
	s = find(c.argc, c.argv, &used);
	if (s == NULL)
		return say_unknown(c.argc, c.argv);
	c.argc -= used;
	c.argv += used;
	return run(&c, s);
}
