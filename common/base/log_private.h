/* log_private.h - what the files of the log share: composing, folding, writing. */
#ifndef POPGATE_LOG_PRIVATE_H
#define POPGATE_LOG_PRIVATE_H

#include "common/base/log.h"

extern struct log_settings log_settings;

/* Puts the end of a line behind it: cut=true where needed, the brace of JSON. */
void log_finish(struct log_line *l);

/* Looks at the descriptor of log_settings. */
void logwrite_open(void);

/* One caller at a time for what follows: log.c holds the lock. */

/* Sends a finished line on its way. */
void logwrite_line(const struct log_line *l);
/* What waits, as far as it is taken now; after waiting up to wait_ms for the reader. */
void logwrite_drain(int wait_ms);

/* Writes an unfinished line, or counts it as one more of its run. */
void logfold_line(struct log_line *l, int64_t now_ms);
/* Ends the runs that began before then. */
void logfold_expire(int64_t then_ms);

#endif
