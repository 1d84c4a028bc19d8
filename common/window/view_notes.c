/* view_notes.c - what the view holds besides the window: what wrong passwords cost, and how much was sent.
 * A row that cannot be read is none: neither is worth refusing anybody for. */
#include "common/window/view_private.h"

struct question {
	struct addr a;
	const struct subscriber *who;
	const struct penalty_rules *rules;
	int64_t now_ms;
	int64_t longest_ms; /* the answer of view_delay() */
	struct rates rates; /* and that of view_rate() */
	struct holder holder; /* and that of view_holds() */
};

static enum err look_whether_held(struct view *v, const struct view_meta *m, void *call)
{
	struct question *q = call;
	uint8_t bytes[RECORD_KEY_MAX];
	struct addr of = addr_key(q->a, m->ipv4_prefix, m->ipv6_prefix);
	MDB_val key = { record_entry_key(&of, q->who, bytes), bytes }, data;
	struct record r;

	if (mdb_get(v->txn, v->entries, &key, &data) != 0 || !record_decode(str_of_val(data), &r) ||
		view_standing(v, &r, view_present(m, q->now_ms)) != LIVE)
		return ERR_ABSENT;
	q->holder = view_holder(&r);
	return ERR_NONE;
}

bool view_holds(struct view *v, struct addr a, const struct subscriber *who, int64_t now_ms,
	struct holder *out)
{
	struct question q = { .a = a, .who = who, .now_ms = now_ms };

	if (v == NULL || v->stale || who->n == 0 || view_look(v, look_whether_held, &q) != ERR_NONE)
		return false;
	if (out != NULL)
		*out = q.holder;
	return true;
}

static enum err look_for_delay(struct view *v, const struct view_meta *m, void *call)
{
	struct question *q = call;
	struct penalty_key keys[PENALTY_KEYS];
	size_t n = penalty_keys(q->a, q->who, keys);

	(void)m;
	for (size_t i = 0; i < n; i++) {
		MDB_val key = { keys[i].n, keys[i].bytes }, data;
		struct penalty p;
		int64_t ms = 0;

		if (mdb_get(v->txn, v->penalties, &key, &data) == 0 &&
			penalty_decode(str_of_val(data), &p))
			ms = penalty_delay(
				q->rules, penalty_level(&p, q->rules, q->now_ms), keys[i].weight);
		q->longest_ms = ms > q->longest_ms ? ms : q->longest_ms;
	}
	return ERR_NONE;
}

int64_t view_delay(struct view *v, struct addr a, const struct subscriber *who,
	const struct penalty_rules *rules, int64_t now_ms)
{
	struct question q = { .a = a, .who = who, .rules = rules, .now_ms = now_ms };

	if (v == NULL || v->lacks_notes || rules->max_ms == 0 ||
		view_look(v, look_for_delay, &q) != ERR_NONE)
		return 0;
	return q.longest_ms;
}

/* The row of a key; all zero where there is none. */
static struct rate rate_of(struct view *v, const uint8_t *bytes, size_t n)
{
	MDB_val key = { n, (void *)(uintptr_t)bytes }, data;
	struct rate r;

	if (mdb_get(v->txn, v->rates, &key, &data) == 0 && rate_decode(str_of_val(data), &r))
		return r;
	return (struct rate){ 0 };
}

static enum err look_for_rates(struct view *v, const struct view_meta *m, void *call)
{
	struct question *q = call;
	uint8_t bytes[RATE_KEY_MAX];
	struct addr key = addr_key(q->a, m->ipv4_prefix, m->ipv6_prefix);
	struct rate of_key = rate_of(v, bytes, rate_key_of(key, bytes)), of_who = { 0 };

	if (q->who->n > 0)
		of_who = rate_of(v, bytes, rate_key_of_subscriber(q->who, bytes));
	q->rates = (struct rates){ rate_at(&of_key, q->now_ms), rate_at(&of_who, q->now_ms),
		of_who.login_ms };
	return ERR_NONE;
}

bool view_rate(struct view *v, struct addr a, const struct subscriber *who, int64_t now_ms,
	struct rates *out)
{
	struct question q = { .a = a, .who = who, .now_ms = now_ms };

	if (v == NULL || v->lacks_notes || view_look(v, look_for_rates, &q) != ERR_NONE)
		return false;
	*out = q.rates;
	return true;
}

static enum err look_for_minutes(struct view *v, const struct view_meta *m, void *call)
{
	MDB_val key = { sizeof(VIEW_MINUTES_KEY) - 1, (void *)(uintptr_t)VIEW_MINUTES_KEY }, data;

	(void)m;
	if (mdb_get(v->txn, v->meta, &key, &data) != 0 || !minutes_decode(str_of_val(data), call))
		return ERR_ABSENT;
	return ERR_NONE;
}

bool view_minutes(struct view *v, struct minutes *out)
{
	return v != NULL && view_look(v, look_for_minutes, out) == ERR_NONE;
}

struct credit_question {
	struct addr a;
	const struct subscriber *who;
	struct credit credit;
};

static enum err look_for_credit(struct view *v, const struct view_meta *m, void *call)
{
	struct credit_question *q = call;
	uint8_t bytes[CREDIT_KEY_MAX];
	struct addr of = addr_key(q->a, m->ipv4_prefix, m->ipv6_prefix);
	MDB_val key = { credit_key(&of, q->who, bytes), bytes }, data;

	if (mdb_get(v->txn, v->rates, &key, &data) != 0 ||
		!credit_decode(str_of_val(data), &q->credit))
		q->credit = (struct credit){ 0 };
	return ERR_NONE;
}

bool view_credit(struct view *v, struct addr a, const struct subscriber *who, struct credit *out)
{
	struct credit_question q = { .a = a, .who = who };

	if (v == NULL || v->lacks_notes || view_look(v, look_for_credit, &q) != ERR_NONE)
		return false;
	*out = q.credit;
	return true;
}

struct hits_question {
	const struct network *never;
	struct hits hits;
};

static enum err look_for_hits(struct view *v, const struct view_meta *m, void *call)
{
	struct hits_question *q = call;
	uint8_t bytes[HITS_KEY_MAX];
	MDB_val key = { hits_key(q->never, bytes), bytes }, data;

	(void)m;
	if (mdb_get(v->txn, v->meta, &key, &data) != 0 || !hits_decode(str_of_val(data), &q->hits))
		q->hits = (struct hits){ 0 };
	return ERR_NONE;
}

bool view_hits(struct view *v, const struct network *never, struct hits *out)
{
	struct hits_question q = { .never = never };

	if (v == NULL || view_look(v, look_for_hits, &q) != ERR_NONE)
		return false;
	*out = q.hits;
	return true;
}
