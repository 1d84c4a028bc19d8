/* steady.h - a secret of the host's that outlives restarts and is the same for both daemons: from it come
 * the salts of names that are not there, which must not change where those of accounts do not. */
#ifndef POPGATE_STEADY_H
#define POPGATE_STEADY_H

#include "common/base/err.h"

#define STEADY_KEY 32 /* octets */
#define STEADY_FILE "salts.key" /* below state_dir */

/* Reads it, and makes it the first time; whoever comes second has what the first one made. Nothing but a
 * regular file of our own, of root's or of who owns state_dir is believed, that its group may read at most (all
 * programs of the host are in it, whoever they run as): else ERR_DENIED. key is random on any failure. */
MUST_USE enum err steady_key(const char *state_dir, char key[STEADY_KEY]);

/* Reads it and makes none. ERR_ABSENT, ERR_DENIED; key is untouched on any failure. */
MUST_USE enum err steady_read(const char *state_dir, char key[STEADY_KEY]);

#endif
