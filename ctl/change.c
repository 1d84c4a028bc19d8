/* change.c - editing the window: grant and revoke, through the store's socket. */
#include <stdio.h>

#include "common/conf/value.h"
#include "common/window/ask.h"
#include "ctl/ctl.h"
#include "ctl/judge.h"
#include "ctl/table.h"

#define WAIT_MS 5000

static struct ask *open_ask(const struct ctl *c)
{
	char whom[CTL_WHO_TEXT];
	struct ask *a = NULL;
	enum err e = ask_open(&a, c->site.run_dir);

	if (e == ERR_DENIED)
		ctl_say("you may not talk to the store in %s: be %s", c->site.run_dir,
			ctl_who_may(c, whom));
	else if (e != ERR_NONE)
		ctl_say("the store does not answer in %s: is popgate-store running?",
			c->site.run_dir);
	return a;
}

static int hear(struct ask **a, enum err sent, struct answer *answer)
{
	enum err e = sent;

	if (e == ERR_NONE)
		e = ask_wait(*a, 1, WAIT_MS, answer);
	ask_close(a);
	if (e == ERR_NONE)
		e = answer->result;
	if (e == ERR_NONE)
		return EXIT_YES;
	ctl_say("the store did not do it: %s", err_text(e));
	return EXIT_AWAY;
}

/* What is given ends with the account, as what was proved by a login does. False, and said: he may not have it. */
static bool bind_account(const struct ctl *c, struct grant *g)
{
	struct passwd_account account;
	struct judge j;
	bool fine = true;

	judge_open(&j, c);
	if (j.file == NULL) {
		ctl_say("%s: %s; whether %s has an account is not known", c->site.users_path,
			err_text(j.of_file), g->who.name);
	} else if (!passwdfile_find(j.file, &g->who, &account)) {
		ctl_say("there is no account %s in %s", g->who.name, c->site.users_path);
	} else if (account.disabled) {
		ctl_say("the account %s is disabled", g->who.name);
		fine = false;
	} else if (j.key == NULL) {
		ctl_say("the key in %s cannot be read: %s; the window stays open when the account "
			"changes",
			c->site.state_dir, err_text(j.of_key));
	} else {
		g->account = accountprint(j.key, &g->who, account.stored, false);
	}
	judge_close(&j);
	return fine;
}

int ctl_window_grant(struct ctl *c)
{
	const char *text = ctl_one_argument(c, "an address");
	struct grant g = { .source = { .service = "cli", .mechanism = "manual" } };
	struct answer answer = { 0 };
	struct ask *a;
	char until[40];
	int code;

	if (text == NULL || !ctl_addr(text, &g.addr))
		return EXIT_USAGE;
	if (c->user == NULL) {
		ctl_say("--user says whose window it is");
		return EXIT_USAGE;
	}
	if (!ctl_subscriber(c, c->user, &g.who))
		return EXIT_USAGE;
	if (c->for_how_long != NULL &&
		(!value_duration(str_of(c->for_how_long), &g.lifetime_ms) || g.lifetime_ms < 1000 ||
			g.lifetime_ms > GRANT_LIFETIME_MAX_MS)) {
		ctl_say("--for %s: a duration is wanted, from 1s to 30d", c->for_how_long);
		return EXIT_USAGE;
	}
	if (!bind_account(c, &g))
		return EXIT_NO;
	a = open_ask(c);
	if (a == NULL)
		return EXIT_AWAY;
	code = hear(&a, ask_grant(a, 1, &g), &answer);
	if (code != EXIT_YES)
		return code;
	if (answer.never) {
		ctl_say("%s is never granted: it is the host's own, or listed in window.never",
			text);
		return EXIT_NO;
	}
	printf("%s may relay as %s until %s\n", text, g.who.name,
		table_time(answer.until_ms, c->utc, until));
	return EXIT_YES;
}

static bool read_scope(const struct ctl *c, struct revocation *r)
{
	const char *text = c->argc > 0 ? c->argv[0] : NULL;

	if (c->argc > 1 || (c->everything && (text != NULL || c->user != NULL)) ||
		(!c->everything && text == NULL && c->user == NULL)) {
		ctl_say("say what to revoke: ADDRESS, --user U, both, or --everything");
		return false;
	}
	if (text != NULL && !ctl_addr(text, &r->addr))
		return false;
	if (c->user != NULL && !ctl_subscriber(c, c->user, &r->who))
		return false;
	if (c->everything)
		r->scope = SCOPE_EVERYTHING;
	else if (text != NULL)
		r->scope = c->user != NULL ? SCOPE_KEY_SUBSCRIBER : SCOPE_KEY;
	else
		r->scope = SCOPE_SUBSCRIBER;
	return true;
}

int ctl_window_revoke(struct ctl *c)
{
	struct revocation r = { 0 };
	struct answer answer = { 0 };
	struct ask *a;
	char time[40];
	int code;

	if (!read_scope(c, &r))
		return EXIT_USAGE;
	a = open_ask(c);
	if (a == NULL)
		return EXIT_AWAY;
	code = hear(&a, ask_revoke(a, 1, &r), &answer);
	if (code == EXIT_YES)
		printf("logins up to %s no longer count\n",
			table_time(answer.stamp_ms, c->utc, time));
	return code;
}

void ctl_revoke_changed(const struct ctl *c, const struct subscriber *who)
{
	const struct revocation r = { .scope = SCOPE_SUBSCRIBER, .who = *who };
	struct answer answer = { 0 };
	struct ask *a = NULL;

	if (ask_open(&a, c->site.run_dir) == ERR_NONE &&
		hear(&a, ask_revoke(a, 1, &r), &answer) == EXIT_YES)
		return;
	ctl_say("no store was told; running daemons close the windows of %s when they read %s "
		"again",
		who->name, c->site.users_path);
}
