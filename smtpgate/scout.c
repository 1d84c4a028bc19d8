/* scout.c - see scout.h. */
#include "smtpgate/scout.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"

#define HOPS 2
#define LOOK_EVERY_MS 60000 /* a name */
#define LOOK_AGAIN_MS 5000 /* one that could not be looked up */
#define VISIT_EVERY_MS 300000
#define VISIT_AGAIN_MS 5000 /* a hop that we have not yet heard of */

struct mission { /* to one hop */
	struct scout *scout;
	struct hop_state *hop; /* borrowed */
	struct leg leg;
	struct names_query *query;
	int64_t look_ms, visit_ms; /* when to look and to visit next, steady */
	bool lost; /* it was said that the name has no address */
};

struct scout {
	struct relay_site *site; /* borrowed */
	struct mission missions[HOPS];
};

/* --- names --- */

static void report_lost(struct mission *m, enum names_answer answer)
{
	struct log_line l;

	if (m->lost == (answer != NAMES_FOUND))
		return;
	m->lost = !m->lost;
	log_begin(&l, m->lost ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
		m->lost ? "hop.unresolved" : "hop.resolved");
	log_str(&l, "hop", m->hop->hop->text);
	if (m->lost)
		log_text(&l, "what", answer == NAMES_ABSENT ? "no address" : "no answer");
	log_end(&l);
}

/* A failure leaves the addresses of before: they mostly still are right. */
static void on_addresses(
	void *owner, enum names_answer answer, const struct addr *addresses, size_t n)
{
	struct mission *m = owner;

	m->query = NULL;
	report_lost(m, answer);
	if (answer == NAMES_FOUND)
		hop_addresses(m->hop, addresses, n);
	m->look_ms = clock_steady_ms() + (answer == NAMES_FOUND ? LOOK_EVERY_MS : LOOK_AGAIN_MS);
}

static void look(struct mission *m, int64_t now_ms)
{
	if (m->hop->hop->host[0] == '\0' || m->query != NULL || now_ms < m->look_ms)
		return;
	m->query = names_of_host(m->scout->site->leg.names, m->hop->hop->host, on_addresses, m);
	if (m->query == NULL)
		m->look_ms = now_ms + LOOK_AGAIN_MS;
}

/* --- visits --- */

static void on_heard(void *owner, struct leg *l, enum leg_news news)
{
	struct mission *m = owner;

	if (news == LEG_READY)
		leg_quit(l);
	if (news == LEG_READY || (news == LEG_GONE && m->hop->known))
		m->visit_ms = clock_steady_ms() + VISIT_EVERY_MS;
	else if (news == LEG_GONE)
		m->visit_ms = clock_steady_ms() + VISIT_AGAIN_MS;
}

static void visit(struct mission *m, int64_t now_ms)
{
	if (leg_upstream(&m->leg) == NULL && m->hop->n > 0 && now_ms >= m->visit_ms)
		leg_open(&m->leg, NULL, LEG_NEW);
}

static void on_second(void *owner)
{
	struct scout *s = owner;
	int64_t now_ms = clock_steady_ms();

	if (loop_draining(s->site->leg.loop))
		keep_end(&s->site->keep);
	for (size_t i = 0; i < HOPS; i++) {
		struct mission *m = &s->missions[i];

		if (!hop_is_network(m->hop->hop))
			continue;
		if (loop_draining(s->site->leg.loop)) {
			names_cancel(&m->query);
			leg_drop(&m->leg);
			continue;
		}
		look(m, now_ms);
		visit(m, now_ms);
	}
}

enum err scout_open(struct scout **out, struct relay_site *site)
{
	struct hop_state *hops[HOPS] = { &site->deliver, &site->relay };
	struct scout *s = calloc(1, sizeof(*s));
	enum err e;

	if (s == NULL)
		return ERR_NOMEM;
	s->site = site;
	for (size_t i = 0; i < HOPS; i++) {
		s->missions[i].scout = s;
		s->missions[i].hop = hops[i];
		leg_init(&s->missions[i].leg, &s->missions[i], on_heard, &site->leg, hops[i]);
	}
	e = loop_every(site->leg.loop, 1000, on_second, s);
	if (e != ERR_NONE) {
		free(s);
		return e;
	}
	on_second(s);
	*out = s;
	return ERR_NONE;
}

void scout_close(struct scout **s)
{
	if (*s == NULL)
		return;
	for (size_t i = 0; i < HOPS; i++) {
		names_cancel(&(*s)->missions[i].query);
		leg_drop(&(*s)->missions[i].leg);
	}
	free(*s);
	*s = NULL;
}
