/* tally.h - what the store counts, published for popgate stats and logged each minute. */
#ifndef POPGATE_TALLY_H
#define POPGATE_TALLY_H

#include "common/store/store.h"

struct tally;

/* In the site's run_dir, by its group to read. Without a file it counts on; it is logged (counters.hidden). */
MUST_USE enum err tally_open(struct tally **out, const struct site *site, const char *conf_path);
void tally_close(struct tally **t);

/* A batch was done and took ms. */
void tally_batch(struct tally *t, const struct pending *batch, size_t n, int64_t ms);

/* Each second: what is known whole. Logs once a minute, and at the end if last is set. */
void tally_tick(struct tally *t, const struct store *s, size_t peers, bool last);

#endif
