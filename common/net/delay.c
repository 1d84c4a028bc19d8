/* delay.c - see delay.h. A class for each length, so that a new one always goes to the end of its list. */
#include "common/net/delay.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/net/private.h"

struct delay {
	struct node node;
	int64_t due_ms; /* steady clock */
	void (*fn)(void *owner);
	void *owner;
};

/* With all classes taken the nearest longer one, or the longest: later or, at worst, sooner. */
static struct patience *class_of(struct loop *l, int64_t ms)
{
	struct patience *nearest = NULL;

	for (size_t i = 0; i < l->delays_n; i++) {
		struct patience *p = &l->delays[i];

		if (p->ms == ms)
			return p;
		if (nearest == NULL || (p->ms > ms && (nearest->ms < ms || p->ms < nearest->ms)))
			nearest = p;
	}
	if (l->delays_n == PATIENCE_CLASSES)
		return nearest;
	nearest = &l->delays[l->delays_n++];
	nearest->ms = ms;
	list_init(&nearest->waiting);
	return nearest;
}

enum err delay_open(
	struct delay **out, struct loop *l, int64_t ms, void (*fn)(void *owner), void *owner)
{
	struct patience *p = class_of(l, ms);
	struct delay *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return ERR_NOMEM;
	d->due_ms = clock_steady_ms() + p->ms;
	d->fn = fn;
	d->owner = owner;
	list_append(&p->waiting, &d->node);
	*out = d;
	return ERR_NONE;
}

void delay_close(struct delay **d)
{
	if (*d == NULL)
		return;
	list_remove(&(*d)->node);
	free(*d);
	*d = NULL;
}

/* What is called may open and close others, so each list is looked at from its head again. */
void delay_expire(struct loop *l)
{
	int64_t now = clock_steady_ms();

	for (size_t i = 0; i < l->delays_n; i++) {
		struct node *waiting = &l->delays[i].waiting;

		while (!list_empty(waiting)) {
			struct delay *d = list_entry(waiting->next, struct delay, node);
			void (*fn)(void *owner) = d->fn;
			void *owner = d->owner;

			if (d->due_ms > now)
				break;
			delay_close(&d);
			fn(owner);
		}
	}
}

void delay_drop_all(struct loop *l)
{
	for (size_t i = 0; i < l->delays_n; i++)
		while (!list_empty(&l->delays[i].waiting)) {
			struct delay *d = list_entry(l->delays[i].waiting.next, struct delay, node);

			delay_close(&d);
		}
}
