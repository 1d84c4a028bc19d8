/* history_wire.c - see history_wire.h. */
#include "common/window/history_wire.h"

#include "common/base/bytes.h"

#define VERSION 1

static void put_long(struct writer *w, const uint8_t *p, size_t n)
{
	put_number(w, n, 2);
	put_octets(w, p, n);
}

/* Borrowed from the packet. */
static struct str get_long(struct reader *r)
{
	size_t n = get_number(r, 2);
	struct str s = { (const char *)r->p, n };

	if (r->bad || n > r->n) {
		r->bad = true;
		return STR("");
	}
	r->p += n;
	r->n -= n;
	return s;
}

static void put_interval(struct writer *w, const struct interval *i)
{
	uint8_t bytes[INTERVAL_KEY_MAX + INTERVAL_VALUE_MAX];

	put_long(w, bytes, interval_key(i, bytes));
	put_long(w, bytes, interval_value(i, bytes));
}

static void get_interval(struct reader *r, struct interval *i)
{
	struct str key = get_long(r), value = get_long(r);

	if (!r->bad && !interval_read(key, value, i))
		r->bad = true;
}

/* The sums travel as a day that never was. */
static void put_dependence(struct writer *w, const struct dependence *d)
{
	const struct day sums = { .who = d->who,
		.day = d->days,
		.window = d->window,
		.authenticated = d->authenticated,
		.logins = d->logins,
		.clear = d->clear,
		.login_ms = d->login_ms };
	uint8_t bytes[DAY_KEY_MAX + DAY_VALUE_MAX + MANNERS_MAX];

	put_long(w, bytes, day_key(&sums, bytes));
	put_long(w, bytes, day_value(&sums, bytes));
	put_long(w, bytes, manners_value(&d->manners, bytes));
}

static void get_dependence(struct reader *r, struct dependence *d)
{
	struct str key = get_long(r), value = get_long(r), manners = get_long(r);
	struct day sums;

	if (r->bad || !day_read(key, value, &sums) || !manners_read(manners, &d->manners)) {
		r->bad = true;
		return;
	}
	d->who = sums.who;
	d->days = sums.day;
	d->window = sums.window;
	d->authenticated = sums.authenticated;
	d->logins = sums.logins;
	d->clear = sums.clear;
	d->login_ms = sums.login_ms;
}

static void put_end(struct writer *w, const struct history_end *e)
{
	put_number(w, e->result, 1);
	put_number(w, (uint64_t)e->began_ms, 8);
	put_number(w, (uint64_t)e->keep_ms, 8);
	put_number(w, (uint64_t)e->counts_ms, 8);
	put_number(w, (uint64_t)e->lost_ms, 8);
	put_number(w, e->lost, 8);
}

static void get_end(struct reader *r, struct history_end *e)
{
	uint64_t result = get_number(r, 1);

	e->result = (enum err)result;
	e->began_ms = (int64_t)get_number(r, 8);
	e->keep_ms = (int64_t)get_number(r, 8);
	e->counts_ms = (int64_t)get_number(r, 8);
	e->lost_ms = (int64_t)get_number(r, 8);
	e->lost = get_number(r, 8);
	if (result > ERR_QUOTA || e->began_ms < 0 || e->keep_ms < 0 || e->counts_ms < 0 ||
		e->lost_ms < 0)
		r->bad = true;
}

size_t history_put(const struct history_answer *a, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = HISTORY_PACKET_MAX };

	put_number(&w, VERSION, 1);
	put_number(&w, a->says, 1);
	switch (a->says) {
	case HISTORY_INTERVAL: put_interval(&w, &a->interval); break;
	case HISTORY_DEPENDENCE: put_dependence(&w, &a->dependence); break;
	case HISTORY_END: put_end(&w, &a->end); break;
	}
	return w.n;
}

bool history_get(struct str packet, struct history_answer *out)
{
	struct reader r = { (const uint8_t *)packet.p, packet.n, false };
	struct history_answer a = { 0 };

	if (get_number(&r, 1) != VERSION)
		return false;
	a.says = (enum history_says)get_number(&r, 1);
	switch (a.says) {
	case HISTORY_INTERVAL: get_interval(&r, &a.interval); break;
	case HISTORY_DEPENDENCE: get_dependence(&r, &a.dependence); break;
	case HISTORY_END: get_end(&r, &a.end); break;
	default: return false;
	}
	if (r.bad || r.n > 0)
		return false;
	*out = a;
	return true;
}
