/* main.c - popgate: options and a table of subcommands. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/material.h"
#include "common/conf/listeners.h"
#include "common/conf/tls.h"
#include "ctl/ctl.h"
#include "pop3d/settings.h"
#include "smtpgate/settings.h"

#define DEFAULT_CONF "/etc/popgate/popgate.conf"

void ctl_say(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("popgate: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\n", stderr);
}

const char *ctl_one_argument(const struct ctl *c, const char *what)
{
	if (c->argc == 1)
		return c->argv[0];
	ctl_say("%s is wanted%s", what, c->argc > 1 ? ", and nothing else" : "");
	return NULL;
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

/* The config as both daemons would read it. */
static int check(struct ctl *c)
{
	struct buf complaints, material;
	struct pop3_settings pop3;
	struct gate_settings gate;
	struct listeners listeners;
	enum err e;

	buf_init(&complaints, 1 << 16);
	buf_init(&material, MATERIAL_MAX);
	e = listeners_read(&listeners, c->conf, "pop3d", &complaints);
	e = pop3_settings_read(&pop3, c->conf, &complaints) != ERR_NONE ? ERR_SYNTAX : e;
	e = listeners_read(&listeners, c->conf, "smtpgate", &complaints) != ERR_NONE ? ERR_SYNTAX
										     : e;
	e = gate_settings_read(&gate, c->conf, &complaints) != ERR_NONE ? ERR_SYNTAX : e;
	e = tls_material_read(&material, c->conf, &complaints) != ERR_NONE ? ERR_SYNTAX : e;
	buf_free(&material);
	fprintf(stderr, "%.*s", (int)complaints.len, buf_str(&complaints).p);
	buf_free(&complaints);
	if (e != ERR_NONE)
		return EXIT_NO;
	printf("%s is fine\n", c->conf_path);
	return EXIT_YES;
}

/* clang-format off */
static const struct subcommand {
	const char *group, *name; /* name "": the group is the command */
	int (*run)(struct ctl *c);
	const char *arguments, *help;
} subcommands[] = {
	{ "window",  "list",   ctl_window_list,   "[--user U] [--net CIDR] [--all] [--json]", "who may relay, from where, until when" },
	{ "window",  "show",   ctl_window_show,   "ADDRESS",                      "every subscriber on an address" },
	{ "window",  "grant",  ctl_window_grant,  "ADDRESS --user U [--for 30m]", "let an address relay" },
	{ "window",  "revoke", ctl_window_revoke, "ADDRESS | --user U | --everything", "end it" },
	{ "window",  "stats",  ctl_window_stats,  "",                             "how many, how long, how large" },
	{ "explain", "",       ctl_explain,       "ADDRESS [--from A] [--to B] [--listener L]", "why a relay is taken or refused" },
	{ "user",    "add",    ctl_user_add,      "NAME [--scheme S] [--address A] [--disabled]", "a new account; the password from standard input" },
	{ "user",    "passwd", ctl_user_passwd,   "NAME [--scheme S]",            "another password" },
	{ "user",    "remove", ctl_user_remove,   "NAME",                         "no account any more" },
	{ "user",    "list",   ctl_user_list,     "",                             "all accounts" },
	{ "user",    "check",  ctl_user_check,    "NAME",                         "is this the password?" },
	{ "uidl",    "",       ctl_uidl,          "MAILDIR | --user U [--json]",  "the messages, sizes and unique-ids that pop3d would list" },
	{ "check",   "",       check,             "",                             "the config, as both daemons would read it" },
};
/* clang-format on */

static int usage(FILE *to)
{
	fputs("usage: popgate [-c file] [-V] command ...\n\n", to);
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
		const struct subcommand *s = &subcommands[i];

		fprintf(to, "  %s%s%s %s\n        %s\n", s->group, s->name[0] != '\0' ? " " : "",
			s->name, s->arguments, s->help);
	}
	fputs("\n  --json prints one object a line; --utc prints times in UTC. See popgate(8).\n",
		to);
	return to == stdout ? EXIT_YES : EXIT_USAGE;
}

static const struct subcommand *find(int argc, char **argv, int *used)
{
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
		const struct subcommand *s = &subcommands[i];

		if (argc < 1 || strcmp(argv[0], s->group) != 0)
			continue;
		*used = s->name[0] == '\0' ? 1 : 2;
		if (*used == 1 || (argc > 1 && strcmp(argv[1], s->name) == 0))
			return s;
	}
	return NULL;
}

enum {
	OPT_JSON = 1000,
	OPT_UTC,
	OPT_ALL,
	OPT_DISABLED,
	OPT_EVERYTHING,
	OPT_USER,
	OPT_NET,
	OPT_FOR,
	OPT_FROM,
	OPT_TO,
	OPT_LISTENER,
	OPT_SCHEME,
	OPT_ADDRESS
};

static bool take_option(struct ctl *c, int option)
{
	switch (option) {
	case 'c': c->conf_path = optarg; break;
	case OPT_JSON: c->json = true; break;
	case OPT_UTC: c->utc = true; break;
	case OPT_ALL: c->all = true; break;
	case OPT_DISABLED: c->disabled = true; break;
	case OPT_EVERYTHING: c->everything = true; break;
	case OPT_USER: c->user = optarg; break;
	case OPT_NET: c->net = optarg; break;
	case OPT_FOR: c->for_how_long = optarg; break;
	case OPT_FROM: c->from = optarg; break;
	case OPT_TO: c->to = optarg; break;
	case OPT_LISTENER: c->listener = optarg; break;
	case OPT_SCHEME: c->scheme = optarg; break;
	case OPT_ADDRESS:
		if (c->addresses_n == sizeof(c->addresses) / sizeof(c->addresses[0]))
			return false;
		c->addresses[c->addresses_n++] = optarg;
		break;
	default: return false;
	}
	return true;
}

/* A negative result means to go on; any other is the exit code. */
static int read_options(struct ctl *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		{ "utc", no_argument, NULL, OPT_UTC },
		{ "all", no_argument, NULL, OPT_ALL },
		{ "disabled", no_argument, NULL, OPT_DISABLED },
		{ "everything", no_argument, NULL, OPT_EVERYTHING },
		{ "user", required_argument, NULL, OPT_USER },
		{ "net", required_argument, NULL, OPT_NET },
		{ "for", required_argument, NULL, OPT_FOR },
		{ "from", required_argument, NULL, OPT_FROM },
		{ "to", required_argument, NULL, OPT_TO },
		{ "listener", required_argument, NULL, OPT_LISTENER },
		{ "scheme", required_argument, NULL, OPT_SCHEME },
		{ "address", required_argument, NULL, OPT_ADDRESS },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1) {
		if (option == 'h')
			return usage(stdout);
		if (option == 'V') {
			printf("popgate %s\n", POPGATE_VERSION);
			return EXIT_YES;
		}
		if (!take_option(c, option))
			return EXIT_USAGE;
	}
	c->argc = argc - optind;
	c->argv = argv + optind;
	return -1;
}

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
	fprintf(stderr, "%.*s", (int)complaints.len, buf_str(&complaints).p);
	buf_free(&bytes);
	buf_free(&complaints);
	return e == ERR_NONE;
}

int main(int argc, char **argv)
{
	struct ctl c = { .conf_path = DEFAULT_CONF };
	const struct subcommand *s;
	int used = 0, code = read_options(&c, argc, argv);

	if (code >= 0)
		return code;
	if (c.argc > 0 && strcmp(c.argv[0], "help") == 0)
		return usage(stdout);
	s = find(c.argc, c.argv, &used);
	if (s == NULL)
		return usage(stderr);
	c.argc -= used;
	c.argv += used;
	code = s->run == check ? EXIT_NO : EXIT_USAGE;
	if (read_conf(&c)) {
		log_open(&(struct log_settings){
			"popgate", STDERR_FILENO, LOG_LOGFMT, LOG_LEVEL_WARN, false });
		code = s->run(&c);
	}
	conf_close(&c.conf);
	return code;
}
