/* view.c - see view.h. One read transaction is kept for the life of an environment; between calls it is
 * reset, which gives its snapshot back and keeps its slot, so that a look costs no lock and no call
 * into the kernel. */
#include "common/window/view_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf/site.h"

#define HEARTBEAT_MAX_MS 5000 /* an older one says that the store stopped */
#define WALK_MAX 4096 /* rows that one page of a listing may pass over */

/* --- opening --- */

static void release(struct view *v)
{
	if (v->cursor != NULL)
		mdb_cursor_close(v->cursor);
	if (v->txn != NULL)
		mdb_txn_abort(v->txn);
	if (v->env != NULL)
		mdb_env_close(v->env);
	v->cursor = NULL;
	v->txn = NULL;
	v->env = NULL;
}

static enum err read_link(const char *state_dir, char *name, size_t size)
{
	char path[4200];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", state_dir, VIEW_LINK);
	n = readlink(path, name, size - 1);
	if (n <= 0)
		return n < 0 ? err_of_errno(errno) : ERR_ABSENT;
	name[n] = '\0';
	return strchr(name, '/') == NULL ? ERR_NONE : ERR_DAMAGED;
}

static enum err open_tables(struct view *v)
{
	int code = mdb_txn_begin(v->env, NULL, MDB_RDONLY, &v->txn);

	if (code == 0)
		code = mdb_dbi_open(v->txn, VIEW_ENTRIES, 0, &v->entries);
	if (code == 0)
		code = mdb_dbi_open(v->txn, VIEW_HOLDERS, 0, &v->holders);
	if (code == 0)
		code = mdb_dbi_open(v->txn, VIEW_REVOCATIONS, 0, &v->revocations);
	if (code == 0)
		code = mdb_dbi_open(v->txn, VIEW_META, 0, &v->meta);
	if (code == 0)
		v->lacks_notes = mdb_dbi_open(v->txn, VIEW_PENALTIES, 0, &v->penalties) != 0 ||
			mdb_dbi_open(v->txn, VIEW_RATES, 0, &v->rates) != 0;
	if (code ==
		0) /* committing keeps the handles of the tables; the next one is kept for good */
		code = mdb_txn_commit(v->txn);
	else if (v->txn != NULL)
		mdb_txn_abort(
			v->txn); /* or its slot is lost, once a second while there is no table */
	v->txn = NULL;
	if (code == 0)
		code = mdb_txn_begin(v->env, NULL, MDB_RDONLY, &v->txn);
	if (code == 0)
		code = mdb_cursor_open(v->txn, v->entries, &v->cursor);
	if (code == 0)
		mdb_txn_reset(v->txn);
	return err_of_mdb(code);
}

static enum err open_named(struct view *v)
{
	char path[4200];
	enum err e;

	snprintf(path, sizeof(path), "%s/%s", v->state_dir, v->name);
	e = env_open(&v->env, path, MDB_RDONLY, 0);
	if (e == ERR_NONE)
		e = open_tables(v);
	return e;
}

enum err view_open(struct view **out, const char *state_dir)
{
	struct view *v = calloc(1, sizeof(*v));
	enum err e = v != NULL ? ERR_NONE : ERR_NOMEM;

	if (e == ERR_NONE && !str_to_cstr(str_of(state_dir), v->state_dir, sizeof(v->state_dir)))
		e = ERR_LIMIT;
	if (e == ERR_NONE)
		e = read_link(state_dir, v->name, sizeof(v->name));
	if (e == ERR_NONE)
		e = open_named(v);
	if (e == ERR_NONE)
		*out = v;
	else
		view_close(&v);
	return e;
}

void view_close(struct view **v)
{
	if (*v == NULL)
		return;
	release(*v);
	free(*v);
	*v = NULL;
}

void view_set_judge(struct view *v, const struct view_judge *judge)
{
	v->judge = *judge;
}

enum err view_refresh(struct view *v)
{
	char name[sizeof(v->name)];
	struct view *fresh;
	enum err e = read_link(v->state_dir, name, sizeof(name));

	if (e == ERR_NONE && strcmp(name, v->name) == 0 && !v->lacks_notes) {
		v->stale = false;
		return ERR_NONE;
	}
	if (e == ERR_NONE)
		e = view_open(&fresh, v->state_dir);
	if (e != ERR_NONE) {
		v->stale = true;
		return e;
	}
	release(v);
	fresh->judge = v->judge;
	*v = *fresh;
	free(fresh);
	return ERR_NONE;
}

/* --- one call, one snapshot --- */

enum err view_begin(struct view *v)
{
	int code = mdb_txn_renew(v->txn);

	if (code == MDB_MAP_RESIZED) {
		mdb_env_set_mapsize(v->env, 0);
		code = mdb_txn_renew(v->txn);
	}
	if (code == 0)
		code = mdb_cursor_renew(v->txn, v->cursor);
	return err_of_mdb(code);
}

void view_end(struct view *v)
{
	mdb_txn_reset(v->txn);
}

bool view_read_meta(struct view *v, struct view_meta *out)
{
	MDB_val key = { sizeof(VIEW_META_KEY) - 1, (void *)(uintptr_t)VIEW_META_KEY }, data;

	return mdb_get(v->txn, v->meta, &key, &data) == 0 && meta_decode(str_of_val(data), out);
}

static bool current(const struct view *v, const struct view_meta *m, int64_t now_ms)
{
	int64_t age = now_ms - m->heartbeat_ms; /* negative: the clock went back */

	return !v->stale && age < HEARTBEAT_MAX_MS && age > -HEARTBEAT_MAX_MS &&
		now_ms >= m->lost_ms;
}

/* A worker that lost a grant says so in the file system at once: the store may be what failed. Asked only
 * before a no. */
static bool grant_was_lost(const struct view *v, const struct view_meta *m, int64_t now_ms)
{
	char path[4300];
	struct stat st;
	int64_t at_ms;

	snprintf(path, sizeof(path), "%s/%s/%s", v->state_dir, SITE_LOCKS, SITE_LOST);
	if (stat(path, &st) != 0)
		return errno != ENOENT;
	at_ms = (int64_t)st.st_mtim.tv_sec * 1000;
	return at_ms > 0 && now_ms < at_ms + 1000 + m->lifetime_ms + m->slack_ms;
}

int64_t view_present(const struct view_meta *m, int64_t now_ms)
{
	return now_ms > m->stamp_ms ? now_ms : m->stamp_ms;
}

/* False if a revocation cannot be read: then nothing it might cover is granted. */
static bool read_not_before(
	struct view *v, enum scope scope, const struct record *r, struct not_before *nb)
{
	uint8_t bytes[RECORD_KEY_MAX];
	MDB_val key = { record_revocation_key(scope, &r->key, &r->who, bytes), bytes }, data;
	struct record revocation;
	int code = mdb_get(v->txn, v->revocations, &key, &data);

	if (code == MDB_NOTFOUND) {
		nb->ms[scope] = 0;
		return true;
	}
	if (code != 0 || !record_decode(str_of_val(data), &revocation))
		return false;
	nb->ms[scope] = revocation.login_ms;
	return true;
}

enum standing view_standing(struct view *v, const struct record *r, int64_t present_ms)
{
	struct not_before nb;

	if (present_ms >= r->until_ms)
		return DEAD;
	for (int scope = SCOPE_EVERYTHING; scope <= SCOPE_KEY_SUBSCRIBER; scope++)
		if (!read_not_before(v, (enum scope)scope, r, &nb))
			return UNREADABLE;
	if (merge_revoked(r, &nb))
		return DEAD;
	return v->judge.changed != NULL && v->judge.changed(v->judge.ctx, &r->who, &r->account)
		? DEAD
		: LIVE;
}

static struct holder holder_of(const struct record *r)
{
	return (struct holder){ r->who, r->source, r->port, r->logins, r->login_ms, r->until_ms,
		r->account };
}

/* --- who may relay from an address --- */

/* Keeps the latest logins first; the array is small. */
static void insert(struct holders *h, const struct record *r)
{
	size_t i = h->n < HOLDERS_MAX ? h->n : HOLDERS_MAX;

	h->all++;
	while (i > 0 && h->at[i - 1].login_ms < r->login_ms)
		i--;
	if (i == HOLDERS_MAX)
		return;
	if (h->n < HOLDERS_MAX)
		h->n++;
	memmove(&h->at[i + 1], &h->at[i], (h->n - 1 - i) * sizeof(h->at[0]));
	h->at[i] = holder_of(r);
}

/* Collects all live rows of key. False if one could not be read. */
static bool collect(struct view *v, struct addr key, int64_t present_ms, struct holders *h)
{
	MDB_val at = { sizeof(key.b), key.b }, data;
	int code = mdb_cursor_get(v->cursor, &at, &data, MDB_SET_RANGE);
	bool readable = true;

	while (code == 0 && at.mv_size > sizeof(key.b) &&
		memcmp(at.mv_data, key.b, sizeof(key.b)) == 0) {
		struct record r;
		enum standing s = UNREADABLE;

		if (record_decode(str_of_val(data), &r) && addr_eq(r.key, key))
			s = view_standing(v, &r, present_ms);
		if (s == LIVE)
			insert(h, &r);
		readable = readable && s != UNREADABLE;
		code = mdb_cursor_get(v->cursor, &at, &data, MDB_NEXT);
	}
	return readable && (code == 0 || code == MDB_NOTFOUND);
}

enum held view_check(struct view *v, struct addr a, int64_t now_ms, struct holders *out)
{
	struct holders h;
	struct view_meta m;
	bool readable, is_current;

	if (v == NULL || v->stale || view_begin(v) != ERR_NONE)
		return UNKNOWN; /* of a stale view, too: the one behind it may hold revocations */
	h.n = h.all = 0;
	readable = view_read_meta(v, &m);
	if (readable)
		readable = collect(
			v, addr_key(a, m.ipv4_prefix, m.ipv6_prefix), view_present(&m, now_ms), &h);
	is_current =
		readable && h.n == 0 && current(v, &m, now_ms) && !grant_was_lost(v, &m, now_ms);
	view_end(v);
	if (h.n > 0) {
		out->n = h.n;
		out->all = h.all;
		memcpy(out->at, h.at, h.n * sizeof(h.at[0]));
		return HELD;
	}
	return is_current ? NOT_HELD : UNKNOWN;
}

bool view_current(struct view *v, int64_t now_ms)
{
	struct view_meta m;
	bool yes;

	if (v == NULL || view_begin(v) != ERR_NONE)
		return false;
	yes = view_read_meta(v, &m) && current(v, &m, now_ms) && !grant_was_lost(v, &m, now_ms);
	view_end(v);
	return yes;
}

/* --- listings --- */

/* Puts the cursor on the first row behind *c. */
static int seek(struct view *v, const struct view_cursor *c, MDB_val *key, MDB_val *data)
{
	uint8_t bytes[RECORD_KEY_MAX];
	size_t n;
	int code;

	if (!c->started)
		return mdb_cursor_get(v->cursor, key, data, MDB_FIRST);
	n = record_entry_key(&c->key, &c->who, bytes);
	*key = (MDB_val){ n, bytes };
	code = mdb_cursor_get(v->cursor, key, data, MDB_SET_RANGE);
	if (code == 0 && key->mv_size == n && memcmp(key->mv_data, bytes, n) == 0)
		code = mdb_cursor_get(v->cursor, key, data, MDB_NEXT);
	return code;
}

static enum err fill_page(struct view *v, int64_t present_ms, bool dead, struct view_cursor *c,
	struct entry *page, size_t max, size_t *n, bool *last)
{
	MDB_val key, data;
	int code = seek(v, c, &key, &data);

	for (size_t walked = 0; code == 0 && *n < max && walked < WALK_MAX; walked++) {
		struct record r;

		if (!record_decode(str_of_val(data), &r))
			return ERR_DAMAGED;
		*c = (struct view_cursor){ r.key, r.who, true };
		if (dead || view_standing(v, &r, present_ms) == LIVE)
			page[(*n)++] = (struct entry){ r.key, holder_of(&r) };
		code = mdb_cursor_get(v->cursor, &key, &data, MDB_NEXT);
	}
	*last = code == MDB_NOTFOUND;
	return code == MDB_NOTFOUND ? ERR_NONE : err_of_mdb(code);
}

enum err view_page(struct view *v, int64_t now_ms, bool dead, struct view_cursor *cursor,
	struct entry *page, size_t max, size_t *n)
{
	struct view_meta m;
	bool last = false;
	enum err e = ERR_NONE;

	*n = 0;
	while (e == ERR_NONE && *n < max && !last) {
		e = view_begin(v);
		if (e != ERR_NONE)
			return e;
		e = view_read_meta(v, &m)
			? fill_page(v, view_present(&m, now_ms), dead, cursor, page, max, n, &last)
			: ERR_DAMAGED;
		view_end(v);
	}
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
			*out = (struct entry){ r.key, holder_of(&r) };
			found = true;
		}
		code = mdb_cursor_get(cursor, &row, &data, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return found;
}

enum held view_find(struct view *v, const struct subscriber *who, int64_t now_ms, struct entry *out)
{
	struct view_meta m;
	bool found;

	if (v == NULL || view_begin(v) != ERR_NONE)
		return UNKNOWN;
	found = view_read_meta(v, &m) && find_latest(v, who, view_present(&m, now_ms), out);
	view_end(v);
	if (found)
		return HELD;
	return view_current(v, now_ms) ? NOT_HELD : UNKNOWN;
}

enum err view_facts(struct view *v, struct view_facts *out)
{
	struct view_meta m;
	MDB_envinfo info;
	MDB_stat st, all;
	enum err e = view_begin(v);

	if (e != ERR_NONE)
		return e;
	if (!view_read_meta(v, &m) || mdb_stat(v->txn, v->entries, &st) != 0)
		e = ERR_DAMAGED;
	view_end(v);
	if (e == ERR_NONE && (mdb_env_info(v->env, &info) != 0 || mdb_env_stat(v->env, &all) != 0))
		e = ERR_IO;
	if (e != ERR_NONE)
		return e;
	*out = (struct view_facts){
		.entries = st.ms_entries,
		.map_size = info.me_mapsize,
		.used = (uint64_t)(info.me_last_pgno + 1) * all.ms_psize,
		.ipv4_prefix = m.ipv4_prefix,
		.ipv6_prefix = m.ipv6_prefix,
		.readers = info.me_numreaders,
		.heartbeat_ms = m.heartbeat_ms,
		.stamp_ms = m.stamp_ms,
		.lost_until_ms = m.lost_ms,
		.grants = m.grants,
		.coalesced = m.coalesced,
		.revocations = m.revocations,
		.lost = m.lost,
	};
	return ERR_NONE;
}
