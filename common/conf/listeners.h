/* listeners.h - the listener sections of a daemon: where it accepts connections. */
#ifndef POPGATE_LISTENERS_H
#define POPGATE_LISTENERS_H

#include "common/conf/conf.h"

#define LISTENERS_MAX 32 /* a daemon */

struct listeners {
	size_t n;
	struct endpoint at[LISTENERS_MAX]; /* in the order of the file */
};

/* Reads the listener sections of the daemon's section ("pop3d", "smtpgate"). Complains of a title that
 * is no address and port, of one that stands twice, of none at all and of too many. */
MUST_USE enum err listeners_read(
	struct listeners *out, struct conf *c, const char *daemon, struct buf *complaints);

#endif
