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
	MDB_cursor *cursor; /* owned; on entries */
	MDB_dbi entries, holders, revocations, penalties, rates, meta;
	struct view_judge judge;
	bool lacks_notes; /* an older store made it: no penalties, no rates */
	bool stale; /* the link names another view that we could not open */
};

/* One call, one snapshot. */
MUST_USE enum err view_begin(struct view *v);
void view_end(struct view *v);

/* Inside of one. */
MUST_USE bool view_read_meta(struct view *v, struct view_meta *out);

/* The reader's present: never before the highest stamp. */
int64_t view_present(const struct view_meta *m, int64_t now_ms);

enum standing {
	LIVE,
	DEAD,
	UNREADABLE
};
enum standing view_standing(struct view *v, const struct record *r, int64_t present_ms);

static inline struct str str_of_val(MDB_val val)
{
	return (struct str){ val.mv_data, val.mv_size };
}

#endif
