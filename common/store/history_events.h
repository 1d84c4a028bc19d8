/* history_events.h - what the store did, as octets between it and the historian: a length, when, until when, and
 * the request as wire.h writes it. Pure. */
#ifndef POPGATE_HISTORY_EVENTS_H
#define POPGATE_HISTORY_EVENTS_H

#include "common/base/bytes.h"
#include "common/window/wire.h"

#define EVENT_HEAD (2 + 8 + 8)
#define EVENT_MAX (EVENT_HEAD + WIRE_MAX)

struct event {
	struct request request;
	int64_t stamp_ms, until_ms;
};

/* dst has EVENT_MAX octets; returns how many. */
static inline size_t event_put(const struct event *e, uint8_t *dst)
{
	size_t n = wire_put_request(&e->request, dst + EVENT_HEAD);
	struct writer w = { .p = dst, .max = EVENT_HEAD };

	put_number(&w, EVENT_HEAD + n, 2);
	put_number(&w, (uint64_t)e->stamp_ms, 8);
	put_number(&w, (uint64_t)e->until_ms, 8);
	return EVENT_HEAD + n;
}

/* How long the first event in s is; 0 if it is not whole. */
static inline size_t event_length(struct str s)
{
	struct reader r = { (const uint8_t *)s.p, s.n, false };
	size_t n = get_number(&r, 2);

	return r.bad || n < EVENT_HEAD || n > s.n ? 0 : n;
}

/* Of exactly that many octets. */
MUST_USE static inline bool event_get(struct str s, struct event *out)
{
	struct reader r = { (const uint8_t *)s.p, s.n, false };

	(void)get_number(&r, 2);
	out->stamp_ms = (int64_t)get_number(&r, 8);
	out->until_ms = (int64_t)get_number(&r, 8);
	return !r.bad && wire_get_request((struct str){ (const char *)r.p, r.n }, &out->request);
}

#endif
