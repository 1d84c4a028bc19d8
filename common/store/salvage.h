/* salvage.h - reading logs that were moved aside because they are damaged. A record is believed if its crc
 * is right, whatever became of the pages around it. */
#ifndef POPGATE_SALVAGE_H
#define POPGATE_SALVAGE_H

#include "common/store/durable.h"

/* Calls fn for each record that is whole in the file, in no order, the same one perhaps twice; adds to *n how
 * many. Stops at the first error of fn and returns it. */
MUST_USE enum err salvage_file(const char *path,
	enum err (*fn)(void *owner, const struct record *r), void *owner, size_t *n);

/* The same for all logs moved aside below state_dir that nobody has salvaged to the end. */
MUST_USE enum err salvage_logs(const char *state_dir,
	enum err (*fn)(void *owner, const struct record *r), void *owner, size_t *n);

/* Is there such a log? */
bool salvage_waits(const char *state_dir);

/* What they held is durable elsewhere now. */
MUST_USE enum err salvage_done(const char *state_dir);

#endif
