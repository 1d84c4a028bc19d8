/* accounts.c - see accounts.h. */
#include "common/worker/accounts.h"

#include <stdlib.h>

#include "common/net/work.h"

#define REFRESH_MS 1000

struct accounts {
	struct storeline *line; /* borrowed */
	struct window *window; /* borrowed */
	struct users *users; /* owned */
};

static void on_second(void *owner)
{
	users_refresh(((struct accounts *)owner)->users);
}

enum err accounts_open(struct accounts **out, struct kit *kit, struct loop *l,
	struct storeline *line, struct window *window)
{
	struct accounts *a = calloc(1, sizeof(*a));
	enum err e;

	if (a == NULL)
		return ERR_NOMEM;
	a->line = line;
	a->window = window;
	(void)!users_open(&a->users, kit->site.users_path, kit->site.default_domain,
		&(struct users_lent){
			.pool = { work_pool, l } }); /* it has said why, and tries again */
	e = a->users != NULL ? loop_every(l, REFRESH_MS, on_second, a) : ERR_NOMEM;
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
	free(*a);
	*a = NULL;
}

struct users *accounts_users(struct accounts *a)
{
	return a->users;
}
