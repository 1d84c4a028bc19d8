/* table_private.h - an opened view, for table.c, table_purge.c, slots.c and notes.c. */
#ifndef POPGATE_TABLE_PRIVATE_H
#define POPGATE_TABLE_PRIVATE_H

#include "common/store/table.h"

#define TABLE_NAME 64 /* octets for the name of a view: "view.3" */

/* Where the link leads. ERR_ABSENT: there is none; ERR_DAMAGED: to nothing that can be a view. */
MUST_USE enum err table_current(const char *state_dir, char name[TABLE_NAME]);

struct place { /* the key where purging of a table goes on */
	uint8_t key[CREDIT_KEY_MAX];
	size_t n; /* 0: at the beginning */
};

struct table {
	struct table *next; /* of those that cannot be closed */
	MDB_env *env; /* owned */
	MDB_txn *txn; /* open between begin and commit */
	MDB_dbi entries, holders, revocations, penalties, rates, meta_dbi;
	struct view_meta meta, before; /* before: at the transaction's begin */
	struct minutes minutes;
	char name[TABLE_NAME];
	const char *wedged; /* by what; NULL: not that we know */
	char lock_path[4200];
	struct lock_file {
		off_t size;
		uint8_t head[8]; /* what it is, and of which version */
	} lock; /* as it was when we opened it */
	uint8_t purge_at[RECORD_KEY_MAX]; /* the key where purging goes on */
	size_t purge_n;
	struct place penalties_at, rates_at;
};

/* What lock.mdb is now. */
MUST_USE bool table_lock_file(const struct table *t, struct lock_file *out);

/* Takes the row of r out of the index by subscriber; an LMDB code, 0 also where there was none. */
int table_unindex(struct table *t, const struct record *r);

static inline struct str str_of_val(MDB_val val)
{
	return (struct str){ val.mv_data, val.mv_size };
}

#endif
