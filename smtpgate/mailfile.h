/* mailfile.h - one message on its way into one Maildir (https://cr.yp.to/proto/maildir.html).
 *
 * Written in tmp, forced to the device, then renamed into new and the directory forced, too: only then is
 * it delivered. Every call blocks on the file system: from a job of the pool. */
#ifndef POPGATE_MAILFILE_H
#define POPGATE_MAILFILE_H

#include "common/base/str.h"

struct mailfile;

/* Makes the Maildir (0700) if it is not there, and a file in its tmp. hostname stands in the file's name. */
MUST_USE enum err mailfile_open(struct mailfile **out, const char *maildir, const char *hostname);

/* ERR_QUOTA if that Maildir has no room for a message of so many octets, by its own account. */
MUST_USE enum err mailfile_fits(const char *maildir, uint64_t octets);

/* octets as they are to stand in the file: lines end in LF. ERR_FULL: no space; ERR_QUOTA: for its owner. */
MUST_USE enum err mailfile_write(struct mailfile *m, struct str octets);

/* All is on the device; the name is known. ERR_QUOTA as mailfile_fits(). */
MUST_USE enum err mailfile_stage(struct mailfile *m);

/* It is in new, for good. */
MUST_USE enum err mailfile_commit(struct mailfile *m);

/* Takes back what was committed, if it was: the message will come again. Before anyone fetches it, nothing
 * is doubled. */
void mailfile_retract(struct mailfile *m);

/* Deletes what is not committed, and frees it. Takes NULL. */
void mailfile_close(struct mailfile **m);

#endif
