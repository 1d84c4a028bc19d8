/* notes.c - penalties, rates and credits, and hits: rows of the view beside the window: rewritten in place,
 * never logged, lost with the view. Their number is bounded: beyond it the next row in line makes room. */
#include "common/store/table_private.h"

#define ROWS_MAX 500000 /* of each of the two tables */

static int put_row(struct table *t, MDB_dbi dbi, MDB_val key, const uint8_t *bytes, size_t n)
{
	MDB_val data = { n, (void *)(uintptr_t)bytes };

	return mdb_put(t->txn, dbi, &key, &data, 0);
}

/* Puts the cursor on the row at place, or on the first one behind it, or on the first of all. */
static int seek(MDB_cursor *cursor, struct place *place, MDB_val *key, MDB_val *data)
{
	int code = MDB_NOTFOUND;

	*key = (MDB_val){ place->n, place->key };
	if (place->n > 0)
		code = mdb_cursor_get(cursor, key, data, MDB_SET_RANGE);
	if (code == MDB_NOTFOUND)
		code = mdb_cursor_get(cursor, key, data, MDB_FIRST);
	return code;
}

static void keep_place(struct place *place, int code, const MDB_val *key)
{
	place->n = 0;
	if (code != 0 || key->mv_size > sizeof(place->key))
		return;
	memcpy(place->key, key->mv_data, key->mv_size);
	place->n = key->mv_size;
}

/* For one more row than there may be. */
static int make_room(struct table *t, MDB_dbi dbi, struct place *place)
{
	MDB_val key, data;
	MDB_cursor *cursor;
	MDB_stat st;
	int code = mdb_stat(t->txn, dbi, &st);

	if (code != 0 || st.ms_entries < ROWS_MAX)
		return code;
	code = mdb_cursor_open(t->txn, dbi, &cursor);
	if (code != 0)
		return code;
	code = seek(cursor, place, &key, &data);
	if (code == 0)
		code = mdb_cursor_del(cursor, 0);
	if (code == 0) {
		int next = mdb_cursor_get(cursor, &key, &data, MDB_GET_CURRENT);

		keep_place(place, next, &key);
	}
	mdb_cursor_close(cursor);
	return code;
}

static int count_failure(struct table *t, struct penalty_key *k, const struct failure *f,
	const struct penalty_rules *rules, int64_t now_ms)
{
	uint8_t bytes[PENALTY_MAX];
	MDB_val key = { k->n, k->bytes }, data;
	struct penalty p = { 0 };
	int code = mdb_get(t->txn, t->penalties, &key, &data);

	if (code == 0 && !penalty_decode(str_of_val(data), &p))
		p = (struct penalty){ 0 };
	if (code == MDB_NOTFOUND)
		code = make_room(t, t->penalties, &t->penalties_at);
	if (code != 0)
		return code;
	(void)penalty_add(&p, rules, f->secret, now_ms);
	return put_row(t, t->penalties, key, bytes, penalty_encode(&p, bytes));
}

enum err table_failure(
	struct table *t, const struct failure *f, const struct penalty_rules *rules, int64_t now_ms)
{
	struct penalty_key keys[PENALTY_KEYS];
	size_t n = penalty_keys(f->addr, &f->who, keys);
	int code = 0;

	for (size_t i = 0; i < n && code == 0; i++)
		code = count_failure(t, &keys[i], f, rules, now_ms);
	return err_of_mdb(code);
}

static int add_use(
	struct table *t, const uint8_t *name, size_t n, const struct use *u, int64_t now_ms)
{
	uint8_t bytes[RATE_MAX];
	MDB_val key = { n, (void *)(uintptr_t)name }, data;
	struct rate r = { 0 };
	int code = mdb_get(t->txn, t->rates, &key, &data);

	if (code == 0 && !rate_decode(str_of_val(data), &r))
		r = (struct rate){ 0 };
	if (code == MDB_NOTFOUND)
		code = make_room(t, t->rates, &t->rates_at);
	if (code != 0)
		return code;
	rate_add(&r, u, now_ms);
	return put_row(t, t->rates, key, bytes, rate_encode(&r, bytes));
}

static int spend_credit(struct table *t, const struct use *u)
{
	struct addr of = addr_key(u->addr, t->meta.ipv4_prefix, t->meta.ipv6_prefix);
	uint8_t name[CREDIT_KEY_MAX], bytes[CREDIT_MAX];
	MDB_val key = { credit_key(&of, &u->who, name), name }, data;
	struct credit c = { 0 };
	int code = mdb_get(t->txn, t->rates, &key, &data);

	if (code == 0 && !credit_decode(str_of_val(data), &c))
		c = (struct credit){ 0 };
	if (code == MDB_NOTFOUND)
		code = make_room(t, t->rates, &t->rates_at);
	if (code != 0)
		return code;
	credit_add(&c, u);
	return put_row(t, t->rates, key, bytes, credit_encode(&c, bytes));
}

enum err table_use(struct table *t, const struct use *u, int64_t now_ms)
{
	uint8_t name[RATE_KEY_MAX];
	int code = 0;

	if (u->messages > 0 || u->recipients > 0)
		code = add_use(t, name,
			rate_key_of(
				addr_key(u->addr, t->meta.ipv4_prefix, t->meta.ipv6_prefix), name),
			u, now_ms);
	if (code == 0 && u->who.n > 0)
		code = add_use(t, name, rate_key_of_subscriber(&u->who, name), u, now_ms);
	if (code == 0 && u->by == USE_BY_WINDOW)
		code = spend_credit(t, u);
	return err_of_mdb(code);
}

enum err table_restore_credit(
	struct table *t, const struct addr *of, const struct subscriber *who, bool *had)
{
	uint8_t name[CREDIT_KEY_MAX];
	MDB_val key = { credit_key(of, who, name), name };
	int code = mdb_del(t->txn, t->rates, &key, NULL);

	*had = code == 0;
	return code == MDB_NOTFOUND ? ERR_NONE : err_of_mdb(code);
}

enum err table_get_hits(struct table *t, const struct network *never, struct hits *out)
{
	uint8_t name[HITS_KEY_MAX];
	MDB_val key = { hits_key(never, name), name }, data;
	int code = mdb_get(t->txn, t->meta_dbi, &key, &data);

	if (code != 0 || !hits_decode(str_of_val(data), out))
		*out = (struct hits){ 0 };
	return code == MDB_NOTFOUND ? ERR_NONE : err_of_mdb(code);
}

enum err table_put_hits(struct table *t, const struct network *never, const struct hits *hits)
{
	uint8_t name[HITS_KEY_MAX], bytes[HITS_MAX];
	MDB_val key = { hits_key(never, name), name };

	return err_of_mdb(put_row(t, t->meta_dbi, key, bytes, hits_encode(hits, bytes)));
}

struct purge {
	struct table *table;
	const struct penalty_rules *rules;
	int64_t now_ms;
};

static bool penalty_matters(const struct purge *p, struct str key, struct str bytes)
{
	struct penalty row;

	(void)key;
	return penalty_decode(bytes, &row) && penalty_level(&row, p->rules, p->now_ms) > 0;
}

/* As long as the entry that it belongs to is there. */
static bool credit_matters(const struct purge *p, struct str entry, struct str bytes)
{
	MDB_val key = { entry.n, (void *)(uintptr_t)entry.p }, data;
	struct credit row;

	return credit_decode(bytes, &row) &&
		mdb_get(p->table->txn, p->table->entries, &key, &data) == 0;
}

static bool use_matters(const struct purge *p, struct str key, struct str bytes)
{
	struct rate row;
	struct str entry;

	if (credit_entry(key, &entry))
		return credit_matters(p, entry, bytes);
	return rate_decode(bytes, &row) && rate_matters(&row, p->now_ms);
}

static int purge_table(struct table *t, MDB_dbi dbi, struct place *place, const struct purge *p,
	bool (*matters)(const struct purge *p, struct str key, struct str bytes), size_t max)
{
	MDB_val key, data;
	MDB_cursor *cursor;
	int code = mdb_cursor_open(t->txn, dbi, &cursor);

	if (code != 0)
		return code;
	code = seek(cursor, place, &key, &data);
	for (size_t i = 0; code == 0 && i < max; i++) {
		if (!matters(p, str_of_val(key), str_of_val(data)))
			code = mdb_cursor_del(cursor, 0);
		if (code == 0)
			code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
	}
	keep_place(place, code, &key);
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

enum err table_purge_notes(
	struct table *t, const struct penalty_rules *rules, int64_t now_ms, size_t max)
{
	const struct purge p = { t, rules, now_ms };
	int code = purge_table(t, t->penalties, &t->penalties_at, &p, penalty_matters, max);

	if (code == 0)
		code = purge_table(t, t->rates, &t->rates_at, &p, use_matters, max);
	return err_of_mdb(code);
}
