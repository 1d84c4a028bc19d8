/* user.c - the account file: add, passwd, remove, list, check. A password never stands in an argument. */
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "common/users/hash.h"
#include "common/users/passwdfile.h"
#include "ctl/ctl.h"
#include "ctl/edit.h"
#include "ctl/screen.h"
#include "ctl/table.h"

/* One line of standard input, without its end. False at its end or if it is too long or empty. */
static bool read_line(char *dst, size_t size)
{
	size_t n;

	if (fgets(dst, (int)size, stdin) == NULL)
		return false;
	n = strcspn(dst, "\r\n");
	if (dst[n] == '\0' && n + 1 == size)
		return false;
	dst[n] = '\0';
	return n > 0;
}

/* Who interrupts the prompt wants his echo back. */
static struct termios before;

static void on_interrupt(int number)
{
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	signal(number, SIG_DFL);
	raise(number);
}

static void catch_interrupts(void (*handler)(int number))
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		signal(numbers[i], handler);
}

static bool asks(const struct ctl *c)
{
	return !c->from_stdin && isatty(STDIN_FILENO) != 0;
}

static bool read_hidden(const struct ctl *c, const char *prompt, char *dst, size_t size)
{
	struct termios quiet;
	bool got;

	if (!asks(c) || tcgetattr(STDIN_FILENO, &before) != 0)
		return read_line(dst, size);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	catch_interrupts(on_interrupt);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet); /* first: what is typed at the prompt is kept */
	fprintf(stderr, "%s: ", prompt);
	got = read_line(dst, size);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	catch_interrupts(SIG_DFL);
	fputs("\n", stderr);
	return got;
}

/* On a terminal it is asked for twice; of standard input it is the first line. */
static bool read_new_password(const struct ctl *c, char *dst, size_t size)
{
	char again[HASH_PASSWORD_MAX];
	bool same = true;

	if (!read_hidden(c, "New password", dst, size)) {
		ctl_say("a password is wanted, on the terminal or as a line of standard input");
		return false;
	}
	if (asks(c)) {
		same = read_hidden(c, "Again", again, sizeof(again)) && strcmp(dst, again) == 0;
		explicit_bzero(again, sizeof(again));
	}
	if (!same)
		ctl_say("the two are not the same");
	return same;
}

static bool make_stored(const struct ctl *c, char *stored)
{
	const char *scheme = c->scheme != NULL ? c->scheme : hash_schemes()[0];
	char password[HASH_PASSWORD_MAX];
	enum err e;

	if (!read_new_password(c, password, sizeof(password)))
		return false;
	e = hash_make(scheme, str_of(password), stored);
	explicit_bzero(password, sizeof(password));
	if (e == ERR_ABSENT) {
		fprintf(stderr, "popgate: --scheme %s: one of these is wanted:", scheme);
		for (const char *const *s = hash_schemes(); *s != NULL; s++)
			fprintf(stderr, " %s", *s);
		fputs("\n", stderr);
	} else if (e == ERR_SYNTAX) {
		ctl_say("a password with a colon or a control character cannot be stored as PLAIN: "
			"take another --scheme");
	} else if (e != ERR_NONE) {
		ctl_say("the password cannot be stored: %s", err_text(e));
	}
	return e == ERR_NONE;
}

static bool read_who(struct ctl *c, struct subscriber *who)
{
	const char *name = ctl_one_argument(c, "a subscriber's name");

	return name != NULL && ctl_subscriber(c, name, who);
}

static int done(const struct ctl *c, enum err e, const struct subscriber *who, const char *what)
{
	if (e == ERR_NONE) {
		printf("%s: %s\n", who->name, what);
		return EXIT_YES;
	}
	if (e == ERR_EXISTS)
		ctl_say("%s is there already", who->name);
	else if (e == ERR_ABSENT)
		ctl_say("%s is not in %s", who->name, c->site.users_path);
	else if (e == ERR_DENIED)
		ctl_say("%s and its directory must be yours to write: %s", c->site.users_path,
			geteuid() == 0 ? "they are read-only" : "be root, or their owner");
	else
		ctl_say("%s: %s", c->site.users_path, err_text(e));
	return EXIT_NO;
}

/* Done, and the subscriber's windows are closed at once. */
static int changed(const struct ctl *c, enum err e, const struct subscriber *who, const char *what)
{
	int code = done(c, e, who, what);

	if (code == EXIT_YES)
		ctl_revoke_changed(c, who);
	return code;
}

/* name:{SCHEME}hash::::::addresses=... disabled */
static bool put_line(
	const struct ctl *c, const struct subscriber *who, const char *stored, struct buf *line)
{
	buf_printf(line, "%s:", who->name);
	buf_add(line, str_of(stored));
	if (c->addresses_n > 0 || c->disabled)
		buf_add(line, STR("::::::"));
	for (size_t i = 0; i < c->addresses_n; i++) {
		struct subscriber address;

		if (!ctl_subscriber(c, c->addresses[i], &address))
			return false;
		buf_printf(line, "%s%s", i == 0 ? "addresses=" : ",", address.name);
	}
	if (c->disabled)
		buf_printf(line, "%sdisabled", c->addresses_n > 0 ? " " : "");
	return !line->broken;
}

/* Who reads the file: the workers of both daemons and the deliver role, which have one group in common. */
static gid_t reader_of(const struct ctl *c)
{
	const char *group = c->site.run_as_group;
	const struct group *gr = geteuid() == 0 && group[0] != '\0' ? getgrnam(group) : NULL;

	return gr != NULL ? gr->gr_gid : (gid_t)-1;
}

static enum err edit(
	const struct ctl *c, enum edit what, const struct subscriber *who, struct str line)
{
	enum err e;

	patience_begin("rewriting the accounts");
	e = edit_file(c->site.users_path, what, who, c->site.default_domain, line, reader_of(c));
	patience_end();
	return e;
}

int ctl_user_add(struct ctl *c)
{
	char stored[HASH_STORED_MAX];
	struct subscriber who;
	struct buf line;
	int code = EXIT_USAGE;

	buf_init(&line, PASSWDFILE_LINE_MAX);
	if (read_who(c, &who) && make_stored(c, stored) && put_line(c, &who, stored, &line))
		code = done(c, edit(c, EDIT_ADD, &who, buf_str(&line)), &who, "added");
	explicit_bzero(stored, sizeof(stored));
	buf_free(&line);
	return code;
}

int ctl_user_passwd(struct ctl *c)
{
	char stored[HASH_STORED_MAX];
	struct subscriber who;
	int code = EXIT_USAGE;

	if (read_who(c, &who) && make_stored(c, stored))
		code = changed(
			c, edit(c, EDIT_REPLACE, &who, str_of(stored)), &who, "has a new password");
	explicit_bzero(stored, sizeof(stored));
	return code;
}

int ctl_user_remove(struct ctl *c)
{
	struct subscriber who;

	if (!read_who(c, &who))
		return EXIT_USAGE;
	return changed(c, edit(c, EDIT_REMOVE, &who, STR("")), &who, "removed");
}

static struct passwdfile *open_file(const struct ctl *c)
{
	struct passwdfile *f = NULL;
	enum err e;

	patience_begin("reading the accounts");
	e = passwdfile_open(&f, c->site.users_path, c->site.default_domain);
	patience_end();
	if (e != ERR_NONE)
		ctl_say("%s: %s", c->site.users_path, err_text(e));
	return f;
}

/* The scheme's name; never the hash. */
static void put_scheme(struct table *t, struct str stored)
{
	struct str name = STR("none"), rest;
	char text[32];

	if (stored.n > 0)
		name = STR("CRYPT");
	if (stored.n > 0 && stored.p[0] == '{')
		(void)str_split(str_from(stored, 1), '}', &name, &rest);
	table_text(t, str_to_cstr(name, text, sizeof(text)) ? text : "?");
}

int ctl_user_list(struct ctl *c)
{
	static const char *const heads[] = { "user", "scheme", "state", NULL };
	struct passwdfile *f;
	struct table *t;
	size_t n;

	if (!ctl_no_argument(c))
		return EXIT_USAGE;
	f = open_file(c);
	if (f == NULL)
		return EXIT_NO;
	t = table_new(heads, c->json);
	n = passwdfile_accounts(f);
	for (size_t i = 0; i < n; i++) {
		struct passwd_account a;

		passwdfile_nth(f, i, &a);
		table_text(t, a.who.name);
		put_scheme(t, a.stored);
		table_text(t, a.disabled ? "disabled" : "enabled");
	}
	table_end(t);
	passwdfile_close(&f);
	return n > 0 ? EXIT_YES : EXIT_NO;
}

static int judge(const struct passwd_account *a, struct str password)
{
	bool right = hash_verify(a->stored, password);

	printf("%s: the password is %s%s\n", a->who.name, right ? "right" : "wrong",
		a->disabled ? ", and the account is disabled" : "");
	return right && !a->disabled ? EXIT_YES : EXIT_NO;
}

int ctl_user_check(struct ctl *c)
{
	char password[HASH_PASSWORD_MAX];
	struct passwd_account a;
	struct subscriber who;
	struct passwdfile *f;
	int code = EXIT_NO;

	if (!read_who(c, &who))
		return EXIT_USAGE;
	f = open_file(c);
	if (f == NULL)
		return EXIT_NO;
	if (!passwdfile_find(f, &who, &a))
		ctl_say("%s is not in %s", who.name, c->site.users_path);
	else if (!read_hidden(c, "Password", password, sizeof(password)))
		ctl_say("a password is wanted, on the terminal or as a line of standard input");
	else
		code = judge(&a, str_of(password));
	explicit_bzero(password, sizeof(password));
	passwdfile_close(&f);
	return code;
}
