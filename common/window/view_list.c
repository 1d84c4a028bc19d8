/* view_list.c - what people ask of a view: listings by pages, a subscriber's latest entry, facts. */
#include "common/window/view_private.h"

#define WALK_MAX 4096 /* rows that one page of a listing may pass over */

/* Puts the cursor on the first row behind *c. */
static struct row seek(struct view *v, const struct view_cursor *c)
{
	uint8_t bytes[RECORD_KEY_MAX];
	struct str key = { (const char *)bytes, 0 };
	struct row at;

	if (!c->started) {
		at.code = mdb_cursor_renew(v->txn, v->cursor);
		return at.code == 0 ? view_step(v->cursor, MDB_FIRST) : at;
	}
	key.n = record_entry_key(&c->key, &c->who, bytes);
	at = view_seek(v, v->cursor, key);
	if (at.code == 0 && view_compare(&at.key, key) == 0)
		at = view_step(v->cursor, MDB_NEXT);
	return at;
}

struct listing {
	int64_t now_ms;
	bool dead;
	struct view_cursor *cursor;
	struct entry *page;
	size_t max, n;
	bool last;
};

/* Keys ascend, or a listing of a damaged view would have no end. */
static bool comes_behind(const struct view_cursor *c, const MDB_val *key)
{
	uint8_t bytes[RECORD_KEY_MAX];
	size_t n = record_entry_key(&c->key, &c->who, bytes);

	return !c->started || view_compare(key, (struct str){ (const char *)bytes, n }) > 0;
}

static enum err fill_page(struct view *v, const struct view_meta *m, void *call)
{
	struct listing *l = call;
	struct row at = seek(v, l->cursor);

	for (size_t walked = 0; at.code == 0 && l->n < l->max && walked < WALK_MAX; walked++) {
		struct record r;

		if (!comes_behind(l->cursor, &at.key) || !view_row_fits(RECORD_GRANT, &at) ||
			!record_decode(str_of_val(at.data), &r))
			return ERR_DAMAGED;
		*l->cursor = (struct view_cursor){ r.key, r.who, true };
		if (l->dead || view_standing(v, &r, view_present(m, l->now_ms)) == LIVE)
			l->page[l->n++] = (struct entry){ r.key, view_holder(&r) };
		at = view_step(v->cursor, MDB_NEXT);
	}
	l->last = at.code == MDB_NOTFOUND;
	return at.code == MDB_NOTFOUND ? ERR_NONE : err_of_mdb(at.code);
}

enum err view_page(struct view *v, int64_t now_ms, bool dead, struct view_cursor *cursor,
	struct entry *page, size_t max, size_t *n)
{
	struct listing l = { now_ms, dead, cursor, page, max, 0, false };
	enum err e = ERR_NONE;

	while (e == ERR_NONE && l.n < max && !l.last)
		e = view_look(v, fill_page, &l);
	*n = l.n;
	return e;
}

/* The entry that a row of the index names. */
static enum standing entry_of(struct view *v, const MDB_val *row, const struct subscriber *who,
	int64_t present_ms, struct record *out)
{
	uint8_t bytes[RECORD_KEY_MAX];
	struct addr key;
	MDB_val at, data;

	memcpy(key.b, (const char *)row->mv_data + who->n + 1, sizeof(key.b));
	at = (MDB_val){ record_entry_key(&key, who, bytes), bytes };
	if (mdb_get(v->txn, v->entries, &at, &data) != 0 || !record_decode(str_of_val(data), out))
		return UNREADABLE;
	return view_standing(v, out, present_ms);
}

/* Walks over who's rows of the index; they are as many as he has addresses. */
static bool find_latest(
	struct view *v, const struct subscriber *who, int64_t present_ms, struct entry *out)
{
	const size_t prefix = (size_t)who->n + 1, whole = prefix + sizeof(struct addr);
	MDB_val row = { prefix, (void *)(uintptr_t)who->name }, data;
	MDB_cursor *cursor;
	bool found = false;
	int code = mdb_cursor_open(v->txn, v->holders, &cursor);

	if (code != 0)
		return false;
	code = mdb_cursor_get(cursor, &row, &data, MDB_SET_RANGE);
	while (code == 0 && row.mv_size == whole && memcmp(row.mv_data, who->name, prefix) == 0) {
		struct record r;

		if (entry_of(v, &row, who, present_ms, &r) == LIVE &&
			(!found || r.login_ms > out->holder.login_ms)) {
			*out = (struct entry){ r.key, view_holder(&r) };
			found = true;
		}
		code = mdb_cursor_get(cursor, &row, &data, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return found;
}

struct search {
	const struct subscriber *who;
	int64_t now_ms;
	struct entry *out;
	bool found;
};

static enum err search(struct view *v, const struct view_meta *m, void *call)
{
	struct search *s = call;

	s->found = find_latest(v, s->who, view_present(m, s->now_ms), s->out);
	return ERR_NONE;
}

bool view_find(struct view *v, const struct subscriber *who, int64_t now_ms, struct entry *out)
{
	struct entry found;
	struct search s = { who, now_ms, &found, false };

	if (v == NULL || view_look(v, search, &s) != ERR_NONE || !s.found)
		return false;
	*out = found;
	return true;
}

static enum err read_facts(struct view *v, const struct view_meta *m, void *call)
{
	struct view_facts *out = call;
	MDB_envinfo info;
	MDB_stat st, all;

	if (mdb_stat(v->txn, v->entries, &st) != 0 || mdb_env_info(v->env, &info) != 0 ||
		mdb_env_stat(v->env, &all) != 0)
		return ERR_DAMAGED;
	*out = (struct view_facts){
		.entries = st.ms_entries,
		.map_size = info.me_mapsize,
		.used = (uint64_t)(info.me_last_pgno + 1) * all.ms_psize,
		.ipv4_prefix = m->ipv4_prefix,
		.ipv6_prefix = m->ipv6_prefix,
		.readers = info.me_numreaders,
		.heartbeat_ms = m->heartbeat_ms,
		.stamp_ms = m->stamp_ms,
		.lost_until_ms = m->lost_ms,
		.grants = m->grants,
		.coalesced = m->coalesced,
		.revocations = m->revocations,
		.lost = m->lost,
	};
	return ERR_NONE;
}

enum err view_facts(struct view *v, struct view_facts *out)
{
	return view_look(v, read_facts, out);
}
