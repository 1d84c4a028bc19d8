/* history.c - see history.h. */
#include "common/window/history.h"

#include "common/base/bytes.h"
#include "common/base/crc32c.h"

#define VERSION 1
#define CRC 4
#define FLAG_TLS 1U
#define FLAG_SINGLE 2U

/* --- intervals --- */

static struct interval single(
	struct addr key, const struct subscriber *who, uint16_t port, const char *sid, int64_t ms)
{
	struct interval i = { .key = key, .who = *who, .from_ms = ms, .times = 1 };

	i.last.ms = ms;
	i.last.port = port;
	memcpy(i.last.sid, sid, sizeof(i.last.sid));
	i.first = i.last;
	i.port_low = i.port_high = port;
	return i;
}

struct interval interval_of_grant(
	const struct grant *g, struct addr key, int64_t stamp_ms, int64_t until_ms)
{
	struct interval i = single(key, &g->who, g->port, g->sid, stamp_ms);

	i.kind = INTERVAL_LOGIN;
	i.until_ms = until_ms > stamp_ms ? until_ms : stamp_ms + 1;
	i.source = g->source;
	return i;
}

struct interval interval_of_use(const struct use *u, struct addr key, int64_t stamp_ms)
{
	struct interval i = single(key, &u->who, u->port, u->sid, stamp_ms);

	i.kind = INTERVAL_SENT;
	i.until_ms = stamp_ms + 1;
	i.source = (struct source){ .service = "smtp", .mechanism = "window", .tls = u->tls };
	if (u->by == USE_BY_AUTH)
		memcpy(i.source.mechanism, u->mechanism, sizeof(i.source.mechanism));
	return i;
}

static void note_ports(struct interval *i, const struct interval *next)
{
	if (next->port_low == 0)
		return;
	if (i->port_low == 0 || next->port_low < i->port_low)
		i->port_low = next->port_low;
	if (next->port_high > i->port_high)
		i->port_high = next->port_high;
}

bool interval_extend(struct interval *i, const struct interval *next)
{
	int64_t reach = i->kind == INTERVAL_SENT ? i->until_ms + INTERVAL_GAP_MS : i->until_ms;
	uint64_t times = (uint64_t)i->times + next->times;

	if (next->from_ms < i->from_ms || next->from_ms > reach ||
		next->from_ms - i->from_ms >= INTERVAL_MAX_MS) {
		if (next->from_ms > i->from_ms && i->until_ms > next->from_ms)
			i->until_ms = next->from_ms;
		return false;
	}
	if (next->until_ms > i->until_ms)
		i->until_ms = next->until_ms;
	i->last = next->last;
	i->source = next->source;
	i->times = times > UINT32_MAX ? UINT32_MAX : (uint32_t)times;
	note_ports(i, next);
	return true;
}

/* Big-endian, so that rows sort by it. */
static void put_sorted(struct writer *w, uint64_t value, size_t octets)
{
	for (size_t i = octets; i > 0; i--)
		put_number(w, value >> (8 * (i - 1)) & 0xff, 1);
}

static uint64_t get_sorted(struct reader *r, size_t octets)
{
	uint64_t value = 0;

	for (size_t i = 0; i < octets; i++)
		value = value << 8 | get_number(r, 1);
	return value;
}

/* A name and the NUL that ends it. */
static void get_who(struct reader *r, struct subscriber *out)
{
	size_t n = r->n > 0 ? str_find((struct str){ (const char *)r->p, r->n }, '\0') : 0;
	struct subscriber who = { 0 }, folded;

	if (n == 0 || n >= r->n || n > SUBSCRIBER_MAX) {
		r->bad = true;
		return;
	}
	get_octets(r, who.name, n + 1);
	who.n = (uint8_t)n;
	if (!subscriber_fold(subscriber_str(&who), STR(""), &folded) ||
		!subscriber_eq(&who, &folded))
		r->bad = true;
	*out = who;
}

static size_t close_row(struct writer *w)
{
	put_number(w, crc32c(w->p, w->n), CRC);
	return w->n;
}

/* What stands before the sum, if it fits and the version is ours. */
static struct reader open_row(struct str value)
{
	struct reader r = { (const uint8_t *)value.p, value.n, value.n < CRC };
	struct reader sum;

	if (r.bad)
		return r;
	r.n -= CRC;
	sum = (struct reader){ r.p + r.n, CRC, false };
	r.bad = get_number(&sum, CRC) != crc32c(value.p, value.n - CRC);
	if (get_number(&r, 1) != VERSION)
		r.bad = true;
	return r;
}

size_t interval_key(const struct interval *i, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = INTERVAL_KEY_MAX };

	put_octets(&w, i->key.b, sizeof(i->key.b));
	put_octets(&w, i->who.name, (size_t)i->who.n + 1);
	put_number(&w, i->kind, 1);
	put_sorted(&w, (uint64_t)i->from_ms, 8);
	return w.n;
}

static void put_sighting(struct writer *w, const struct sighting *s)
{
	put_number(w, (uint64_t)s->ms, 8);
	put_number(w, s->port, 2);
	put_short(w, str_of(s->sid));
}

static void put_more(struct writer *w, const struct interval *i)
{
	put_number(w, i->times, 4);
	put_number(w, i->port_low, 2);
	put_number(w, i->port_high, 2);
	put_sighting(w, &i->last);
}

static void get_sighting(struct reader *r, struct sighting *s)
{
	s->ms = (int64_t)get_number(r, 8);
	s->port = (uint16_t)get_number(r, 2);
	get_short(r, s->sid, sizeof(s->sid));
	if (s->ms < 0)
		r->bad = true;
}

/* Most intervals are of one sighting, and those take less room. */
static bool is_single(const struct interval *i)
{
	return i->times == 1 && i->first.ms == i->last.ms && i->first.port == i->last.port &&
		strcmp(i->first.sid, i->last.sid) == 0 && i->port_low == i->first.port &&
		i->port_high == i->first.port;
}

size_t interval_value(const struct interval *i, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = INTERVAL_VALUE_MAX };
	bool one = is_single(i);

	put_number(&w, VERSION, 1);
	put_number(&w, (i->source.tls ? FLAG_TLS : 0U) | (one ? FLAG_SINGLE : 0U), 1);
	put_number(&w, (uint64_t)i->until_ms, 8);
	put_sighting(&w, &i->first);
	if (!one)
		put_more(&w, i);
	put_short(&w, str_of(i->source.service));
	put_short(&w, str_of(i->source.mechanism));
	return close_row(&w);
}

static void get_more(struct reader *r, struct interval *i)
{
	i->times = (uint32_t)get_number(r, 4);
	i->port_low = (uint16_t)get_number(r, 2);
	i->port_high = (uint16_t)get_number(r, 2);
	get_sighting(r, &i->last);
}

bool interval_read(struct str key, struct str value, struct interval *out)
{
	struct reader k = { (const uint8_t *)key.p, key.n, false }, v = open_row(value);
	struct interval i = { 0 };
	uint64_t flags;

	get_octets(&k, i.key.b, sizeof(i.key.b));
	get_who(&k, &i.who);
	i.kind = (enum interval_kind)get_number(&k, 1);
	i.from_ms = (int64_t)get_sorted(&k, 8);
	flags = get_number(&v, 1);
	i.source.tls = (flags & FLAG_TLS) != 0;
	i.until_ms = (int64_t)get_number(&v, 8);
	get_sighting(&v, &i.first);
	i.last = i.first;
	i.times = 1;
	i.port_low = i.port_high = i.first.port;
	if ((flags & FLAG_SINGLE) == 0)
		get_more(&v, &i);
	get_short(&v, i.source.service, sizeof(i.source.service));
	get_short(&v, i.source.mechanism, sizeof(i.source.mechanism));
	if (k.bad || k.n > 0 || v.bad || v.n > 0 || flags > (FLAG_TLS | FLAG_SINGLE) ||
		is_single(&i) != ((flags & FLAG_SINGLE) != 0) || i.from_ms < 0 || i.until_ms < 0 ||
		(i.kind != INTERVAL_LOGIN && i.kind != INTERVAL_SENT))
		return false;
	*out = i;
	return true;
}

/* --- days --- */

size_t day_key(const struct day *d, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = DAY_KEY_MAX };

	put_octets(&w, d->who.name, (size_t)d->who.n + 1);
	put_sorted(&w, d->day, 2);
	return w.n;
}

size_t day_value(const struct day *d, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = DAY_VALUE_MAX };

	put_number(&w, VERSION, 1);
	put_number(&w, d->window, 4);
	put_number(&w, d->authenticated, 4);
	put_number(&w, d->logins, 4);
	put_number(&w, d->clear, 4);
	put_number(&w, (uint64_t)d->login_ms, 8);
	return close_row(&w);
}

bool day_read(struct str key, struct str value, struct day *out)
{
	struct reader k = { (const uint8_t *)key.p, key.n, false }, v = open_row(value);
	struct day d = { 0 };

	get_who(&k, &d.who);
	d.day = (uint16_t)get_sorted(&k, 2);
	d.window = (uint32_t)get_number(&v, 4);
	d.authenticated = (uint32_t)get_number(&v, 4);
	d.logins = (uint32_t)get_number(&v, 4);
	d.clear = (uint32_t)get_number(&v, 4);
	d.login_ms = (int64_t)get_number(&v, 8);
	if (k.bad || k.n > 0 || v.bad || v.n > 0 || d.login_ms < 0)
		return false;
	*out = d;
	return true;
}

static uint32_t sum(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

void day_add(struct day *d, const struct day *other)
{
	d->window = sum(d->window, other->window);
	d->authenticated = sum(d->authenticated, other->authenticated);
	d->logins = sum(d->logins, other->logins);
	d->clear = sum(d->clear, other->clear);
	if (other->login_ms > d->login_ms)
		d->login_ms = other->login_ms;
}

/* --- manners --- */

struct manner manner_of_use(const struct use *u, int64_t stamp_ms)
{
	struct manner m = {
		.ms = stamp_ms, .addr = u->addr, .listener = u->listener, .tls = u->tls
	};

	memcpy(m.helo, u->helo, sizeof(m.helo));
	return m;
}

static void put_manner(struct writer *w, const struct manner *m)
{
	put_number(w, (uint64_t)m->ms, 8);
	if (m->ms == 0)
		return;
	put_octets(w, m->addr.b, sizeof(m->addr.b));
	put_number(w, m->listener, 2);
	put_number(w, m->tls, 1);
	put_short(w, str_of(m->helo));
}

static void get_manner(struct reader *r, struct manner *m)
{
	uint64_t tls;

	m->ms = (int64_t)get_number(r, 8);
	if (m->ms == 0)
		return;
	get_octets(r, m->addr.b, sizeof(m->addr.b));
	m->listener = (uint16_t)get_number(r, 2);
	tls = get_number(r, 1);
	m->tls = tls == 1;
	get_short(r, m->helo, sizeof(m->helo));
	if (m->ms < 0 || tls > 1)
		r->bad = true;
}

size_t manners_value(const struct manners *m, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = MANNERS_MAX };

	put_number(&w, VERSION, 1);
	put_manner(&w, &m->by_window);
	put_manner(&w, &m->by_auth);
	return close_row(&w);
}

bool manners_read(struct str value, struct manners *out)
{
	struct reader v = open_row(value);
	struct manners m = { 0 };

	get_manner(&v, &m.by_window);
	get_manner(&v, &m.by_auth);
	if (v.bad || v.n > 0)
		return false;
	*out = m;
	return true;
}
