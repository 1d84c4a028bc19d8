/* table_purge.c - housekeeping of the view, a slice at a time: what has expired goes, and what is not in its place
 * is noticed. */
#include "common/store/table_private.h"

/* A row that does not say what its key says, or that is not found from the root where a page begins, has no
 * place in the view: the log knows better. */
static bool row_is_sound(
	struct table *t, const MDB_val *key, const MDB_val *data, uintptr_t *page, size_t page_size)
{
	uintptr_t at = (uintptr_t)key->mv_data / page_size;
	MDB_val again = *key, there;

	if (!record_has_key(RECORD_GRANT, str_of_val(*data), str_of_val(*key)))
		return false;
	if (at == *page)
		return true;
	*page = at;
	return mdb_get(t->txn, t->entries, &again, &there) == 0;
}

/* One table's slice. The key where it stopped is kept in t. */
static int purge_entries(struct table *t, int64_t before_ms, size_t max)
{
	MDB_val key = { t->purge_n, t->purge_at }, data;
	MDB_cursor *cursor;
	MDB_stat st;
	uintptr_t page = 0;
	int code = mdb_stat(t->txn, t->entries, &st);

	if (code == 0)
		code = mdb_cursor_open(t->txn, t->entries, &cursor);
	if (code != 0)
		return code;
	code = mdb_cursor_get(cursor, &key, &data, t->purge_n > 0 ? MDB_SET_RANGE : MDB_FIRST);
	for (size_t i = 0; code == 0 && i < max; i++) {
		struct record r;

		if (!row_is_sound(t, &key, &data, &page, st.ms_psize) ||
			!record_decode(str_of_val(data), &r))
			code = MDB_CORRUPTED;
		else if (r.until_ms < before_ms)
			code = table_unindex(t, &r);
		if (code == 0 && r.until_ms < before_ms)
			code = mdb_cursor_del(cursor, 0);
		if (code == 0)
			code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
	}
	t->purge_n = 0;
	if (code == 0 && key.mv_size <= sizeof(t->purge_at)) {
		memcpy(t->purge_at, key.mv_data, key.mv_size);
		t->purge_n = key.mv_size;
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

static int purge_revocations(struct table *t, int64_t older_ms, size_t max)
{
	MDB_val key, data;
	MDB_cursor *cursor;
	int code = mdb_cursor_open(t->txn, t->revocations, &cursor);

	if (code != 0)
		return code;
	code = mdb_cursor_get(cursor, &key, &data, MDB_FIRST);
	for (size_t i = 0; code == 0 && i < max; i++) {
		struct record r;

		if (!record_has_key(RECORD_REVOCATION, str_of_val(data), str_of_val(key)) ||
			!record_decode(str_of_val(data), &r))
			code = MDB_CORRUPTED;
		else if (r.login_ms < older_ms)
			code = mdb_cursor_del(cursor, 0);
		if (code == 0)
			code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

enum err table_purge(struct table *t, int64_t before_ms, int64_t keep_ms, size_t max)
{
	int code = purge_entries(t, before_ms, max);

	if (code == 0)
		code = purge_revocations(t, before_ms - keep_ms, max);
	return err_of_mdb(code);
}
