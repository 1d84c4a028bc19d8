/* accounts.c - see accounts.h. */
#include "common/worker/accounts.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/net/crew.h"
#include "common/net/delay.h"
#include "common/net/work.h"
#include "common/users/cache.h"
#include "common/users/hashing.h"

#define REFRESH_MS 1000
#define MANY_MAX_MS 2000 /* of a delay for who speaks for many */

struct accounts {
	struct kit *kit; /* borrowed */
	struct storeline *line; /* borrowed */
	struct window *window; /* borrowed */
	struct users *users; /* owned */
	struct cache *cache; /* owned */
};

/* --- waiting --- */

static bool start_wait(void *ctx, int64_t ms, void (*fn)(void *owner), void *owner, void **wait)
{
	struct delay *d;

	if (delay_open(&d, ctx, ms, fn, owner) != ERR_NONE)
		return false;
	*wait = d;
	return true;
}

static void stop_wait(void **wait)
{
	struct delay *d = *wait;

	delay_close(&d);
	*wait = NULL;
}

/* --- what wrong passwords cost --- */

/* The host itself, and the addresses that are never granted: behind a webmail or a gateway somebody's wrong
 * passwords must not make everybody wait. */
static bool speaks_for_many(const struct accounts *a, struct addr client)
{
	char text[ADDR_TEXT];

	addr_format(client, text);
	return strcmp(text, "127.0.0.1") == 0 || strcmp(text, "::1") == 0 ||
		site_is_never(&a->kit->site, client);
}

static void log_delay(struct addr client, const struct subscriber *who, int64_t ms, bool trusted)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "login.delayed");
	log_addr(&l, "addr", client);
	log_str(&l, "user", subscriber_str(who));
	log_int(&l, "ms", ms);
	log_bool(&l, "only_if_wrong", trusted);
	log_end(&l);
}

static int64_t delay_of(void *ctx, struct addr client, const struct subscriber *who, bool *trusted)
{
	const struct accounts *a = ctx;
	struct view *v = window_view(a->window);
	int64_t now = clock_ms(), ms = view_delay(v, client, who, &a->kit->site.penalty, now);

	if (ms == 0)
		return 0;
	*trusted = speaks_for_many(a, client);
	if (*trusted && ms > MANY_MAX_MS)
		ms = MANY_MAX_MS;
	if (!*trusted)
		*trusted = view_holds(v, client, who, now, NULL);
	log_delay(client, who, ms, *trusted);
	return ms;
}

static void on_failed(void *ctx, struct addr client, const struct subscriber *who, uint64_t secret)
{
	const struct accounts *a = ctx;

	storeline_failure(a->line, &(struct failure){ client, *who, secret });
}

/* --- open and close --- */

static bool changed(void *ctx, const struct subscriber *who, const struct fingerprint *then)
{
	const struct accounts *a = ctx;

	return users_changed(a->users, who, then);
}

static void on_second(void *owner)
{
	users_refresh(((struct accounts *)owner)->users);
}

static void open_users(struct accounts *a, struct loop *l)
{
	struct users_lent lent = { .pool = { work_pool, l },
		.hashing = { crew_submit, l },
		.timer = { start_wait, stop_wait, l },
		.cache = a->cache };

	if (a->line != NULL && a->window != NULL)
		lent.penalties = (struct users_penalties){ delay_of, on_failed, a };
	/* if the file cannot be read it has said why, and tries again */
	(void)!users_open(&a->users, a->kit->site.users_path, a->kit->site.default_domain, &lent);
}

enum err accounts_open(struct accounts **out, struct kit *kit, struct loop *l,
	struct storeline *line, struct window *window)
{
	struct accounts *a = calloc(1, sizeof(*a));
	enum err e;

	if (a == NULL)
		return ERR_NOMEM;
	*a = (struct accounts){ .kit = kit, .line = line, .window = window };
	e = cache_open(
		&a->cache, kit->verified, kit->site.window.lifetime_ms + kit->site.window.slack_ms);
	if (e == ERR_NONE)
		e = crew_open(l, HASHING_AT_ONCE);
	if (e == ERR_NONE)
		open_users(a, l);
	if (e == ERR_NONE)
		e = a->users != NULL ? loop_every(l, REFRESH_MS, on_second, a) : ERR_NOMEM;
	if (e == ERR_NONE && window != NULL)
		window_set_judge(window, &(struct view_judge){ changed, a });
	if (e == ERR_NONE)
		*out = a;
	else
		accounts_close(&a);
	return e;
}

void accounts_close(struct accounts **a)
{
	if (*a == NULL)
		return;
	users_close(&(*a)->users);
	cache_close(&(*a)->cache);
	free(*a);
	*a = NULL;
}

struct users *accounts_users(struct accounts *a)
{
	return a->users;
}
