/* verify.c - is a file of LMDB's what we wrote? Read only and without its locks, by whoever holds the
 * store's; in a child, because a damaged file can end its reader.
 *
 * A crc covers each row. What it cannot see is a row in a wrong place, or that is not found: so keys
 * have to say what their rows say, to ascend, and to be found from the root. */
#include "common/store/table_private.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/store/durable.h"
#include "common/window/page.h"

struct rows {
	MDB_txn *txn;
	MDB_dbi dbi, holders;
	uint64_t origin;
	bool (*fits)(const struct rows *r, MDB_val key, MDB_val data);
	bool whole; /* readers ask for whole pages of this table (page.h) */
};

static bool ascends(const MDB_val *before, const MDB_val *key)
{
	size_t n = before->mv_size < key->mv_size ? before->mv_size : key->mv_size;
	int order = before->mv_data != NULL ? memcmp(before->mv_data, key->mv_data, n) : -1;

	return order < 0 || (order == 0 && before->mv_size < key->mv_size);
}

static bool same_page(const MDB_val *a, const MDB_val *b, size_t page)
{
	return (uintptr_t)a->mv_data / page == (uintptr_t)b->mv_data / page;
}

/* From the root on. The rows between the first and the last of a page are found if these are. */
static bool found(const struct rows *r, MDB_val key)
{
	MDB_val data;

	return key.mv_data == NULL || mdb_get(r->txn, r->dbi, &key, &data) == 0;
}

static enum err walk(const struct rows *r, size_t page)
{
	MDB_val key, data, before = { 0, NULL };
	MDB_cursor *cursor;
	MDB_stat st;
	size_t n = 0;
	bool fine = true;
	int code = mdb_stat(r->txn, r->dbi, &st);

	if (code == 0)
		code = mdb_cursor_open(r->txn, r->dbi, &cursor);
	if (code != 0)
		return err_of_mdb(code);
	while (fine && (code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0) {
		fine = ascends(&before, &key) && r->fits(r, key, data);
		if (fine && !same_page(&before, &key, page))
			fine = found(r, before) && found(r, key) &&
				(!r->whole || page_is_whole(key.mv_data, page));
		before = key;
		n++;
	}
	mdb_cursor_close(cursor);
	if (code != 0 && code != MDB_NOTFOUND)
		return err_of_mdb(code);
	return fine && n == st.ms_entries && found(r, before) ? ERR_NONE : ERR_DAMAGED;
}

static bool fits_log(const struct rows *r, MDB_val key, MDB_val data)
{
	const uint8_t *p = key.mv_data;
	struct record record;
	uint64_t n = 0;

	for (size_t i = 0; i < 8 && i < key.mv_size; i++)
		n = n << 8 | p[i];
	return key.mv_size == 8 && record_decode(str_of_val(data), &record) &&
		record.sequence == n && record.origin == r->origin;
}

static bool fits_entries(const struct rows *r, MDB_val key, MDB_val data)
{
	uint8_t bytes[RECORD_KEY_MAX];
	struct record record;
	MDB_val holder = { 0, bytes }, nothing;

	if (!record_has_key(RECORD_GRANT, str_of_val(data), str_of_val(key)) ||
		!record_decode(str_of_val(data), &record))
		return false;
	holder.mv_size = record_holder_key(&record.key, &record.who, bytes);
	return mdb_get(r->txn, r->holders, &holder, &nothing) == 0;
}

static bool fits_revocations(const struct rows *r, MDB_val key, MDB_val data)
{
	struct record record;

	(void)r;
	return record_has_key(RECORD_REVOCATION, str_of_val(data), str_of_val(key)) &&
		record_decode(str_of_val(data), &record);
}

static bool fits_notes(const struct rows *r, MDB_val key, MDB_val data)
{
	(void)r;
	return key.mv_size <= CREDIT_KEY_MAX && data.mv_size <= RECORD_MAX;
}

static enum err open_read(MDB_env **env, MDB_txn **txn, const char *dir, uint64_t map_size)
{
	enum err e = env_open(env, dir, MDB_RDONLY | MDB_NOLOCK, map_size);
	int code;

	if (e != ERR_NONE)
		return e;
	code = mdb_txn_begin(*env, NULL, MDB_RDONLY, txn);
	if (code != 0)
		mdb_env_close(*env);
	return err_of_mdb(code);
}

/* Nothing was ever committed to it. */
static bool fresh(MDB_env *env)
{
	MDB_envinfo info;

	return mdb_env_info(env, &info) == 0 && info.me_last_txnid == 0;
}

static enum err verify_log(MDB_env *env, MDB_txn *txn)
{
	MDB_val key = { sizeof(DURABLE_ORIGIN) - 1, (void *)(uintptr_t)DURABLE_ORIGIN }, data;
	struct rows r = { .txn = txn, .fits = fits_log };
	MDB_dbi meta;
	MDB_stat st;
	int code = mdb_dbi_open(txn, "records", 0, &r.dbi);

	if (code == MDB_NOTFOUND)
		return fresh(env) ? ERR_NONE : ERR_DAMAGED;
	if (code == 0)
		code = mdb_dbi_open(txn, "meta", 0, &meta);
	if (code == 0)
		code = mdb_get(txn, meta, &key, &data);
	if (code == 0 && data.mv_size != sizeof(r.origin))
		code = MDB_CORRUPTED;
	if (code == 0)
		code = mdb_env_stat(env, &st);
	if (code != 0)
		return code == MDB_NOTFOUND ? ERR_DAMAGED : err_of_mdb(code);
	memcpy(&r.origin, data.mv_data, sizeof(r.origin));
	return walk(&r, st.ms_psize);
}

enum err durable_verify(const char *state_dir, uint64_t map_size)
{
	char path[4200], file[4300];
	struct stat st;
	MDB_env *env;
	MDB_txn *txn;
	enum err e;

	snprintf(path, sizeof(path), "%s/%s", state_dir, DURABLE_DIR);
	snprintf(file, sizeof(file), "%s/data.mdb", path);
	if (stat(file, &st) != 0)
		return errno == ENOENT ? ERR_NONE : err_of_errno(errno);
	if (st.st_size == 0)
		return ERR_NONE;
	e = open_read(&env, &txn, path, map_size);
	if (e != ERR_NONE)
		return e;
	e = verify_log(env, txn);
	mdb_txn_abort(txn);
	if (e == ERR_NONE && !fresh(env))
		e = env_free_pages(env);
	mdb_env_close(env);
	return e;
}

static enum err verify_tables(MDB_txn *txn, size_t page)
{
	static const struct {
		const char *name;
		bool optional; /* a store of before made no such table */
		bool (*fits)(const struct rows *r, MDB_val key, MDB_val data);
	} tables[] = {
		{ VIEW_REVOCATIONS, false, fits_revocations },
		{ VIEW_ENTRIES, false, fits_entries },
		{ VIEW_HOLDERS, false, fits_notes },
		{ VIEW_PENALTIES, true, fits_notes },
		{ VIEW_RATES, true, fits_notes },
	};
	struct rows r = { .txn = txn };
	MDB_stat entries = { 0 }, holders;
	int code = mdb_dbi_open(txn, VIEW_HOLDERS, 0, &r.holders);
	enum err e = ERR_NONE;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && code == 0 && e == ERR_NONE;
		i++) {
		code = mdb_dbi_open(txn, tables[i].name, 0, &r.dbi);
		r.fits = tables[i].fits;
		r.whole = r.fits == fits_entries || r.fits == fits_revocations;
		if (code == 0)
			e = walk(&r, page);
		if (r.fits == fits_entries && code == 0)
			code = mdb_stat(txn, r.dbi, &entries);
		if (code == MDB_NOTFOUND && tables[i].optional)
			code = 0;
	}
	if (code == 0 && e == ERR_NONE)
		code = mdb_stat(txn, r.holders, &holders);
	if (code != 0)
		return code == MDB_NOTFOUND ? ERR_DAMAGED : err_of_mdb(code);
	return e == ERR_NONE && entries.ms_entries != holders.ms_entries ? ERR_DAMAGED : e;
}

static enum err verify_meta(MDB_txn *txn, struct view_meta *meta)
{
	MDB_val key = { sizeof(VIEW_META_KEY) - 1, (void *)(uintptr_t)VIEW_META_KEY }, data;
	MDB_dbi dbi;
	int code = mdb_dbi_open(txn, VIEW_META, 0, &dbi);

	if (code == 0)
		code = mdb_get(txn, dbi, &key, &data);
	if (code != 0)
		return code == MDB_NOTFOUND ? ERR_DAMAGED : err_of_mdb(code);
	return meta_decode(str_of_val(data), meta) ? ERR_NONE : ERR_DAMAGED;
}

enum err table_verify(const char *state_dir, uint64_t map_size, struct view_meta *meta)
{
	char name[TABLE_NAME], path[4300];
	MDB_env *env;
	MDB_txn *txn;
	MDB_stat st;
	enum err e = table_current(state_dir, name);

	if (e != ERR_NONE)
		return e;
	snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	e = open_read(&env, &txn, path, map_size);
	if (e != ERR_NONE)
		return e == ERR_ABSENT ? ERR_DAMAGED : e;
	e = verify_meta(txn, meta);
	if (e == ERR_NONE)
		e = err_of_mdb(mdb_env_stat(env, &st));
	if (e == ERR_NONE)
		e = verify_tables(txn, st.ms_psize);
	mdb_txn_abort(txn);
	if (e == ERR_NONE)
		e = env_free_pages(env);
	mdb_env_close(env);
	return e;
}
