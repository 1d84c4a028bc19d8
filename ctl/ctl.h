/* ctl.h - between the files of popgate(8): what every subcommand is given, and the exit codes. */
#ifndef POPGATE_CTL_H
#define POPGATE_CTL_H

#include "common/base/subscriber.h"
#include "common/conf/site.h"

enum exit_code { /* popgate(8), EXIT STATUS */
	EXIT_YES = 0, /* yes, or done */
	EXIT_NO = 1, /* no, or absent */
	EXIT_USAGE = 2,
	EXIT_AWAY = 3, /* the store or its view is out of reach */
};

struct ctl { /* the config as read, and the options of this call */
	const char *conf_path;
	struct conf *conf; /* owned by main() */
	struct site site;
	uint64_t given; /* options.c: which */
	bool help, version, too_many;
	bool json, csv, utc, all, disabled, everything, from_stdin, openmetrics;
	const char *user, *net, *for_how_long, *from, *to, *auth, *listener,
		*scheme; /* NULL: not given */
	const char *at, *port, *within, *arf, *days;
	const char *addresses[32]; /* --address, as often as given */
	size_t addresses_n;
	int argc; /* what stands behind the subcommand */
	char **argv;
};

/* Says "popgate: ..." on standard error, whatever octets a value holds. */
void ctl_say(const char *format, ...) PRINTF_LIKE(1, 2);

/* Lines that somebody else put together, to standard error likewise. */
void ctl_complain(const struct buf *complaints);

/* The one argument there must be; NULL, and said, otherwise. */
const char *ctl_one_argument(const struct ctl *c, const char *what);

/* Reads an address, or says what is wrong with it. */
MUST_USE bool ctl_addr(const char *text, struct addr *out);

/* "root or in the group \"popgate\"": who the daemons and the store talk to. dst has CTL_WHO_TEXT octets. Returns
 * dst. */
#define CTL_WHO_TEXT 120
char *ctl_who_may(const struct ctl *c, char *dst);

/* No argument is wanted: says so if there is one. */
MUST_USE bool ctl_no_argument(const struct ctl *c);

/* Reads a subscriber's name, default_domain added. */
MUST_USE bool ctl_subscriber(const struct ctl *c, const char *text, struct subscriber *out);

/* window.c */
int ctl_window_list(struct ctl *c);
int ctl_window_show(struct ctl *c);

/* The view of the site; NULL, and said, if there is none to be read. */
struct view *ctl_view(const struct ctl *c);

/* picture.c */
int ctl_window_stats(struct ctl *c);

/* never.c */
int ctl_window_never(struct ctl *c);

/* watch.c */
int ctl_window_watch(struct ctl *c);

/* change.c */
int ctl_window_grant(struct ctl *c);
int ctl_window_revoke(struct ctl *c);

/* Whose account was changed holds no window any more. Says what is not done: without a store the daemons see
 * it when they read the account file again. */
void ctl_revoke_changed(const struct ctl *c, const struct subscriber *who);

/* user.c */
int ctl_user_add(struct ctl *c);
int ctl_user_passwd(struct ctl *c);
int ctl_user_remove(struct ctl *c);
int ctl_user_list(struct ctl *c);
int ctl_user_check(struct ctl *c);

/* stats.c, status.c */
int ctl_stats(struct ctl *c);
int ctl_status(struct ctl *c);

/* What program counted in the site's run_dir, to be free()d; NULL, and said if it is there, if it cannot be
 * read. */
struct counters_seen *ctl_counters(const struct ctl *c, const char *program);

/* explain.c */
int ctl_explain(struct ctl *c);

/* who.c */
int ctl_who(struct ctl *c);

/* report.c */
int ctl_report(struct ctl *c);

/* proxycheck.c */
int ctl_proxycheck(struct ctl *c);

/* uidl.c */
int ctl_uidl(struct ctl *c);

#endif
