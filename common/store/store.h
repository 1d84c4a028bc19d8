/* store.h - the window's one writer: requests in, durable records out, answers.
 *
 * Knows nothing of sockets: whoever drives it hands over a batch and sends the answers. A batch costs
 * one durable commit, however large it is; batches grow while a commit runs, so nobody waits by
 * design. */
#ifndef POPGATE_STORE_H
#define POPGATE_STORE_H

#include "common/conf/site.h"
#include "common/store/durable.h"
#include "common/store/freeze.h"
#include "common/store/history.h"
#include "common/store/never.h"
#include "common/store/table.h"
#include "common/window/wire.h"

struct store {
	const struct site *site; /* borrowed */
	struct never *never; /* owned */
	struct freeze freeze;
	struct history *history; /* owned */
	struct durable *log; /* owned; NULL while it cannot be opened */
	struct table *view; /* owned; NULL likewise */
	int64_t stamp_ms; /* the last one given */
	bool stamp_revoked; /* a revocation has it: the next login needs a later one */
	int64_t lost_ms; /* until then a no is no answer */
	uint64_t entries; /* of the view, as the last tick found them */
	uint64_t lost, coalesced; /* not yet written into the view's meta */
	int64_t retry_ms; /* not before then another attempt to open; steady clock */
	bool condemned; /* the view is of no use, though it may look whole: to be made anew */
	bool verified; /* log and view were read whole since we started, or since damage was met */
	int lock; /* borrowed; -1: none */
	struct readers readers;
	size_t moved; /* records, from one environment to another */
	int64_t wedged_ms; /* when a view was last left because of its readers; steady clock */
	unsigned wedges; /* in a row */
	unsigned failures; /* in a row, so that one cause is one loud line */
	int64_t complained_ms; /* when a clock gone back was last reported */
};

/* Opens what is there, verifies, rebuilds and salvages what has to be; makes what is not. lock is borrowed: the
 * file whose lock says that we run (-1: none). */
MUST_USE enum err store_open(struct store *s, const struct site *site, struct conf *c, int lock);

/* Says so to whoever watches (heartbeat.h). For every second, and within long work of our own. */
void store_alive(const struct store *s);

/* A line on a view that is left because of what its readers did to it, see table_wedged(). */
void store_log_wedged(const char *what, unsigned attempt);

/* Writes the clean mark. */
void store_close(struct store *s);

struct pending { /* one request and its answer, of a peer the store knows nothing of */
	struct request request;
	struct answer answer; /* set by store_batch(); from WIRE_LOST on nobody wants it */
	void *peer;
	char never
		[ADDR_TEXT]; /* of a grant that is never: what holds the address, and how often so far */
	uint64_t never_hits;
};

/* Does all of them, in order. */
void store_batch(struct store *s, struct pending *batch, size_t n);

/* Each second: heartbeat, purge, trim; and another attempt at what failed. */
void store_tick(struct store *s);

/* Closes log and view and opens them anew; an LMDB environment whose commit failed is of no use. */
MUST_USE enum err store_reopen(struct store *s);

/* rebuild.c: opens log and view into s, whatever state they are in. */
MUST_USE enum err store_load(struct store *s);

#endif
