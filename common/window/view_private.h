/* view_private.h - an opened view, for the files of view.h; nobody else includes it. */
#ifndef POPGATE_VIEW_PRIVATE_H
#define POPGATE_VIEW_PRIVATE_H

#include "common/window/env.h"
#include "common/window/merge.h"
#include "common/window/meta.h"
#include "common/window/view.h"

struct view {
	char state_dir[4096];
	char name[64]; /* what the link named when it was opened: "view.3" */
	MDB_env *env; /* owned */
	MDB_txn *txn; /* owned; reset but inside a call */
	MDB_cursor *cursor, *revoked; /* owned; on entries and on revocations */
	size_t page_size;
	MDB_dbi entries, holders, revocations, penalties, rates, meta;
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

/* Is the row at the cursor's place what its key says? */
bool view_row_fits(enum record_kind kind, const MDB_val *key, const MDB_val *data);

/* Does nothing that may stand at key or behind it stand before the place where key is looked for? Where a key
 * was damaged, or the way to it, what is there is not found, and that must not pass for a no. */
bool view_nothing_astray(struct view *v, MDB_cursor *cursor, enum record_kind kind, struct str key);

static inline struct str str_of_val(MDB_val val)
{
	return (struct str){ val.mv_data, val.mv_size };
}

#endif
