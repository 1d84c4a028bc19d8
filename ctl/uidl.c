/* uidl.c - what pop3d would answer to LIST and UIDL: by the same library, without its lock, and so also while
 * another server still serves the Maildir. */
#include <stdio.h>
#include <sys/stat.h>

#include "common/conf/mailbox.h"
#include "ctl/ctl.h"
#include "ctl/table.h"
#include "pop3d/maildrop.h"
#include "pop3d/settings.h"

#define ESCAPED_MAX (4 * 264) /* octets of a file's name with all of it escaped */

static bool read_settings(struct ctl *c, struct pop3_settings *out)
{
	struct buf complaints;
	bool fine;

	buf_init(&complaints, 1 << 16);
	fine = pop3_settings_read(out, c->conf, &complaints) == ERR_NONE;
	if (!fine)
		fprintf(stderr, "%.*s", (int)complaints.len, buf_str(&complaints).p);
	buf_free(&complaints);
	return fine;
}

static bool path_of_user(
	const struct ctl *c, const struct pop3_settings *settings, const char *name, char *path)
{
	struct subscriber who;

	if (!ctl_subscriber(c, name, &who))
		return false;
	if (mailbox_path(settings->mailbox, &who, path))
		return true;
	ctl_say("%s: the path of the Maildir is too long", name);
	return false;
}

/* A path, or a subscriber whose Maildir lies where the config says. */
static bool find_path(struct ctl *c, const struct pop3_settings *settings, char *path)
{
	const char *what = c->user;

	if (what != NULL && c->argc > 0) {
		ctl_say("a Maildir or --user is wanted, not both");
		return false;
	}
	if (what == NULL)
		what = ctl_one_argument(c, "a Maildir, or --user");
	if (what == NULL)
		return false;
	if (c->user != NULL || strchr(what, '/') == NULL)
		return path_of_user(c, settings, what, path);
	if (str_to_cstr(str_of(what), path, MAILBOX_PATH_MAX))
		return true;
	ctl_say("%s: the path is too long", what);
	return false;
}

/* File names may hold anything; what a terminal or JSON could not show stands as \xNN. */
static const char *escaped(const char *name, char *dst)
{
	size_t n = 0;

	for (const char *p = name; *p != '\0' && n + 5 < ESCAPED_MAX; p++) {
		if (*p == '\\' || *p < ' ' || *p > '~')
			n += (size_t)snprintf(dst + n, 5, "\\x%02x", (unsigned char)*p);
		else
			dst[n++] = *p;
	}
	dst[n] = '\0';
	return dst;
}

static void print(struct maildrop *m, bool json)
{
	static const char *const heads[] = { "number", "uidl", "size", "file", NULL };
	struct table *t = table_new(heads, json);
	char file[ESCAPED_MAX];

	for (size_t i = 0; i < maildrop_count(m); i++) {
		table_number(t, (int64_t)i + 1);
		table_text(t, maildrop_uidl(m, i));
		table_number(t, (int64_t)maildrop_octets(m, i));
		table_text(t, escaped(maildrop_file(m, i), file));
	}
	table_end(t);
}

static enum err look(struct maildrop **m, const struct maildrop_place *place)
{
	enum err e = maildrop_look(m, place);
	bool more = true;

	while (e == ERR_NONE && more)
		e = maildrop_scan(*m, &more);
	return e;
}

int ctl_uidl(struct ctl *c)
{
	struct pop3_settings settings;
	struct maildrop *m = NULL;
	char path[MAILBOX_PATH_MAX], spare[4200];
	struct stat st;
	enum err e;

	if (!read_settings(c, &settings) || !find_path(c, &settings, path))
		return EXIT_USAGE;
	if (stat(path, &st) != 0) {
		ctl_say("%s: there is no such Maildir", path);
		return EXIT_NO;
	}
	snprintf(spare, sizeof(spare), "%s/%s", c->site.state_dir, SITE_LOCKS);
	e = look(&m, &(struct maildrop_place){ path, spare, settings.uidl_format, NULL });
	if (e == ERR_NONE)
		print(m, c->json);
	else
		ctl_say("%s: %s", path, err_text(e));
	maildrop_close(&m);
	return e == ERR_NONE ? EXIT_YES : EXIT_NO;
}
