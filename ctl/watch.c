/* watch.c - popgate window watch: the store's events as they come. What ends by itself is no event of the store;
 * it is known here, from the times that events and the view gave. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/window/ask.h"
#include "common/window/view.h"
#include "ctl/filter.h"
#include "ctl/watch_say.h"

#define ACK_MS 3000
#define TICK_MS 500
#define HELD_MAX 10000 /* entries whose end is waited for; more is for window list */
#define PAGE 256

struct watch {
	const struct ctl *c;
	struct filter filter;
	struct ask *ask; /* NULL: the store is away */
	int signals;
	struct stay *held; /* owned */
	size_t held_n, held_cap;
	bool reported; /* that the store is away */
};

/* --- who holds what, to know its end --- */

static struct addr key_of(const struct watch *w, struct addr a)
{
	return addr_key(a, w->c->site.window.ipv4_prefix, w->c->site.window.ipv6_prefix);
}

static void add(struct watch *w, struct addr key, const struct subscriber *who, int64_t until_ms)
{
	if (w->held_n == HELD_MAX)
		return;
	if (w->held_n == w->held_cap) {
		w->held_cap = w->held_n == 0 ? 64 : 2 * w->held_n;
		w->held = realloc(w->held, w->held_cap * sizeof(*w->held));
		if (w->held == NULL)
			abort();
	}
	w->held[w->held_n++] = (struct stay){ key, *who, until_ms };
}

static void hold(struct watch *w, struct addr key, const struct subscriber *who, int64_t until_ms)
{
	size_t i = 0;

	while (i < w->held_n &&
		!(addr_eq(w->held[i].key, key) && subscriber_eq(&w->held[i].who, who)))
		i++;
	if (i == w->held_n)
		add(w, key, who, until_ms);
	else
		w->held[i].until_ms = until_ms;
}

static bool is_revoked(const struct watch *w, const struct stay *h, const struct notice *e)
{
	bool same_key = addr_eq(h->key, key_of(w, e->addr));

	switch (e->scope) {
	case SCOPE_EVERYTHING: return true;
	case SCOPE_SUBSCRIBER: return subscriber_eq(&h->who, &e->who);
	case SCOPE_KEY: return same_key;
	case SCOPE_KEY_SUBSCRIBER: return same_key && subscriber_eq(&h->who, &e->who);
	}
	return false;
}

/* Keeps those that fn says no to. */
static void forget(struct watch *w,
	bool (*fn)(struct watch *w, const struct stay *h, const void *with), const void *with)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->held_n; i++)
		if (!fn(w, &w->held[i], with))
			w->held[kept++] = w->held[i];
	w->held_n = kept;
}

static bool by_revocation(struct watch *w, const struct stay *h, const void *with)
{
	return is_revoked(w, h, with);
}

static bool by_time(struct watch *w, const struct stay *h, const void *with)
{
	int64_t now = *(const int64_t *)with;

	if (now < h->until_ms)
		return false;
	watch_say_stay(w->c->json, h, now, true);
	return true;
}

/* With a filter, what is held already is worth a line each; without one it could be a million. */
static void look_at_view(struct watch *w)
{
	struct view_cursor cursor = { 0 };
	struct entry page[PAGE];
	struct view *v = NULL;
	int64_t now = clock_ms();
	size_t n = PAGE;

	if ((!w->filter.by_user && !w->filter.by_net) ||
		view_open(&v, w->c->site.state_dir) != ERR_NONE)
		return;
	while (n == PAGE && view_page(v, now, false, &cursor, page, PAGE, &n) == ERR_NONE)
		for (size_t i = 0; i < n; i++) {
			const struct holder *h = &page[i].holder;

			if (!filter_passes(&w->filter, page[i].key, &h->who))
				continue;
			add(w, page[i].key, &h->who, h->until_ms);
			watch_say_stay(w->c->json,
				&(struct stay){ page[i].key, h->who, h->until_ms }, now, false);
		}
	view_close(&v);
}

/* --- events --- */

/* A revocation of everything concerns everybody, one of an address whoever watches it. */
static bool is_wanted(const struct watch *w, const struct notice *e)
{
	if (e->kind == NOTICE_MISSED)
		return true;
	if (e->kind != NOTICE_REVOKE)
		return filter_passes(&w->filter, e->addr, &e->who);
	if (w->filter.by_user && e->who.n > 0 && !subscriber_eq(&w->filter.user, &e->who))
		return false;
	return !w->filter.by_net || !watch_has_addr(e) || network_holds(w->filter.net, e->addr);
}

static void take(struct watch *w, const struct notice *e)
{
	if (!is_wanted(w, e))
		return;
	watch_say(w->c->json, e);
	if (e->kind == NOTICE_GRANT || e->kind == NOTICE_RENEW)
		hold(w, key_of(w, e->addr), &e->who, e->until_ms);
	if (e->kind == NOTICE_REVOKE)
		forget(w, by_revocation, e);
}

static void take_all(struct watch *w)
{
	struct notice e;
	enum err err;

	while ((err = ask_notice(w->ask, &e)) == ERR_NONE)
		take(w, &e);
	if (err == ERR_AWAY)
		ask_close(&w->ask);
}

static enum err begin(struct watch *w)
{
	struct answer answer;
	enum err e = ask_open(&w->ask, w->c->site.run_dir);

	if (e == ERR_NONE)
		e = ask_watch(w->ask, 1);
	if (e == ERR_NONE)
		e = ask_wait(w->ask, 1, ACK_MS, &answer);
	if (e == ERR_NONE)
		e = answer.result;
	if (e != ERR_NONE)
		ask_close(&w->ask);
	return e;
}

static void begin_again(struct watch *w)
{
	enum err e = begin(w);

	if (e != ERR_NONE && !w->reported)
		ctl_say("the store went away; waiting for it");
	if (e == ERR_NONE)
		ctl_say("the store is back; what happened meanwhile is not shown");
	w->reported = e != ERR_NONE;
}

/* --- until somebody has seen enough --- */

static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* False: told to end, or nobody reads what we say. */
static bool wait_for_more(struct watch *w)
{
	struct pollfd polls[] = { { .fd = w->signals, .events = POLLIN },
		{ .fd = STDOUT_FILENO, .events = 0 },
		{ .fd = w->ask != NULL ? ask_fd(w->ask) : -1, .events = POLLIN } };

	fflush(stdout);
	if (poll(polls, 3, TICK_MS) < 0 && errno != EINTR)
		return false;
	if (polls[0].revents != 0 || (polls[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
		return false;
	if (polls[2].revents != 0)
		take_all(w);
	return true;
}

static void follow(struct watch *w)
{
	while (wait_for_more(w)) {
		int64_t now = clock_ms();

		if (w->ask == NULL)
			begin_again(w);
		forget(w, by_time, &now);
	}
}

static int refuse(const struct ctl *c, enum err e)
{
	char whom[CTL_WHO_TEXT];

	if (e == ERR_DENIED)
		ctl_say("you may not talk to the store in %s: be %s", c->site.run_dir,
			ctl_who_may(c, whom));
	else if (e == ERR_AWAY)
		ctl_say("the store in %s does not let you watch: is popgate-store running, and are "
			"you %s?",
			c->site.run_dir, ctl_who_may(c, whom));
	else
		ctl_say("the store cannot be watched: %s", err_text(e));
	return EXIT_AWAY;
}

int ctl_window_watch(struct ctl *c)
{
	struct watch w = { .c = c };
	enum err e;

	if (!ctl_no_argument(c) || !filter_read(c, &w.filter))
		return EXIT_USAGE;
	w.signals = catch_signals();
	e = begin(&w);
	if (e != ERR_NONE)
		return refuse(c, e);
	if (isatty(STDERR_FILENO) != 0)
		fputs("watching: press Receive now; ^C ends\n", stderr);
	look_at_view(&w);
	follow(&w);
	ask_close(&w.ask);
	free(w.held);
	close(w.signals);
	return EXIT_YES;
}
