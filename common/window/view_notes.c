/* view_notes.c - what the view holds besides the window: what wrong passwords cost, and how much was sent.
 * A row that cannot be read is none: neither is worth refusing anybody for. */
#include "common/window/view_private.h"

bool view_holds(struct view *v, struct addr a, const struct subscriber *who, int64_t now_ms)
{
	uint8_t bytes[RECORD_KEY_MAX];
	struct view_meta m;
	struct record r;
	bool holds = false;

	if (v == NULL || v->stale || who->n == 0 || view_begin(v) != ERR_NONE)
		return false;
	if (view_read_meta(v, &m)) {
		struct addr of = addr_key(a, m.ipv4_prefix, m.ipv6_prefix);
		MDB_val key = { record_entry_key(&of, who, bytes), bytes }, data;

		holds = mdb_get(v->txn, v->entries, &key, &data) == 0 &&
			record_decode(str_of_val(data), &r) &&
			view_standing(v, &r, view_present(&m, now_ms)) == LIVE;
	}
	view_end(v);
	return holds;
}

int64_t view_delay(struct view *v, struct addr a, const struct subscriber *who,
	const struct penalty_rules *rules, int64_t now_ms)
{
	struct penalty_key keys[PENALTY_KEYS];
	size_t n = penalty_keys(a, who, keys);
	int64_t longest = 0;

	if (v == NULL || v->lacks_notes || rules->max_ms == 0 || view_begin(v) != ERR_NONE)
		return 0;
	for (size_t i = 0; i < n; i++) {
		MDB_val key = { keys[i].n, keys[i].bytes }, data;
		struct penalty p;
		int64_t ms = 0;

		if (mdb_get(v->txn, v->penalties, &key, &data) == 0 &&
			penalty_decode(str_of_val(data), &p))
			ms = penalty_delay(rules, penalty_level(&p, rules, now_ms), keys[i].weight);
		longest = ms > longest ? ms : longest;
	}
	view_end(v);
	return longest;
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

bool view_rate(struct view *v, struct addr a, const struct subscriber *who, int64_t now_ms,
	struct rates *out)
{
	uint8_t bytes[RATE_KEY_MAX];
	struct view_meta m;
	struct rate of_key, of_who = { 0 };
	bool readable;

	if (v == NULL || v->lacks_notes || view_begin(v) != ERR_NONE)
		return false;
	readable = view_read_meta(v, &m);
	if (readable) {
		struct addr key = addr_key(a, m.ipv4_prefix, m.ipv6_prefix);

		of_key = rate_of(v, bytes, rate_key_of(key, bytes));
		if (who->n > 0)
			of_who = rate_of(v, bytes, rate_key_of_subscriber(who, bytes));
		*out = (struct rates){ rate_at(&of_key, now_ms), rate_at(&of_who, now_ms),
			of_who.login_ms };
	}
	view_end(v);
	return readable;
}

bool view_minutes(struct view *v, struct minutes *out)
{
	MDB_val key = { sizeof(VIEW_MINUTES_KEY) - 1, (void *)(uintptr_t)VIEW_MINUTES_KEY }, data;
	bool there;

	if (v == NULL || view_begin(v) != ERR_NONE)
		return false;
	there = mdb_get(v->txn, v->meta, &key, &data) == 0 && minutes_decode(str_of_val(data), out);
	view_end(v);
	return there;
}

bool view_credit(struct view *v, struct addr a, const struct subscriber *who, struct credit *out)
{
	uint8_t bytes[CREDIT_KEY_MAX];
	struct view_meta m;
	bool readable;

	if (v == NULL || v->lacks_notes || view_begin(v) != ERR_NONE)
		return false;
	readable = view_read_meta(v, &m);
	if (readable) {
		struct addr of = addr_key(a, m.ipv4_prefix, m.ipv6_prefix);
		MDB_val key = { credit_key(&of, who, bytes), bytes }, data;

		if (mdb_get(v->txn, v->rates, &key, &data) != 0 ||
			!credit_decode(str_of_val(data), out))
			*out = (struct credit){ 0 };
	}
	view_end(v);
	return readable;
}

bool view_hits(struct view *v, const struct network *never, struct hits *out)
{
	uint8_t bytes[HITS_KEY_MAX];
	MDB_val key = { hits_key(never, bytes), bytes }, data;

	if (v == NULL || view_begin(v) != ERR_NONE)
		return false;
	if (mdb_get(v->txn, v->meta, &key, &data) != 0 || !hits_decode(str_of_val(data), out))
		*out = (struct hits){ 0 };
	view_end(v);
	return true;
}
