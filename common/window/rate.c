/* rate.c - see rate.h. */
#include "common/window/rate.h"

#include "common/base/bytes.h"
#include "common/base/crc32c.h"

#define VERSION 1
#define HOUR_MS INT64_C(3600000)
#define LOGIN_MS (8 * 24 * HOUR_MS)

static uint32_t sum(uint64_t a, uint64_t b)
{
	return a + b > UINT32_MAX ? UINT32_MAX : (uint32_t)(a + b);
}

/* Turns the buckets over to the hour of now_ms. */
static struct rate turned(const struct rate *r, int64_t now_ms)
{
	struct rate t = *r;
	int64_t hour = now_ms / HOUR_MS;

	if (hour <= r->hour)
		return t;
	t.hour = hour;
	t.messages[1] = hour == r->hour + 1 ? r->messages[0] : 0;
	t.recipients[1] = hour == r->hour + 1 ? r->recipients[0] : 0;
	t.messages[0] = t.recipients[0] = 0;
	return t;
}

void rate_add(struct rate *r, const struct use *u, int64_t now_ms)
{
	*r = turned(r, now_ms);
	r->messages[0] = sum(r->messages[0], u->messages);
	r->recipients[0] = sum(r->recipients[0], u->recipients);
	if (u->login && now_ms > r->login_ms)
		r->login_ms = now_ms;
}

static uint32_t weigh(const uint32_t count[2], int64_t left_ms)
{
	return sum(count[0],
		((uint64_t)count[1] * (uint64_t)left_ms + (uint64_t)HOUR_MS - 1) /
			(uint64_t)HOUR_MS);
}

struct rate_now rate_at(const struct rate *r, int64_t now_ms)
{
	struct rate t = turned(r, now_ms);
	int64_t into = now_ms - t.hour * HOUR_MS, left = into < 0 ? HOUR_MS : HOUR_MS - into;

	return (struct rate_now){ weigh(t.messages, left), weigh(t.recipients, left) };
}

bool rate_matters(const struct rate *r, int64_t now_ms)
{
	return now_ms / HOUR_MS <= r->hour + 1 || now_ms < r->login_ms + LOGIN_MS;
}

void use_helo(struct use *u, struct str name)
{
	size_t n = name.n < USE_HELO_MAX ? name.n : USE_HELO_MAX;

	for (size_t i = 0; i < n; i++)
		u->helo[i] = (char)(name.p[i] > ' ' && name.p[i] <= '~' ? name.p[i] : '?');
	u->helo[n] = '\0';
}

size_t rate_key_of(struct addr key, uint8_t *dst)
{
	dst[0] = 1;
	memcpy(dst + 1, key.b, sizeof(key.b));
	return 1 + sizeof(key.b);
}

size_t rate_key_of_subscriber(const struct subscriber *who, uint8_t *dst)
{
	dst[0] = 0;
	memcpy(dst + 1, who->name, who->n);
	return 1 + (size_t)who->n;
}

size_t rate_encode(const struct rate *r, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = RATE_MAX };

	put_number(&w, VERSION, 1);
	put_number(&w, (uint64_t)r->hour, 8);
	for (size_t i = 0; i < 2; i++) {
		put_number(&w, r->messages[i], 4);
		put_number(&w, r->recipients[i], 4);
	}
	put_number(&w, (uint64_t)r->login_ms, 8);
	put_number(&w, crc32c(dst, w.n), 4);
	return w.n;
}

bool rate_decode(struct str bytes, struct rate *out)
{
	struct reader in = { (const uint8_t *)bytes.p, bytes.n, false };
	struct rate r = { 0 };

	if (get_number(&in, 1) != VERSION)
		return false;
	r.hour = (int64_t)get_number(&in, 8);
	for (size_t i = 0; i < 2; i++) {
		r.messages[i] = (uint32_t)get_number(&in, 4);
		r.recipients[i] = (uint32_t)get_number(&in, 4);
	}
	r.login_ms = (int64_t)get_number(&in, 8);
	if (in.bad || in.n != 4 || get_number(&in, 4) != crc32c(bytes.p, bytes.n - 4) ||
		r.hour < 0 || r.hour > INT64_MAX / HOUR_MS - 1 || r.login_ms < 0 ||
		r.login_ms > INT64_MAX - LOGIN_MS)
		return false;
	*out = r;
	return true;
}
