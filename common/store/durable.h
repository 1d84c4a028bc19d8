/* durable.h - log/: this host's grants and revocations in order, durable before anybody hears of them. */
#ifndef POPGATE_DURABLE_H
#define POPGATE_DURABLE_H

#include "common/window/env.h"
#include "common/window/record.h"

#define DURABLE_DIR "log" /* below state_dir */
#define DURABLE_ASIDE "log.damaged-" /* and the time, in ms: one that was moved aside */
#define DURABLE_ORIGIN "origin" /* the key of it in the log's own meta */

struct durable; /* opaque: the environment, opened for writing */

/* Opens or makes log/ below state_dir. ERR_DAMAGED: what is there cannot be used; durable_set_aside(). */
MUST_USE enum err durable_open(struct durable **out, const char *state_dir, uint64_t map_size);
void durable_close(struct durable **d);

/* Is log/ what was written, as far as can be told? Nothing, or an empty one, is. For whoever holds the store's
 * lock, before durable_open(); ERR_DAMAGED, or the end of the process: no. */
MUST_USE enum err durable_verify(const char *state_dir, uint64_t map_size);

/* Renames log/ to log.damaged-<ms>, so that nothing is lost to whoever looks into it. */
MUST_USE enum err durable_set_aside(const char *state_dir, int64_t now_ms, char *name, size_t size);

/* Random, of this log; and the sequence of its last record, 0 for none. */
uint64_t durable_origin(const struct durable *d);
uint64_t durable_last(const struct durable *d);

/* One transaction: durable_begin, durable_append for each (it sets origin and sequence), then commit,
 * which returns when all is on the device, or abort. After a failed commit nothing of it is there. */
MUST_USE enum err durable_begin(struct durable *d);
MUST_USE enum err durable_append(struct durable *d, struct record *r);
MUST_USE enum err durable_commit(struct durable *d);
void durable_abort(struct durable *d);

/* Inside a transaction: looks at up to max records from where the last call stopped, round and round,
 * and deletes those that can no longer count at now_ms. The older a record may get by the site's
 * settings: grants until they end, revocations keep_ms. */
MUST_USE enum err durable_trim(struct durable *d, int64_t now_ms, int64_t keep_ms, size_t max);

/* Calls fn for each record from sequence after + 1 on; stops at the first error and returns it. */
MUST_USE enum err durable_replay(struct durable *d, uint64_t after,
	enum err (*fn)(void *owner, const struct record *r), void *owner);

#endif
