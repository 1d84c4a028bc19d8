/* history_book.h - history/: an LMDB environment of the historian's own (history.h), and what is put there.
 *
 *	intervals   who was seen on which key from when to when
 *	ends        revocations: an interval ends with the first that concerns it and is later than its last login
 *	days        what each subscriber did on each day
 *	manners     how each last sent a message
 *	meta        when it began, what was lost
 *
 * A commit is durable, so that no power cut damages it; it happens every few seconds. */
#ifndef POPGATE_HISTORY_BOOK_H
#define POPGATE_HISTORY_BOOK_H

#include "common/window/env.h"
#include "common/window/history_wire.h"
#include "common/window/wire.h"

struct book_place { /* the key where a walk goes on */
	uint8_t key[INTERVAL_KEY_MAX];
	size_t n; /* 0: at the beginning */
};

struct book {
	MDB_env *env; /* owned; NULL: not open */
	MDB_txn *txn; /* open between begin and commit */
	MDB_dbi intervals, ends, days, manners, meta_dbi;
	unsigned ipv4_prefix, ipv6_prefix;
	uint64_t max_size;
	int64_t began_ms, lost_ms;
	uint64_t lost;
	struct book_place intervals_at, ends_at, days_at, manners_at; /* of purging */
};

/* Makes what is not there. ERR_DAMAGED: what is there is of no use. max_size, the prefixes are set by the
 * caller; all else is set here, but for lost and lost_ms, to which is added what the file has. */
MUST_USE enum err book_open(struct book *b, const char *state_dir, int64_t now_ms);
void book_close(struct book *b);

/* Moves history/ aside; name gets what it is called then. */
MUST_USE enum err book_set_aside(const char *state_dir, int64_t now_ms, char *name, size_t size);

/* Reads every row. In a process of its own: a damaged file may kill whoever reads it. */
MUST_USE enum err book_verify(struct book *b);

/* One transaction. book_commit() writes meta as well. After an error but ERR_FULL of book_commit() the book is
 * of no use before it is opened anew. */
MUST_USE enum err book_begin(struct book *b);
MUST_USE enum err book_commit(struct book *b);
void book_abort(struct book *b);

/* Inside a transaction. ERR_FULL: the room that purging needs would be used up. */
MUST_USE enum err book_room(const struct book *b);
MUST_USE enum err book_grant(
	struct book *b, const struct grant *g, int64_t stamp_ms, int64_t until_ms);
MUST_USE enum err book_use(struct book *b, const struct use *u, int64_t stamp_ms);
MUST_USE enum err book_revoke(struct book *b, const struct revocation *r, int64_t stamp_ms);

/* Inside a transaction: looks at some rows of each table from where the last call stopped, round and round
 * within about an hour, and deletes what ended before before_ms, and days before before_day. *gone is raised
 * by how many. */
MUST_USE enum err book_purge(struct book *b, int64_t before_ms, uint16_t before_day, size_t *gone);

/* In any transaction of b: when i ended, revocations counted in. */
MUST_USE enum err book_end_of(
	struct book *b, MDB_txn *txn, const struct interval *i, int64_t *until_ms);

static inline struct str book_str(MDB_val val)
{
	return (struct str){ val.mv_data, val.mv_size };
}

#endif
