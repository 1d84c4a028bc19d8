/* view_private.h - an opened view, for the files of view.h; nobody else includes it. */
#ifndef POPGATE_VIEW_PRIVATE_H
#define POPGATE_VIEW_PRIVATE_H

#include "common/window/env.h"
#include "common/window/merge.h"
#include "common/window/meta.h"
#include "common/window/view.h"

#define REVOCATIONS_FEW 16

/* All revocations of a snapshot, where they are few. */
struct revocations {
	enum {
		REVOCATIONS_UNASKED,
		REVOCATIONS_ALL, /* at has them, and each was sound */
		REVOCATIONS_ELSEWHERE, /* too many, or not sound: the table has to be asked */
	} known;
	size_t n;
	struct revocation_row {
		enum scope scope;
		struct addr key;
		struct subscriber who;
		int64_t not_before_ms;
	} at[REVOCATIONS_FEW];
};

/* What was read of one snapshot holds as long as that is the latest: a look then reads meta and the
 * revocations not again, which is two fifths of its instructions. */
struct view_known {
	size_t id; /* of the snapshot, as LMDB counts them; 0: nothing is known */
	struct view_meta meta;
	struct revocations revocations;
};

struct view {
	char state_dir[4096];
	char name[64]; /* what the link named when it was opened: "view.3" */
	MDB_env *env; /* owned */
	MDB_txn *txn; /* owned; reset but inside a call */
	MDB_cursor *cursor, *revoked; /* owned; on entries and on revocations */
	size_t page_size;
	MDB_dbi entries, holders, revocations, penalties, rates, meta;
	struct view_known known;
	struct view_judge judge;
	bool lacks_notes; /* an older store made it: no penalties, no rates */
	bool stale; /* the link names another view that we could not open */
	bool broken; /* reading it ended in a fault: nothing of it is asked any more */
};

/* One call, one snapshot: fn looks at v, whose meta is m, and call is its own. ERR_DAMAGED also if it met
 * what reading cannot go on from; what it has written to call by then means nothing. */
MUST_USE enum err view_look(struct view *v,
	enum err (*fn)(struct view *v, const struct view_meta *m, void *call), void *call);

/* The reader's present: never before the highest stamp. */
int64_t view_present(const struct view_meta *m, int64_t now_ms);

enum standing {
	LIVE,
	DEAD,
	UNREADABLE
};
enum standing view_standing(struct view *v, const struct record *r, int64_t present_ms);

/* As LMDB orders keys: below, equal to or above 0. */
int view_compare(const MDB_val *a, struct str b);

struct holder view_holder(const struct record *r);

/* Where a cursor stands; key and data are set only if code, which is LMDB's, is 0. */
struct row {
	int code;
	MDB_val key, data;
};

/* Puts a cursor, which may be of an earlier look, on the first row at key or behind it. */
struct row view_seek(struct view *v, MDB_cursor *cursor, struct str key);
struct row view_step(MDB_cursor *cursor, MDB_cursor_op op);

/* Is the row at the cursor's place what its key says? */
bool view_row_fits(enum record_kind kind, const struct row *at);

/* And is its page one from which nothing fell out? */
bool view_row_is_sound(const struct view *v, enum record_kind kind, const struct row *at);

/* Does nothing that may stand at key or behind it stand before behind, to which view_seek() has just brought the
 * cursor? Where a key was damaged, or the way to it, what is there is not found, and that must not pass for
 * a no. */
bool view_nothing_astray(struct view *v, MDB_cursor *cursor, enum record_kind kind, struct str key,
	const struct row *behind);

static inline struct str str_of_val(MDB_val val)
{
	return (struct str){ val.mv_data, val.mv_size };
}

#endif
