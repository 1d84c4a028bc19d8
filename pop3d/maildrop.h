/* maildrop.h - a subscriber's Maildir as one POP3 session sees it; the only code that touches it.
 *
 * Every call but maildrop_message() blocks on the file system: from a job of the pool, one at a time.
 * A Maildir may be hostile: only regular files are messages, no link is followed, nothing is opened that
 * could block. A Maildir that is not there is an empty maildrop. */
#ifndef POPGATE_MAILDROP_H
#define POPGATE_MAILDROP_H

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct maildrop;

struct message { /* borrowed from the maildrop until it is closed */
	uint64_t octets; /* as sent, without doubled dots */
	const char *uidl; /* unique within the maildrop, 1 to 70 octets */
};

/* Opens and locks path: ERR_BUSY if another session has it. Where nothing can be written there, the lock
 * lies in lock_dir instead. Reads no directory. */
MUST_USE enum err maildrop_open(struct maildrop **out, const char *path, const char *lock_dir);

/* Frees it and gives the lock up. Takes NULL. */
void maildrop_close(struct maildrop **m);

/* Takes the snapshot: names, order, sizes. Once. ERR_NOMEM, ERR_IO, ERR_DENIED. */
MUST_USE enum err maildrop_scan(struct maildrop *m);

size_t maildrop_count(const struct maildrop *m);
struct message maildrop_message(const struct maildrop *m, size_t i);

/* The file's octets from offset on, up to size of them; *last with the piece that ends it. ERR_ABSENT: it
 * is no longer there; ERR_DAMAGED: it is shorter than when it was opened. */
MUST_USE enum err maildrop_read(struct maildrop *m, size_t i, uint64_t offset, char *dst,
	size_t size, size_t *n, bool *last);

/* Deletes each message whose place in doomed is true; one that is gone already counts as deleted. Returns
 * how many stayed. */
size_t maildrop_delete(struct maildrop *m, const bool *doomed);

#endif
