/* log_private.h - what the files of the log share: composing, folding, writing. */
#ifndef POPGATE_LOG_PRIVATE_H
#define POPGATE_LOG_PRIVATE_H

#include "common/base/log.h"

#include <sys/types.h>

extern struct log_settings log_settings;

/* Ours; asks the kernel once. */
pid_t log_pid(void);

/* Puts the end of a line behind it: cut=true where needed, the brace of JSON. */
void log_finish(struct log_line *l);

/* Looks at the descriptor of log_settings. */
void logwrite_open(void);

/* One caller at a time for what follows: log.c holds the lock. */

/* Sends a finished line on its way; or keeps it, while they are gathered, for the next logwrite_gathered(). */
void logwrite_line(const struct log_line *l);
void logwrite_gather(bool on);
void logwrite_gathered(void);
/* What waits, as far as it is taken now; after waiting up to wait_ms for the reader. */
void logwrite_drain(int wait_ms);

/* Writes an unfinished line, or counts it as one more of its run. */
void logfold_line(struct log_line *l, int64_t now_ms);
/* Ends the runs that began before then. */
void logfold_expire(int64_t then_ms);

#endif
