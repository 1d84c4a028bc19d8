/* table.h - view/: the writing side of what view.h reads. */
#ifndef POPGATE_TABLE_H
#define POPGATE_TABLE_H

#include "common/store/readers.h"
#include "common/window/credit.h"
#include "common/window/env.h"
#include "common/window/hits.h"
#include "common/window/merge.h"
#include "common/window/meta.h"
#include "common/window/minutes.h"
#include "common/window/penalty.h"
#include "common/window/rate.h"

struct table; /* opaque: one view.N, opened for writing */

/* Opens the view that the link names. ERR_ABSENT: there is none; ERR_DAMAGED: it is of no use. */
MUST_USE enum err table_open(struct table **out, const char *state_dir, uint64_t map_size);

/* Is the view that the link names what was written, as far as can be told? Sets *meta to what it says of itself.
 * For whoever holds the store's lock, before table_open(); ERR_DAMAGED, or the end of the process: no. */
MUST_USE enum err table_verify(const char *state_dir, uint64_t map_size, struct view_meta *meta);

/* The file of the view that the link names, for salvage_file(). False: there is no link. */
MUST_USE bool table_file(const char *state_dir, char *path, size_t size);

/* Makes an empty view.N beside the current one, not yet named by the link. */
MUST_USE enum err table_make(struct table **out, const char *state_dir, uint64_t map_size);

/* Lets the link name this view, in one step, and deletes the others. */
MUST_USE enum err table_publish(struct table *t, const char *state_dir);
/* Also of one that is wedged. What cannot be released of it without a fault stays until we end. */
void table_close(struct table **t);

/* All who read the view write to its lock.mdb, and one of them may mean harm. What was found, for the log:
 * "lock", which is not given back; "fault", which using it ended in; "number", of a snapshot that nobody made;
 * "slots", of which there are no more; "header", which nobody can open it by. NULL: nothing. It is then to be left,
 * and a new one made. */
const char *table_wedged(const struct table *t);

/* Says so of it; what is a literal. */
void table_wedge(struct table *t, const char *what);

/* Can readers still find a slot? Sets what table_wedged() says. Each second or so. */
void table_probe(struct table *t);

/* What it says of itself; written with table_commit(). */
struct view_meta *table_meta(struct table *t);

/* The logins of the last hour, likewise. */
struct minutes *table_minutes(struct table *t);

/* One transaction, seen by readers when committed; table_commit() writes meta as well. ERR_TIMEOUT, ERR_DAMAGED:
 * see table_wedged(). */
MUST_USE enum err table_begin(struct table *t);
MUST_USE enum err table_commit(struct table *t);
void table_abort(struct table *t);

/* Inside a transaction: puts a record into its place, merged with what stands there. Applying one again
 * changes nothing but meta. */
MUST_USE enum err table_apply(struct table *t, const struct record *r);

/* Inside a transaction: the grant to who on key that counts at now_ms, if there is one. */
MUST_USE enum err table_find(struct table *t, const struct addr *key, const struct subscriber *who,
	int64_t now_ms, bool *found, struct record *out);

/* Inside a transaction: how many hold key at now_ms; counting stops at max. */
MUST_USE enum err table_holders(
	struct table *t, const struct addr *key, int64_t now_ms, size_t max, size_t *n);

/* Inside a transaction: is the login of that grant covered by a revocation? */
MUST_USE enum err table_covered(struct table *t, const struct record *r, bool *covered);

/* Inside a transaction: looks at up to max rows from where the last call stopped, round and round, and
 * deletes grants that ended before before_ms and revocations older than keep_ms. */
MUST_USE enum err table_purge(struct table *t, int64_t before_ms, int64_t keep_ms, size_t max);

/* Calls fn for each record, revocations first. ERR_DAMAGED at the first row that is none. */
MUST_USE enum err table_walk(
	struct table *t, enum err (*fn)(void *owner, const struct record *r), void *owner);

uint64_t table_entries(struct table *t);

/* Inside a transaction, notes.c: counts a failure, adds up a use. Lost with the view. */
MUST_USE enum err table_failure(struct table *t, const struct failure *f,
	const struct penalty_rules *rules, int64_t now_ms);
MUST_USE enum err table_use(struct table *t, const struct use *u, int64_t now_ms);

/* Inside a transaction: a login gives who on key all of his credit back. *had: some of it was spent. */
MUST_USE enum err table_restore_credit(
	struct table *t, const struct addr *key, const struct subscriber *who, bool *had);

/* Inside a transaction: the row of a network that is never granted (NULL: of our own addresses). A row that
 * is not there is all zero. */
MUST_USE enum err table_get_hits(struct table *t, const struct network *never, struct hits *out);
MUST_USE enum err table_put_hits(
	struct table *t, const struct network *never, const struct hits *hits);

/* Inside a transaction: looks at up to max of their rows from where the last call stopped, round and round,
 * and deletes those that say nothing any more. */
MUST_USE enum err table_purge_notes(
	struct table *t, const struct penalty_rules *rules, int64_t now_ms, size_t max);

/* Who reads the oldest snapshot that is not the latest. */
struct oldest_reader table_oldest_reader(struct table *t);

/* Drops reader slots whose processes are gone; returns how many. */
int table_check_readers(struct table *t);

/* Forces what was committed to the device; for an orderly end. */
MUST_USE enum err table_sync(struct table *t);

#endif
