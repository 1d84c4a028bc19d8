/* table.c - see table.h. MDB_NOSYNC: what a power cut takes is rebuilt from log/. */
#include "common/store/table_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/window/guard.h"

#define WRITER_MS 100 /* nobody but us has a use for the writer's lock */
#define CLOSE_MS 500

/* --- opening --- */

static int open_dbis(struct table *t)
{
	int code = mdb_dbi_open(t->txn, VIEW_ENTRIES, MDB_CREATE, &t->entries);

	if (code == 0)
		code = mdb_dbi_open(t->txn, VIEW_HOLDERS, MDB_CREATE, &t->holders);
	if (code == 0)
		code = mdb_dbi_open(t->txn, VIEW_REVOCATIONS, MDB_CREATE, &t->revocations);
	if (code == 0)
		code = mdb_dbi_open(t->txn, VIEW_PENALTIES, MDB_CREATE, &t->penalties);
	if (code == 0)
		code = mdb_dbi_open(t->txn, VIEW_RATES, MDB_CREATE, &t->rates);
	if (code == 0)
		code = mdb_dbi_open(t->txn, VIEW_META, MDB_CREATE, &t->meta_dbi);
	return code;
}

static enum err read_meta(struct table *t, bool fresh)
{
	MDB_val key = { sizeof(VIEW_META_KEY) - 1, (void *)(uintptr_t)VIEW_META_KEY }, data;
	int code = mdb_get(t->txn, t->meta_dbi, &key, &data);

	if (code == MDB_NOTFOUND)
		return fresh ? ERR_NONE : ERR_DAMAGED;
	if (code != 0)
		return err_of_mdb(code);
	return meta_decode(str_of_val(data), &t->meta) ? ERR_NONE : ERR_DAMAGED;
}

static const MDB_val minutes_key = { sizeof(VIEW_MINUTES_KEY) - 1,
	(void *)(uintptr_t)VIEW_MINUTES_KEY };

/* One that is not there, or cannot be read, is nobody's loss. */
static void read_minutes(struct table *t)
{
	MDB_val key = minutes_key, data;

	if (mdb_get(t->txn, t->meta_dbi, &key, &data) != 0 ||
		!minutes_decode(str_of_val(data), &t->minutes))
		t->minutes = (struct minutes){ 0 };
}

static int write_minutes(struct table *t)
{
	uint8_t bytes[MINUTES_MAX];
	MDB_val key = minutes_key, data = { minutes_encode(&t->minutes, bytes), bytes };

	return mdb_put(t->txn, t->meta_dbi, &key, &data, 0);
}

static enum err open_env(struct table *t, const char *state_dir, uint64_t map_size, bool fresh)
{
	char path[4200];
	enum err e;

	snprintf(path, sizeof(path), "%s/%s", state_dir, t->name);
	e = env_open(&t->env, path, MDB_NOSYNC, map_size);
	if (e != ERR_NONE)
		return e;
	snprintf(t->lock_path, sizeof(t->lock_path), "%s/%s/lock.mdb", state_dir, t->name);
	(void)!chmod(t->lock_path, 0660); /* readers of our group write their slots there */
	if (!table_lock_file(t, &t->lock))
		return ERR_DAMAGED;
	e = table_begin(t);
	if (e == ERR_NONE)
		e = err_of_mdb(open_dbis(t));
	if (e == ERR_NONE)
		e = read_meta(t, fresh);
	if (e == ERR_NONE) {
		read_minutes(t);
		e = err_of_mdb(mdb_txn_commit(t->txn));
		t->txn = NULL;
	}
	return e;
}

enum err table_current(const char *state_dir, char name[TABLE_NAME])
{
	char path[4200];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", state_dir, VIEW_LINK);
	n = readlink(path, name, TABLE_NAME - 1);
	if (n <= 0)
		return n == 0 || errno == EINVAL ? ERR_DAMAGED : err_of_errno(errno);
	name[n] = '\0';
	if (strncmp(name, VIEW_LINK ".", sizeof(VIEW_LINK)) != 0 || strchr(name, '/') != NULL)
		return ERR_DAMAGED;
	return ERR_NONE;
}

bool table_file(const char *state_dir, char *path, size_t size)
{
	char name[TABLE_NAME];

	if (table_current(state_dir, name) != ERR_NONE)
		return false;
	return snprintf(path, size, "%s/%s/data.mdb", state_dir, name) < (int)size;
}

enum err table_open(struct table **out, const char *state_dir, uint64_t map_size)
{
	struct table *t = calloc(1, sizeof(*t));
	enum err e;

	if (t == NULL)
		return ERR_NOMEM;
	e = table_current(state_dir, t->name);
	if (e == ERR_NONE)
		e = open_env(t, state_dir, map_size, false);
	if (e == ERR_NONE)
		*out = t;
	else
		table_close(&t);
	return e;
}

enum err table_make(struct table **out, const char *state_dir, uint64_t map_size)
{
	struct table *t = calloc(1, sizeof(*t));
	char path[4200];
	enum err e = ERR_EXISTS;

	if (t == NULL)
		return ERR_NOMEM;
	for (unsigned i = 1; e == ERR_EXISTS && i < 1000000; i++) {
		snprintf(t->name, sizeof(t->name), "%s.%u", VIEW_LINK, i);
		snprintf(path, sizeof(path), "%s/%s", state_dir, t->name);
		e = mkdir(path, 0750) == 0 ? ERR_NONE : err_of_errno(errno);
	}
	if (e == ERR_NONE)
		e = open_env(t, state_dir, map_size, true);
	if (e == ERR_NONE)
		*out = t;
	else
		table_close(&t);
	return e;
}

static void delete_view(const char *state_dir, const char *name)
{
	static const char *const files[] = { "/data.mdb", "/lock.mdb", "" };
	char path[4500];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", state_dir, name, files[i]);
		(void)!remove(path);
	}
}

/* Readers that have an old one open go on with it until they look at the link. */
static void delete_others(const char *state_dir, const char *kept)
{
	DIR *dir = opendir(state_dir);
	const struct dirent *d;

	while (dir != NULL && (d = readdir(dir)) != NULL)
		if (strncmp(d->d_name, VIEW_LINK ".", sizeof(VIEW_LINK)) == 0 &&
			strcmp(d->d_name, kept) != 0 && strlen(d->d_name) < 64)
			delete_view(state_dir, d->d_name);
	if (dir != NULL)
		closedir(dir);
}

enum err table_publish(struct table *t, const char *state_dir)
{
	char link[4200], aside[4200];

	snprintf(link, sizeof(link), "%s/%s", state_dir, VIEW_LINK);
	snprintf(aside, sizeof(aside), "%s/.%s.new", state_dir, VIEW_LINK);
	(void)!unlink(aside);
	if (symlink(t->name, aside) != 0 || rename(aside, link) != 0)
		return err_of_errno(errno);
	delete_others(state_dir, t->name);
	return ERR_NONE;
}

static enum err release(void *table)
{
	struct table *t = table;

	table_abort(t);
	if (t->env != NULL)
		mdb_env_close(t->env);
	return ERR_NONE;
}

void table_close(struct table **t)
{
	static struct table *left;

	if (*t == NULL)
		return;
	if (guard_run_within(CLOSE_MS, release, *t) == ERR_NONE) {
		free(*t);
	} else {
		(*t)->next = left;
		left = *t;
	}
	*t = NULL;
}

struct view_meta *table_meta(struct table *t)
{
	return &t->meta;
}

struct minutes *table_minutes(struct table *t)
{
	return &t->minutes;
}

/* --- transactions --- */

/* LMDB takes the number of the last snapshot from lock.mdb, and by it the pages to go on from; the pages know
 * better. */
static enum err begin(void *table)
{
	struct table *t = table;
	MDB_envinfo info;
	int code = mdb_txn_begin(t->env, NULL, 0, &t->txn);

	if (code != 0)
		return err_of_mdb(code);
	if (mdb_env_info(t->env, &info) == 0 && mdb_txn_id(t->txn) == info.me_last_txnid + 1)
		return ERR_NONE;
	table_abort(t);
	return ERR_EXISTS;
}

enum err table_begin(struct table *t)
{
	enum err e = env_whole(t->env);

	t->before = t->meta;
	if (e != ERR_NONE)
		return e;
	e = guard_run_within(WRITER_MS, begin, t);
	if (e == ERR_NONE || e == ERR_NOMEM)
		return e;
	table_wedge(t, e == ERR_DAMAGED ? "fault" : e == ERR_EXISTS ? "number" : "lock");
	return e == ERR_TIMEOUT ? e : ERR_DAMAGED;
}

enum err table_commit(struct table *t)
{
	uint8_t bytes[META_MAX];
	MDB_val key = { sizeof(VIEW_META_KEY) - 1, (void *)(uintptr_t)VIEW_META_KEY };
	MDB_val data = { meta_encode(&t->meta, bytes), bytes };
	int code = mdb_put(t->txn, t->meta_dbi, &key, &data, 0);

	if (code == 0)
		code = write_minutes(t);
	if (code != 0) {
		table_abort(t);
		return err_of_mdb(code);
	}
	code = mdb_txn_commit(t->txn);
	t->txn = NULL;
	if (code != 0)
		t->meta = t->before;
	return err_of_mdb(code);
}

void table_abort(struct table *t)
{
	if (t->txn == NULL)
		return;
	mdb_txn_abort(t->txn);
	t->txn = NULL;
	t->meta = t->before;
}

static enum err put(struct table *t, MDB_dbi dbi, MDB_val key, const struct record *r)
{
	uint8_t bytes[RECORD_MAX];
	MDB_val data = { record_encode(r, bytes), bytes };

	return err_of_mdb(mdb_put(t->txn, dbi, &key, &data, 0));
}

/* What stands there; *found is false for nothing, and for a row that cannot be read: the new one heals it. */
static enum err get(struct table *t, MDB_dbi dbi, MDB_val key, bool *found, struct record *out)
{
	MDB_val data;
	int code = mdb_get(t->txn, dbi, &key, &data);

	*found = code == 0 && record_decode(str_of_val(data), out);
	return code == MDB_NOTFOUND ? ERR_NONE : err_of_mdb(code);
}

/* So that a subscriber's entries are found without a walk over everybody's. */
static enum err index_holder(struct table *t, const struct record *r)
{
	uint8_t bytes[RECORD_KEY_MAX];
	MDB_val key = { record_holder_key(&r->key, &r->who, bytes), bytes }, nothing = { 0, "" };

	return err_of_mdb(mdb_put(t->txn, t->holders, &key, &nothing, 0));
}

int table_unindex(struct table *t, const struct record *r)
{
	uint8_t bytes[RECORD_KEY_MAX];
	MDB_val key = { record_holder_key(&r->key, &r->who, bytes), bytes };
	int code = mdb_del(t->txn, t->holders, &key, NULL);

	return code == MDB_NOTFOUND ? 0 : code;
}

static enum err apply_grant(struct table *t, const struct record *r)
{
	uint8_t bytes[RECORD_KEY_MAX];
	MDB_val key = { record_entry_key(&r->key, &r->who, bytes), bytes };
	struct record old, stands = *r;
	bool found;
	enum err e = get(t, t->entries, key, &found, &old);

	if (e == ERR_NONE && found) {
		if (old.origin == r->origin && old.sequence >= r->sequence && !merge_later(r, &old))
			return ERR_NONE;
		stands = merge_grants(&old, r);
	}
	if (e == ERR_NONE && !found)
		e = index_holder(t, r);
	return e == ERR_NONE ? put(t, t->entries, key, &stands) : e;
}

static enum err apply_revocation(struct table *t, const struct record *r)
{
	uint8_t bytes[RECORD_KEY_MAX];
	MDB_val key = { record_revocation_key(r->scope, &r->key, &r->who, bytes), bytes };
	struct record old;
	bool found;
	enum err e = get(t, t->revocations, key, &found, &old);

	if (e == ERR_NONE && found && old.login_ms >= r->login_ms)
		return ERR_NONE;
	return e == ERR_NONE ? put(t, t->revocations, key, r) : e;
}

enum err table_apply(struct table *t, const struct record *r)
{
	struct view_meta *m = &t->meta;
	enum err e = r->kind == RECORD_GRANT ? apply_grant(t, r) : apply_revocation(t, r);

	if (e != ERR_NONE)
		return e;
	if (r->origin == m->origin && r->sequence > m->applied) {
		m->applied = r->sequence;
		if (r->kind == RECORD_GRANT)
			m->grants++;
		else
			m->revocations++;
	}
	if (r->login_ms > m->stamp_ms)
		m->stamp_ms = r->login_ms;
	return ERR_NONE;
}

enum err table_covered(struct table *t, const struct record *r, bool *covered)
{
	uint8_t bytes[RECORD_KEY_MAX];
	struct not_before nb = { { 0 } };
	struct record revocation;
	enum err e = ERR_NONE;

	for (int scope = SCOPE_EVERYTHING; scope <= SCOPE_KEY_SUBSCRIBER && e == ERR_NONE;
		scope++) {
		MDB_val key = { record_revocation_key((enum scope)scope, &r->key, &r->who, bytes),
			bytes };
		bool there;

		e = get(t, t->revocations, key, &there, &revocation);
		nb.ms[scope] = there ? revocation.login_ms : 0;
	}
	*covered = merge_revoked(r, &nb);
	return e;
}

enum err table_find(struct table *t, const struct addr *address_key, const struct subscriber *who,
	int64_t now_ms, bool *found, struct record *out)
{
	uint8_t bytes[RECORD_KEY_MAX];
	MDB_val key = { record_entry_key(address_key, who, bytes), bytes };
	struct record r;
	bool covered = false;
	enum err e = get(t, t->entries, key, found, &r);

	if (e == ERR_NONE && *found)
		e = table_covered(t, &r, &covered);
	*found = e == ERR_NONE && *found && now_ms < r.until_ms && !covered;
	if (*found)
		*out = r;
	return e;
}

enum err table_holders(
	struct table *t, const struct addr *key, int64_t now_ms, size_t max, size_t *n)
{
	MDB_val at = { sizeof(key->b), (void *)(uintptr_t)key->b }, data;
	MDB_cursor *cursor;
	enum err e = ERR_NONE;
	int code = mdb_cursor_open(t->txn, t->entries, &cursor);

	*n = 0;
	if (code != 0)
		return err_of_mdb(code);
	code = mdb_cursor_get(cursor, &at, &data, MDB_SET_RANGE);
	while (code == 0 && e == ERR_NONE && *n < max && at.mv_size > sizeof(key->b) &&
		memcmp(at.mv_data, key->b, sizeof(key->b)) == 0) {
		bool covered = true;
		struct record r;

		if (record_decode(str_of_val(data), &r) && now_ms < r.until_ms)
			e = table_covered(t, &r, &covered);
		*n += !covered;
		code = mdb_cursor_get(cursor, &at, &data, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return e != ERR_NONE || code == MDB_NOTFOUND ? e : err_of_mdb(code);
}

/* --- the whole of it --- */

static enum err walk_dbi(
	MDB_txn *txn, MDB_dbi dbi, enum err (*fn)(void *owner, const struct record *r), void *owner)
{
	MDB_val key, data;
	MDB_cursor *cursor;
	enum err e = ERR_NONE;
	int code = mdb_cursor_open(txn, dbi, &cursor);

	if (code != 0)
		return err_of_mdb(code);
	code = mdb_cursor_get(cursor, &key, &data, MDB_FIRST);
	while (code == 0 && e == ERR_NONE) {
		struct record r;

		e = record_decode(str_of_val(data), &r) ? fn(owner, &r) : ERR_DAMAGED;
		code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return e == ERR_NONE && code != MDB_NOTFOUND ? err_of_mdb(code) : e;
}

enum err table_walk(
	struct table *t, enum err (*fn)(void *owner, const struct record *r), void *owner)
{
	MDB_txn *txn;
	int code = mdb_txn_begin(t->env, NULL, MDB_RDONLY, &txn);
	enum err e;

	if (code != 0)
		return err_of_mdb(code);
	e = walk_dbi(txn, t->revocations, fn, owner);
	if (e == ERR_NONE)
		e = walk_dbi(txn, t->entries, fn, owner);
	mdb_txn_abort(txn);
	return e;
}

uint64_t table_entries(struct table *t)
{
	MDB_stat st;

	return mdb_stat(t->txn, t->entries, &st) == 0 ? st.ms_entries : 0;
}

enum err table_sync(struct table *t)
{
	return err_of_mdb(mdb_env_sync(t->env, 1));
}
