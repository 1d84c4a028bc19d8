/* history_book.c - see history_book.h. */
#include "common/store/history_book.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/base/bytes.h"
#include "common/base/crc32c.h"

#define META_KEY "meta"
#define META_VERSION 1
#define END_KEY_MAX (1 + 16 + SUBSCRIBER_MAX + 1 + 8)
#define RESERVE 10 /* per cent of the map that only purging may use */
#define PURGE_MIN 200 /* rows looked at in a call, at least and at most */
#define PURGE_MAX 5000
#define PURGE_ROUND 3600 /* calls, each second one, for a whole table */

static MDB_val val_of(const void *p, size_t n)
{
	return (MDB_val){ n, (void *)(uintptr_t)p };
}

/* --- opening --- */

static int open_dbis(struct book *b)
{
	const struct {
		const char *name;
		MDB_dbi *dbi;
	} tables[] = {
		{ "intervals", &b->intervals },
		{ "ends", &b->ends },
		{ "days", &b->days },
		{ "manners", &b->manners },
		{ "meta", &b->meta_dbi },
	};
	int code = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && code == 0; i++)
		code = mdb_dbi_open(b->txn, tables[i].name, MDB_CREATE, tables[i].dbi);
	return code;
}

static enum err read_meta(struct book *b, int64_t now_ms)
{
	MDB_val key = val_of(META_KEY, sizeof(META_KEY) - 1), data;
	int code = mdb_get(b->txn, b->meta_dbi, &key, &data);
	struct reader r;
	int64_t lost_ms;

	if (code == MDB_NOTFOUND) {
		b->began_ms = now_ms;
		return ERR_NONE;
	}
	if (code != 0)
		return err_of_mdb(code);
	r = (struct reader){ data.mv_data, data.mv_size, false };
	if (get_number(&r, 1) != META_VERSION)
		return ERR_DAMAGED;
	b->began_ms = (int64_t)get_number(&r, 8);
	lost_ms = (int64_t)get_number(&r, 8);
	b->lost += get_number(&r, 8);
	if (lost_ms > b->lost_ms)
		b->lost_ms = lost_ms;
	return r.bad || r.n > 0 ? ERR_DAMAGED : ERR_NONE;
}

static int write_meta(struct book *b)
{
	uint8_t bytes[32];
	struct writer w = { .p = bytes, .max = sizeof(bytes) };
	MDB_val key = val_of(META_KEY, sizeof(META_KEY) - 1), data;

	put_number(&w, META_VERSION, 1);
	put_number(&w, (uint64_t)b->began_ms, 8);
	put_number(&w, (uint64_t)b->lost_ms, 8);
	put_number(&w, b->lost, 8);
	data = val_of(bytes, w.n);
	return mdb_put(b->txn, b->meta_dbi, &key, &data, 0);
}

enum err book_open(struct book *b, const char *state_dir, int64_t now_ms)
{
	char path[4200];
	enum err e = ERR_NONE;

	b->intervals_at.n = b->ends_at.n = b->days_at.n = b->manners_at.n = 0;
	snprintf(path, sizeof(path), "%s/%s", state_dir, HISTORY_DIR);
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		e = err_of_errno(errno);
	if (e == ERR_NONE)
		e = env_open(&b->env, path, 0, b->max_size);
	if (e == ERR_NONE)
		e = book_begin(b);
	if (e == ERR_NONE)
		e = err_of_mdb(open_dbis(b));
	if (e == ERR_NONE)
		e = read_meta(b, now_ms);
	if (e == ERR_NONE)
		e = book_commit(b);
	if (e != ERR_NONE)
		book_close(b);
	return e;
}

void book_close(struct book *b)
{
	book_abort(b);
	if (b->env != NULL)
		mdb_env_close(b->env);
	b->env = NULL;
}

enum err book_set_aside(const char *state_dir, int64_t now_ms, char *name, size_t size)
{
	char from[4200], to[4400];

	snprintf(name, size, "%s.damaged-%lld", HISTORY_DIR, (long long)now_ms);
	snprintf(from, sizeof(from), "%s/%s", state_dir, HISTORY_DIR);
	snprintf(to, sizeof(to), "%s/%s", state_dir, name);
	return rename(from, to) == 0 ? ERR_NONE : err_of_errno(errno);
}

/* Every page is read; a row that no longer fits its sum is healed by the next one, so it is no damage. */
static int walk(MDB_txn *txn, MDB_dbi dbi, uint32_t *sum)
{
	MDB_val key, data;
	MDB_cursor *cursor;
	int code = mdb_cursor_open(txn, dbi, &cursor);

	if (code != 0)
		return code;
	while ((code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0)
		*sum ^= crc32c(data.mv_data, data.mv_size);
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

enum err book_verify(struct book *b)
{
	const MDB_dbi all[] = { b->intervals, b->ends, b->days, b->manners, b->meta_dbi };
	uint32_t sum = 0; /* of no use but that all is read */
	MDB_txn *txn;
	int code = mdb_txn_begin(b->env, NULL, MDB_RDONLY, &txn);

	if (code != 0)
		return err_of_mdb(code);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && code == 0; i++)
		code = walk(txn, all[i], &sum);
	mdb_txn_abort(txn);
	return err_of_mdb(code);
}

/* --- transactions --- */

enum err book_begin(struct book *b)
{
	return err_of_mdb(mdb_txn_begin(b->env, NULL, 0, &b->txn));
}

enum err book_commit(struct book *b)
{
	int code = write_meta(b);

	if (code != 0) {
		book_abort(b);
		return err_of_mdb(code);
	}
	code = mdb_txn_commit(b->txn);
	b->txn = NULL;
	return err_of_mdb(code);
}

void book_abort(struct book *b)
{
	if (b->txn != NULL)
		mdb_txn_abort(b->txn);
	b->txn = NULL;
}

/* Pages in use, not those that the file once had. */
enum err book_room(const struct book *b)
{
	const MDB_dbi all[] = { b->intervals, b->ends, b->days, b->manners };
	uint64_t octets = 0;
	MDB_stat st;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (mdb_stat(b->txn, all[i], &st) != 0)
			return ERR_DAMAGED;
		octets += (uint64_t)(st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages) *
			st.ms_psize;
	}
	return octets < b->max_size / 100 * (100 - RESERVE) ? ERR_NONE : ERR_FULL;
}

/* --- revocations --- */

/* dst has END_KEY_MAX octets. Sorts by what it concerns, then by time. */
static size_t end_key(enum scope scope, const struct addr *key, const struct subscriber *who,
	int64_t ms, uint8_t *dst)
{
	static const struct addr no_key;
	static const struct subscriber nobody;
	bool by_key = scope == SCOPE_KEY || scope == SCOPE_KEY_SUBSCRIBER;
	bool by_who = scope == SCOPE_SUBSCRIBER || scope == SCOPE_KEY_SUBSCRIBER;
	struct writer w = { .p = dst, .max = END_KEY_MAX };

	if (!by_who)
		who = &nobody;
	put_number(&w, scope, 1);
	put_octets(&w, by_key ? key->b : no_key.b, 16);
	put_octets(&w, who->name, (size_t)who->n + 1);
	for (int i = 7; i >= 0; i--)
		put_number(&w, (uint64_t)ms >> (8 * i) & 0xff, 1);
	return w.n;
}

static int64_t time_of_end(MDB_val key)
{
	const uint8_t *p = key.mv_data;
	int64_t ms = 0;

	for (size_t i = key.mv_size < 8 ? key.mv_size : key.mv_size - 8; i < key.mv_size; i++)
		ms = ms << 8 | p[i];
	return ms;
}

enum err book_revoke(struct book *b, const struct revocation *r, int64_t stamp_ms)
{
	uint8_t bytes[END_KEY_MAX];
	struct addr masked = addr_key(r->addr, b->ipv4_prefix, b->ipv6_prefix);
	MDB_val key = val_of(bytes, end_key(r->scope, &masked, &r->who, stamp_ms, bytes));
	MDB_val nothing = val_of("", 0);

	return err_of_mdb(mdb_put(b->txn, b->ends, &key, &nothing, 0));
}

static int first_end(MDB_cursor *cursor, enum scope scope, const struct interval *i, int64_t *ms)
{
	uint8_t bytes[END_KEY_MAX];
	size_t n = end_key(scope, &i->key, &i->who, i->last.ms, bytes);
	MDB_val key = val_of(bytes, n), data;
	int code = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);

	if (code == 0 && key.mv_size == n && memcmp(key.mv_data, bytes, n - 8) == 0 &&
		time_of_end(key) < *ms)
		*ms = time_of_end(key);
	return code == MDB_NOTFOUND ? 0 : code;
}

enum err book_end_of(struct book *b, MDB_txn *txn, const struct interval *i, int64_t *until_ms)
{
	MDB_cursor *cursor;
	MDB_stat st;
	int code = mdb_stat(txn, b->ends, &st);

	*until_ms = i->until_ms;
	if (code != 0 || st.ms_entries == 0 || i->kind != INTERVAL_LOGIN)
		return err_of_mdb(code);
	code = mdb_cursor_open(txn, b->ends, &cursor);
	if (code != 0)
		return err_of_mdb(code);
	for (int scope = SCOPE_EVERYTHING; scope <= SCOPE_KEY_SUBSCRIBER && code == 0; scope++)
		code = first_end(cursor, (enum scope)scope, i, until_ms);
	mdb_cursor_close(cursor);
	return err_of_mdb(code);
}

/* --- intervals --- */

static int put_interval(struct book *b, const struct interval *i)
{
	uint8_t key_bytes[INTERVAL_KEY_MAX], bytes[INTERVAL_VALUE_MAX];
	MDB_val key = val_of(key_bytes, interval_key(i, key_bytes));
	MDB_val data = val_of(bytes, interval_value(i, bytes));

	return mdb_put(b->txn, b->intervals, &key, &data, 0);
}

/* The last row of the same key, subscriber and kind. A row that cannot be read is none: the next heals it. */
static int find_last(struct book *b, const struct interval *like, bool *found, struct interval *out)
{
	struct interval far = *like;
	uint8_t bytes[INTERVAL_KEY_MAX];
	MDB_val key, data;
	MDB_cursor *cursor;
	size_t n;
	int code = mdb_cursor_open(b->txn, b->intervals, &cursor);

	*found = false;
	if (code != 0)
		return code;
	far.from_ms = INT64_MAX;
	n = interval_key(&far, bytes);
	key = val_of(bytes, n);
	code = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
	code = mdb_cursor_get(cursor, &key, &data, code == 0 ? MDB_PREV : MDB_LAST);
	if (code == 0 && key.mv_size == n && memcmp(key.mv_data, bytes, n - 8) == 0)
		*found = interval_read(book_str(key), book_str(data), out);
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

static enum err add_interval(struct book *b, const struct interval *next)
{
	struct interval row;
	int64_t end;
	bool found;
	enum err e = err_of_mdb(find_last(b, next, &found, &row));

	if (e != ERR_NONE || !found)
		return e == ERR_NONE ? err_of_mdb(put_interval(b, next)) : e;
	e = book_end_of(b, b->txn, &row, &end);
	if (e == ERR_NONE && end < row.until_ms && end <= next->from_ms)
		return err_of_mdb(put_interval(b, next)); /* a revocation lies between them */
	if (e == ERR_NONE && !interval_extend(&row, next))
		e = err_of_mdb(put_interval(b, next));
	return e == ERR_NONE ? err_of_mdb(put_interval(b, &row)) : e;
}

/* --- days --- */

static enum err add_day(struct book *b, const struct day *more)
{
	uint8_t key_bytes[DAY_KEY_MAX], bytes[DAY_VALUE_MAX];
	MDB_val key = val_of(key_bytes, day_key(more, key_bytes)), data;
	struct day row;
	int code = mdb_get(b->txn, b->days, &key, &data);

	if (code != 0 && code != MDB_NOTFOUND)
		return err_of_mdb(code);
	if (code == 0 && day_read(book_str(key), book_str(data), &row))
		day_add(&row, more);
	else
		row = *more;
	data = val_of(bytes, day_value(&row, bytes));
	return err_of_mdb(mdb_put(b->txn, b->days, &key, &data, 0));
}

static enum err set_manner(struct book *b, const struct use *u, int64_t stamp_ms)
{
	uint8_t bytes[MANNERS_MAX];
	MDB_val key = val_of(u->who.name, u->who.n), data;
	struct manners m = { 0 };
	int code = mdb_get(b->txn, b->manners, &key, &data);

	if (code != 0 && code != MDB_NOTFOUND)
		return err_of_mdb(code);
	if (code == 0 && !manners_read(book_str(data), &m))
		m = (struct manners){ 0 };
	*(u->by == USE_BY_WINDOW ? &m.by_window : &m.by_auth) = manner_of_use(u, stamp_ms);
	data = val_of(bytes, manners_value(&m, bytes));
	return err_of_mdb(mdb_put(b->txn, b->manners, &key, &data, 0));
}

enum err book_grant(struct book *b, const struct grant *g, int64_t stamp_ms, int64_t until_ms)
{
	struct interval i = interval_of_grant(
		g, addr_key(g->addr, b->ipv4_prefix, b->ipv6_prefix), stamp_ms, until_ms);
	struct day d = { .who = g->who,
		.day = (uint16_t)(stamp_ms / DAY_MS),
		.logins = 1,
		.clear = g->source.tls ? 0 : 1,
		.login_ms = stamp_ms };
	enum err e = add_interval(b, &i);

	if (e == ERR_NONE && strcmp(g->source.service, "cli") != 0) /* what is given is no login */
		e = add_day(b, &d);
	return e;
}

enum err book_use(struct book *b, const struct use *u, int64_t stamp_ms)
{
	struct interval i =
		interval_of_use(u, addr_key(u->addr, b->ipv4_prefix, b->ipv6_prefix), stamp_ms);
	struct day d = { .who = u->who, .day = (uint16_t)(stamp_ms / DAY_MS) };
	enum err e;

	if (u->by == USE_BY_NOTHING || u->messages == 0)
		return ERR_NONE;
	i.times = u->messages;
	d.window = u->by == USE_BY_WINDOW ? u->messages : 0;
	d.authenticated = u->by == USE_BY_AUTH ? u->messages : 0;
	e = add_interval(b, &i);
	if (e == ERR_NONE)
		e = add_day(b, &d);
	if (e == ERR_NONE)
		e = set_manner(b, u, stamp_ms);
	return e;
}

/* --- purging --- */

struct limits {
	int64_t before_ms;
	uint16_t before_day;
};

static bool interval_past(const struct limits *l, struct str key, struct str value)
{
	struct interval i;

	return !interval_read(key, value, &i) || i.until_ms < l->before_ms;
}

static bool end_past(const struct limits *l, struct str key, struct str value)
{
	(void)value;
	return time_of_end(val_of(key.p, key.n)) < l->before_ms;
}

static bool day_past(const struct limits *l, struct str key, struct str value)
{
	struct day d;

	return !day_read(key, value, &d) || d.day < l->before_day;
}

static bool manners_past(const struct limits *l, struct str key, struct str value)
{
	int64_t before = (int64_t)l->before_day * DAY_MS;
	struct manners m;

	(void)key;
	return !manners_read(value, &m) || (m.by_window.ms < before && m.by_auth.ms < before);
}

static int seek(MDB_cursor *cursor, struct book_place *place, MDB_val *key, MDB_val *data)
{
	*key = (MDB_val){ place->n, place->key };
	return mdb_cursor_get(cursor, key, data, place->n > 0 ? MDB_SET_RANGE : MDB_FIRST);
}

static int purge_rows(MDB_cursor *cursor, struct book_place *place, const struct limits *l,
	bool (*past)(const struct limits *l, struct str key, struct str value), size_t max,
	size_t *gone)
{
	MDB_val key, data;
	int code = seek(cursor, place, &key, &data);

	for (size_t i = 0; code == 0 && i < max; i++) {
		if (past(l, book_str(key), book_str(data))) {
			code = mdb_cursor_del(cursor, 0);
			++*gone;
		}
		if (code == 0)
			code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
	}
	place->n = 0;
	if (code == 0 && key.mv_size <= sizeof(place->key)) {
		memcpy(place->key, key.mv_data, key.mv_size);
		place->n = key.mv_size;
	}
	return code == MDB_NOTFOUND ? 0 : code;
}

static int purge_table(struct book *b, MDB_dbi dbi, struct book_place *place,
	const struct limits *l,
	bool (*past)(const struct limits *l, struct str key, struct str value), size_t *gone)
{
	MDB_cursor *cursor;
	MDB_stat st;
	size_t slice;
	int code = mdb_stat(b->txn, dbi, &st);

	if (code == 0)
		code = mdb_cursor_open(b->txn, dbi, &cursor);
	if (code != 0)
		return code;
	slice = st.ms_entries / PURGE_ROUND;
	slice = slice < PURGE_MIN ? PURGE_MIN : slice > PURGE_MAX ? PURGE_MAX : slice;
	code = purge_rows(cursor, place, l, past, slice, gone);
	mdb_cursor_close(cursor);
	return code;
}

enum err book_purge(struct book *b, int64_t before_ms, uint16_t before_day, size_t *gone)
{
	const struct limits l = { before_ms, before_day };
	int code = purge_table(b, b->intervals, &b->intervals_at, &l, interval_past, gone);

	if (code == 0)
		code = purge_table(b, b->ends, &b->ends_at, &l, end_past, gone);
	if (code == 0)
		code = purge_table(b, b->days, &b->days_at, &l, day_past, gone);
	if (code == 0)
		code = purge_table(b, b->manners, &b->manners_at, &l, manners_past, gone);
	return err_of_mdb(code);
}
