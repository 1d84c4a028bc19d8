/* durable.c - see durable.h. Keys are sequence numbers, big-endian so that they sort, appended with
 * MDB_APPEND: one leaf page a commit instead of one for each grant. */
#include "common/store/durable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/secret.h"

struct durable {
	MDB_env *env; /* owned */
	MDB_txn *txn; /* open between begin and commit */
	MDB_dbi records, meta;
	uint64_t origin, last; /* last: committed */
	uint64_t next; /* within a transaction */
	uint64_t trim_at; /* where trimming goes on */
};

static void put_sequence(uint64_t n, uint8_t *key)
{
	for (int i = 7; i >= 0; i--, n >>= 8)
		key[i] = (uint8_t)n;
}

static uint64_t get_sequence(const MDB_val *key)
{
	const uint8_t *p = key->mv_data;
	uint64_t n = 0;

	for (size_t i = 0; i < key->mv_size && i < 8; i++)
		n = n << 8 | p[i];
	return n;
}

/* The origin is made with the log and never changes. */
static int read_origin(struct durable *d)
{
	MDB_val key = { sizeof(DURABLE_ORIGIN) - 1, DURABLE_ORIGIN }, data;
	int code = mdb_get(d->txn, d->meta, &key, &data);

	if (code == 0 && data.mv_size == sizeof(d->origin)) {
		memcpy(&d->origin, data.mv_data, sizeof(d->origin));
		return 0;
	}
	if (code != MDB_NOTFOUND)
		return code != 0 ? code : MDB_CORRUPTED;
	secret_random(&d->origin, sizeof(d->origin));
	data = (MDB_val){ sizeof(d->origin), &d->origin };
	return mdb_put(d->txn, d->meta, &key, &data, 0);
}

static int read_last(struct durable *d)
{
	MDB_cursor *cursor;
	MDB_val key, data;
	int code = mdb_cursor_open(d->txn, d->records, &cursor);

	if (code != 0)
		return code;
	code = mdb_cursor_get(cursor, &key, &data, MDB_LAST);
	d->last = code == 0 ? get_sequence(&key) : 0;
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

static enum err open_tables(struct durable *d)
{
	int code = mdb_txn_begin(d->env, NULL, 0, &d->txn);

	if (code != 0)
		return err_of_mdb(code);
	code = mdb_dbi_open(d->txn, "records", MDB_CREATE, &d->records);
	if (code == 0)
		code = mdb_dbi_open(d->txn, "meta", MDB_CREATE, &d->meta);
	if (code == 0)
		code = read_origin(d);
	if (code == 0)
		code = read_last(d);
	if (code == 0)
		code = mdb_txn_commit(d->txn);
	else
		mdb_txn_abort(d->txn);
	d->txn = NULL;
	return err_of_mdb(code);
}

enum err durable_open(struct durable **out, const char *state_dir, uint64_t map_size)
{
	struct durable *d = calloc(1, sizeof(*d));
	char path[4200];
	enum err e = d != NULL ? ERR_NONE : ERR_NOMEM;

	snprintf(path, sizeof(path), "%s/%s", state_dir, DURABLE_DIR);
	if (e == ERR_NONE && mkdir(path, 0700) != 0 && errno != EEXIST)
		e = err_of_errno(errno);
	if (e == ERR_NONE)
		e = env_open(&d->env, path, 0, map_size);
	if (e == ERR_NONE)
		e = open_tables(d);
	if (e == ERR_NONE)
		*out = d;
	else
		durable_close(&d);
	return e;
}

void durable_close(struct durable **d)
{
	if (*d == NULL)
		return;
	durable_abort(*d);
	if ((*d)->env != NULL)
		mdb_env_close((*d)->env);
	free(*d);
	*d = NULL;
}

enum err durable_set_aside(const char *state_dir, int64_t now_ms, char *name, size_t size)
{
	char from[4200], to[4400];

	snprintf(name, size, DURABLE_ASIDE "%lld", (long long)now_ms);
	snprintf(from, sizeof(from), "%s/%s", state_dir, DURABLE_DIR);
	snprintf(to, sizeof(to), "%s/%s", state_dir, name);
	return rename(from, to) == 0 ? ERR_NONE : err_of_errno(errno);
}

uint64_t durable_origin(const struct durable *d)
{
	return d->origin;
}

uint64_t durable_last(const struct durable *d)
{
	return d->last;
}

enum err durable_begin(struct durable *d)
{
	enum err e = env_whole(d->env);

	d->next = d->last + 1;
	return e == ERR_NONE ? err_of_mdb(mdb_txn_begin(d->env, NULL, 0, &d->txn)) : e;
}

enum err durable_append(struct durable *d, struct record *r)
{
	uint8_t bytes[RECORD_MAX], sequence[8];
	MDB_val key = { sizeof(sequence), sequence }, data;

	r->origin = d->origin;
	r->sequence = d->next++;
	put_sequence(r->sequence, sequence);
	data = (MDB_val){ record_encode(r, bytes), bytes };
	return err_of_mdb(mdb_put(d->txn, d->records, &key, &data, MDB_APPEND));
}

enum err durable_commit(struct durable *d)
{
	int code = mdb_txn_commit(d->txn);

	d->txn = NULL;
	if (code == 0)
		d->last = d->next - 1;
	return err_of_mdb(code);
}

void durable_abort(struct durable *d)
{
	if (d->txn != NULL)
		mdb_txn_abort(d->txn);
	d->txn = NULL;
}

static bool has_ended(
	enum record_kind kind, int64_t login_ms, int64_t until_ms, int64_t now_ms, int64_t keep_ms)
{
	return kind == RECORD_GRANT ? now_ms > until_ms : now_ms - keep_ms > login_ms;
}

/* The last record stays in any case: the next sequence is read from it at the next start. Nearly all others have not
 * ended either, and to decode them only to see that was a third of the instructions that a grant took here. */
static bool past(const struct durable *d, uint64_t sequence, const MDB_val *data, int64_t now_ms,
	int64_t keep_ms)
{
	const struct str bytes = { data->mv_data, data->mv_size };
	enum record_kind kind;
	int64_t login_ms, until_ms;
	struct record r;

	return sequence != d->last && record_times(bytes, &kind, &login_ms, &until_ms) &&
		has_ended(kind, login_ms, until_ms, now_ms, keep_ms) && record_decode(bytes, &r) &&
		has_ended(r.kind, r.login_ms, r.until_ms, now_ms, keep_ms);
}

enum err durable_trim(struct durable *d, int64_t now_ms, int64_t keep_ms, size_t max)
{
	uint8_t sequence[8];
	MDB_val key = { sizeof(sequence), sequence }, data;
	MDB_cursor *cursor;
	int code = mdb_cursor_open(d->txn, d->records, &cursor);

	if (code != 0)
		return err_of_mdb(code);
	put_sequence(d->trim_at, sequence);
	code = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
	for (size_t i = 0; code == 0 && i < max; i++) {
		d->trim_at = get_sequence(&key) + 1;
		if (past(d, get_sequence(&key), &data, now_ms, keep_ms))
			code = mdb_cursor_del(cursor, 0);
		if (code ==
			0) /* behind a deletion LMDB's cursor stands on the next already, and knows it */
			code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	if (code == MDB_NOTFOUND)
		d->trim_at = 0;
	return code == MDB_NOTFOUND ? ERR_NONE : err_of_mdb(code);
}

static enum err replay_one(
	const MDB_val *data, enum err (*fn)(void *owner, const struct record *r), void *owner)
{
	struct record r;

	if (!record_decode((struct str){ data->mv_data, data->mv_size }, &r))
		return ERR_DAMAGED;
	return fn(owner, &r);
}

enum err durable_replay(struct durable *d, uint64_t after,
	enum err (*fn)(void *owner, const struct record *r), void *owner)
{
	uint8_t sequence[8];
	MDB_val key = { sizeof(sequence), sequence }, data;
	MDB_cursor *cursor;
	MDB_txn *txn;
	enum err e = ERR_NONE;
	int code = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn);

	if (code != 0)
		return err_of_mdb(code);
	code = mdb_cursor_open(txn, d->records, &cursor);
	if (code != 0) {
		mdb_txn_abort(txn);
		return err_of_mdb(code);
	}
	put_sequence(after + 1, sequence);
	code = mdb_cursor_get(cursor, &key, &data, MDB_SET_RANGE);
	while (code == 0 && e == ERR_NONE) {
		e = replay_one(&data, fn, owner);
		code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	if (e == ERR_NONE && code != MDB_NOTFOUND)
		e = err_of_mdb(code);
	return e;
}
