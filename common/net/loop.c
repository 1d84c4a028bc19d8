/* loop.c - see loop.h. Everything on the loop is linked into it, so that closing it leaves nothing. */
#include "common/net/private.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"

#define TICK_MS 250

struct timer {
	uv_timer_t uv;
	struct node node;
	void (*fn)(void *owner);
	void *owner;
};

struct watch {
	uv_poll_t uv;
	struct node node;
	void (*fn)(void *owner);
	void *owner;
};

enum err err_of_uv(int code)
{
	return err_of_errno(-code); /* libuv's codes are negated errno on Linux */
}

struct patience *loop_patience(struct loop *l, int64_t ms)
{
	struct patience *nearest = NULL;

	for (size_t i = 0; i < l->patience_n; i++) {
		struct patience *p = &l->patience[i];

		if (p->ms == ms)
			return p;
		if (nearest == NULL || (p->ms > ms && (nearest->ms < ms || p->ms < nearest->ms)))
			nearest = p;
	}
	if (l->patience_n == PATIENCE_CLASSES)
		return nearest;
	nearest = &l->patience[l->patience_n++];
	nearest->ms = ms;
	list_init(&nearest->waiting);
	return nearest;
}

void loop_check_end(struct loop *l)
{
	if (l->draining && list_empty(&l->conns) && l->jobs == 0)
		uv_stop(&l->uv);
}

static void on_tick(uv_timer_t *t)
{
	struct loop *l = t->data;

	conn_expire_silent(l);
	delay_expire(l);
	log_tick(clock_steady_ms());
	conn_hear_unheard(l);
	if (l->shutdown)
		conn_end_idle(l);
}

static void on_deadline(uv_timer_t *t)
{
	conn_end_all(t->data);
}

static void on_term(uv_signal_t *s, int number)
{
	(void)number;
	loop_drain(s->data, true);
}

static void on_hup(uv_signal_t *s, int number)
{
	(void)number;
	loop_drain(s->data, false);
}

static void on_turned(uv_prepare_t *p)
{
	((struct loop *)p->data)->turns++;
	log_turn();
}

/* With its first stream libuv opens /dev/null, a descriptor to close when there is none left to accept with. So the
 * first one is made here: from within a sandbox it cannot be opened, and every connection tries again. */
static void init_handles(struct loop *l)
{
	uv_timer_init(&l->uv, &l->tick);
	uv_timer_init(&l->uv, &l->deadline);
	uv_signal_init(&l->uv, &l->on_term);
	uv_signal_init(&l->uv, &l->on_hup);
	l->tick.data = l->deadline.data = l->on_term.data = l->on_hup.data = l;
	uv_timer_start(&l->tick, on_tick, TICK_MS, TICK_MS);
	uv_signal_start(&l->on_term, on_term, SIGTERM);
	uv_signal_start(&l->on_hup, on_hup, SIGHUP);
	uv_pipe_init(&l->uv, &l->first, 0);
	uv_prepare_init(&l->uv, &l->turned);
	l->turned.data = l;
	uv_prepare_start(&l->turned, on_turned);
	log_gather(true);
}

enum err loop_open(struct loop **out)
{
	struct loop *l = calloc(1, sizeof(*l));
	int code;

	if (l == NULL)
		return ERR_NOMEM;
	code = uv_loop_init(&l->uv);
	if (code != 0) {
		free(l);
		return err_of_uv(code);
	}
	signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error of write(2) */
	list_init(&l->conns);
	list_init(&l->listeners);
	list_init(&l->timers);
	list_init(&l->watches);
	l->deadline_ms = 30000;
	init_handles(l);
	*out = l;
	return ERR_NONE;
}

static void on_timer_closed(uv_handle_t *h)
{
	free(list_entry(h, struct timer, uv));
}

static void on_watch_closed(uv_handle_t *h)
{
	free(list_entry(h, struct watch, uv));
}

static void close_timers(struct loop *l)
{
	while (!list_empty(&l->timers)) {
		struct timer *t = list_entry(l->timers.next, struct timer, node);

		list_remove(&t->node);
		uv_close((uv_handle_t *)&t->uv, on_timer_closed);
	}
}

void loop_close(struct loop **l)
{
	struct loop *it = *l;
	int code;

	if (it == NULL)
		return;
	listen_stop(it);
	crew_close(it);
	close_timers(it);
	delay_drop_all(it);
	while (!list_empty(&it->watches)) {
		struct watch *w = list_entry(it->watches.next, struct watch, node);

		watch_close(&w);
	}
	uv_close((uv_handle_t *)&it->first, NULL);
	uv_close((uv_handle_t *)&it->tick, NULL);
	uv_close((uv_handle_t *)&it->deadline, NULL);
	uv_close((uv_handle_t *)&it->on_term, NULL);
	uv_close((uv_handle_t *)&it->on_hup, NULL);
	uv_close((uv_handle_t *)&it->turned, NULL);
	uv_run(&it->uv, UV_RUN_DEFAULT); /* the close call-backs */
	code = uv_loop_close(&it->uv);
	assert(code == 0); /* something was left open by its owner */
	log_gather(false);
	free(it);
	*l = NULL;
}

void loop_run(struct loop *l)
{
	loop_check_end(l);
	if (!l->draining || !list_empty(&l->conns) || l->jobs > 0)
		uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_set_deadline(struct loop *l, int64_t deadline_ms)
{
	l->deadline_ms = deadline_ms;
}

uint64_t loop_turn(const struct loop *l)
{
	return l->turns;
}

bool loop_draining(const struct loop *l)
{
	return l->draining;
}

void loop_drain(struct loop *l, bool shutdown)
{
	if (!l->draining)
		listen_stop(l);
	l->draining = true;
	if (shutdown && !l->shutdown) {
		l->shutdown = true;
		uv_timer_start(&l->deadline, on_deadline, (uint64_t)l->deadline_ms, 0);
		conn_end_idle(l);
	}
	loop_check_end(l);
}

static void on_timer(uv_timer_t *uv)
{
	struct timer *t = list_entry(uv, struct timer, uv);

	t->fn(t->owner);
}

enum err loop_every(struct loop *l, uint64_t ms, void (*fn)(void *owner), void *owner)
{
	struct timer *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return ERR_NOMEM;
	t->fn = fn;
	t->owner = owner;
	list_append(&l->timers, &t->node);
	uv_timer_init(&l->uv, &t->uv);
	uv_timer_start(&t->uv, on_timer, ms, ms);
	return ERR_NONE;
}

static void on_watch(uv_poll_t *uv, int status, int events)
{
	struct watch *w = list_entry(uv, struct watch, uv);

	(void)status; /* an error shows when the owner reads */
	(void)events;
	w->fn(w->owner);
}

enum err watch_open(
	struct watch **out, struct loop *l, int fd, void (*fn)(void *owner), void *owner)
{
	struct watch *w = calloc(1, sizeof(*w));
	int code;

	if (w == NULL)
		return ERR_NOMEM;
	w->fn = fn;
	w->owner = owner;
	code = uv_poll_init(&l->uv, &w->uv, fd);
	if (code != 0) {
		free(w);
		return err_of_uv(code);
	}
	list_append(&l->watches, &w->node);
	uv_poll_start(&w->uv, UV_READABLE | UV_DISCONNECT, on_watch);
	*out = w;
	return ERR_NONE;
}

void watch_close(struct watch **w)
{
	if (*w == NULL)
		return;
	list_remove(&(*w)->node);
	uv_close((uv_handle_t *)&(*w)->uv, on_watch_closed);
	*w = NULL;
}

/* Nothing is ever written to that pipe, so that it can be read at all means that it has ended. */
static void on_alive_ended(void *owner)
{
	struct loop *l = owner;
	struct node *n;

	for (n = l->watches.next; n != &l->watches; n = n->next) {
		struct watch *w = list_entry(n, struct watch, node);

		if (w->fn == on_alive_ended) {
			watch_close(&w);
			break;
		}
	}
	loop_drain(l, true);
}

enum err loop_watch_alive(struct loop *l, int fd)
{
	struct watch *w;

	return watch_open(&w, l, fd, on_alive_ended, l);
}
