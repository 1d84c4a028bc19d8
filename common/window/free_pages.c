/* free_pages.c - the lists of free pages of an LMDB file: rows of its first table, the number of a
 * transaction each, with how many pages it freed and which, in descending order. */
#include "common/window/env.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FREE_PAGES 0 /* LMDB's own number for that table */
#define META_PAGES 2 /* are never free */

struct seen {
	uint8_t *bits; /* one a page */
	size_t last; /* the highest page there is */
};

static bool first_time(struct seen *s, size_t page)
{
	uint8_t bit = (uint8_t)(1U << (page % 8));
	bool first = (s->bits[page / 8] & bit) == 0;

	s->bits[page / 8] |= bit;
	return first;
}

static size_t number_at(const MDB_val *data, size_t i)
{
	size_t n;

	memcpy(&n, (const char *)data->mv_data + i * sizeof(n), sizeof(n));
	return n;
}

static bool sound(struct seen *s, const MDB_val *key, const MDB_val *data)
{
	size_t before = s->last + 1, n;

	if (key->mv_size != sizeof(n) || data->mv_size < sizeof(n))
		return false;
	n = number_at(data, 0);
	if (n > s->last || (n + 1) * sizeof(n) > data->mv_size)
		return false;
	for (size_t i = 1; i <= n; i++) {
		size_t page = number_at(data, i);

		if (page < META_PAGES || page >= before || !first_time(s, page))
			return false;
		before = page;
	}
	return true;
}

static enum err look_at_all(MDB_txn *txn, struct seen *s)
{
	MDB_val key, data;
	MDB_cursor *cursor;
	int code = mdb_cursor_open(txn, FREE_PAGES, &cursor);
	bool fine = true;

	if (code != 0)
		return err_of_mdb(code);
	while (fine && (code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT)) == 0)
		fine = sound(s, &key, &data);
	mdb_cursor_close(cursor);
	if (!fine)
		return ERR_DAMAGED;
	return code == MDB_NOTFOUND ? ERR_NONE : err_of_mdb(code);
}

enum err env_free_pages(MDB_env *env)
{
	struct seen s = { 0 };
	MDB_envinfo info;
	MDB_txn *txn;
	enum err e;
	int code = mdb_env_info(env, &info);

	if (code == 0)
		code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
	if (code != 0)
		return err_of_mdb(code);
	s.last = info.me_last_pgno;
	s.bits = calloc(s.last / 8 + 1, 1);
	e = s.bits != NULL ? look_at_all(txn, &s) : ERR_NOMEM;
	free(s.bits);
	mdb_txn_abort(txn);
	return e;
}
