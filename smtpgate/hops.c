/* hops.c - see hops.h. */
#include "smtpgate/hops.h"

#include "common/base/log.h"

static bool same(struct endpoint a, struct endpoint b)
{
	return a.port == b.port && addr_eq(a.addr, b.addr);
}

void hop_state_init(struct hop_state *s, const struct hop *hop)
{
	*s = (struct hop_state){ .hop = hop };
	if (hop->kind == HOP_MAILDIR) { /* the deliver role is of our own making */
		s->known = true;
		s->offers = (struct offers){ .eight_bit = true, .utf8 = true, .size = true };
	}
	if (hop->host[0] == '\0') {
		s->n = 1;
		s->addresses[0].at = hop->endpoint;
	}
}

static struct hop_address *find(struct hop_state *s, struct endpoint at)
{
	for (size_t i = 0; i < s->n; i++)
		if (same(s->addresses[i].at, at))
			return &s->addresses[i];
	return NULL;
}

void hop_addresses(struct hop_state *s, const struct addr *addresses, size_t n)
{
	struct hop_state fresh = *s;

	fresh.n = 0;
	for (size_t i = 0; i < n && fresh.n < HOP_ADDRESSES_MAX; i++) {
		struct endpoint at = { addresses[i], s->hop->endpoint.port };
		const struct hop_address *old = find(s, at);

		if (find(&fresh, at) != NULL)
			continue;
		fresh.addresses[fresh.n++] = old != NULL ? *old : (struct hop_address){ .at = at };
	}
	*s = fresh;
}

static bool was_tried(const struct hop_tried *tried, struct endpoint at)
{
	for (size_t i = 0; i < tried->n; i++)
		if (same(tried->at[i], at))
			return true;
	return false;
}

enum hop_pick hop_pick(
	struct hop_state *s, struct hop_tried *tried, int64_t now_ms, struct endpoint *out)
{
	enum hop_pick left = HOP_NONE_LEFT;

	for (size_t i = 0; i < s->n && tried->n < HOP_ADDRESSES_MAX; i++) {
		struct hop_address *a = &s->addresses[i];

		if (was_tried(tried, a->at))
			continue;
		if (a->pause_ms > 0 && now_ms < a->again_ms) {
			left = HOP_HELD_BACK;
			continue;
		}
		a->again_ms = now_ms + a->pause_ms; /* the others wait for what this one finds */
		a->probed = a->pause_ms > 0;
		tried->at[tried->n++] = a->at;
		*out = a->at;
		return HOP_PICKED;
	}
	return left;
}

static void begin_log(struct log_line *l, enum log_level level, const char *event,
	const struct hop_state *s, struct endpoint at)
{
	log_begin(l, level, event);
	log_str(l, "hop", s->hop->text);
	if (at.port == 0)
		return;
	log_addr(l, "addr", at.addr);
	log_int(l, "port", at.port);
}

void hop_failed(struct hop_state *s, struct endpoint at, int64_t now_ms, const char *why)
{
	struct hop_address *a = find(s, at);
	struct log_line l;

	if (a == NULL)
		return; /* no longer an address of it */
	if (++a->failures < HOP_FAILURES)
		return;
	if (a->pause_ms > 0 && !a->probed)
		return; /* one of many that were on their way */
	if (a->pause_ms == 0) {
		begin_log(&l, LOG_LEVEL_ERROR, "hop.down", s, at);
		log_text(&l, "what", why);
		log_int(&l, "failures", a->failures);
		log_end(&l);
	}
	a->pause_ms = a->pause_ms == 0 ? HOP_PAUSE_MIN_MS : 2 * a->pause_ms;
	if (a->pause_ms > HOP_PAUSE_MAX_MS)
		a->pause_ms = HOP_PAUSE_MAX_MS;
	a->again_ms = now_ms + a->pause_ms;
	a->probed = false;
}

void hop_worked(struct hop_state *s, struct endpoint at)
{
	struct hop_address *a = find(s, at);
	struct log_line l;

	if (a == NULL)
		return;
	if (a->pause_ms > 0) {
		begin_log(&l, LOG_LEVEL_WARN, "hop.up", s, at);
		log_int(&l, "failures", a->failures);
		log_end(&l);
	}
	a->failures = 0;
	a->pause_ms = 0;
}

void hop_learn(struct hop_state *s, const struct offers *offers)
{
	s->known = true;
	s->offers = *offers;
}
