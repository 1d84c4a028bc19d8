/* maildrop.h - a subscriber's Maildir as one POP3 session sees it; the only code that touches it.
 *
 *	maildrop_open() -> maildrop_scan() until done -> messages, reading -> maildrop_delete() -> maildrop_close()
 *
 * Every call but the short ones says that it blocks on the file system: from a job of the pool, one at a
 * time. A call that may take long does a slice of its work, MAILDROP_SLICE_MS or little more, and asks to be
 * called again, so that one large maildrop does not keep a thread from all others.
 *
 * A Maildir may be hostile: only regular files are messages, no link is followed below it, nothing is opened
 * that could block. A Maildir that is not there is an empty maildrop.
 *
 * What is announced is what is sent: sizes come from W= in the name, from the size cache (sizes.h) or from
 * reading; and before the first octet of a message is given out, its size is known to be that which was
 * announced, or the message is refused. W= is found out by reading where few messages are new, and believed
 * until they are read where many are. */
#ifndef POPGATE_MAILDROP_H
#define POPGATE_MAILDROP_H

#include "common/base/err.h"
#include "pop3d/uidl.h"

#define MAILDROP_SLICE_MS 20

struct maildrop;
struct snapshot; /* what a scan found, for sessions that come later; immutable */

struct maildrop_place {
	const char *path; /* the Maildir */
	const char *spare_dir; /* where lock and sizes lie if nothing can be written in path; to be
				  there for as long as the maildrop, while the others are copied */
	enum uidl_format uidl;
	const char *sid; /* of the session, for log lines; NULL for none */
};

/* Opens and locks it: ERR_BUSY if another session has it. Blocks, but reads no directory. Whoever is refused
 * for other reasons than ERR_BUSY may try again. */
MUST_USE enum err maildrop_open(struct maildrop **out, const struct maildrop_place *place);

/* The same, but ERR_LIMIT if the session before began less than delay_ms ago (RFC 2449 6.5); a try that is
 * refused is no session. */
MUST_USE enum err maildrop_open_after(
	struct maildrop **out, const struct maildrop_place *place, int64_t delay_ms);

/* Opens it to look only: takes no lock, writes nothing, takes a size cache of the Maildir's owner. */
MUST_USE enum err maildrop_look(struct maildrop **out, const struct maildrop_place *place);

/* Frees it and gives the lock up; writes nothing. Takes NULL. */
void maildrop_close(struct maildrop **m);

/* Takes the snapshot: names, order, sizes. Blocks for a slice; *more: to be called again. Messages are there
 * when it has said ERR_NONE without more. ERR_NOMEM, ERR_IO, ERR_DENIED: for good. */
MUST_USE enum err maildrop_scan(struct maildrop *m, bool *more);

/* A copy of what was found in the Maildir, of size *octets, for maildrop_open_now(); once. Short. NULL: there was no
 * memory, or it would not do for another session: no local file system, a directory that is missing or changed while
 * it was scanned or in the two seconds before, something that lies in the spare directory, more than SNAPSHOT_MAX
 * messages, one whose size was not counted, whose unique-id is not its name's, or that has a twin. */
#define SNAPSHOT_MAX 200
struct snapshot *maildrop_snapshot(struct maildrop *m, size_t *octets);
void snapshot_free(struct snapshot *s); /* takes NULL */

/* As maildrop_open() and maildrop_scan() to its end, without waiting for a disk, for a caller that is no job: if all it
 * takes is in the kernel's caches, and the directories are as they were for s, which is borrowed for the call. False:
 * nothing has happened, and maildrop_open() will tell more. */
MUST_USE bool maildrop_open_now(
	struct maildrop **out, const struct maildrop_place *place, const struct snapshot *s);

/* How many messages there are; of each its octets as sent, without doubled dots, its unique-id, which is
 * unique within the maildrop and has 1 to UIDL_MAX octets, and its file, "new/NAME". Texts are borrowed until
 * the next call. Short. */
size_t maildrop_count(const struct maildrop *m);
uint64_t maildrop_octets(const struct maildrop *m, size_t i);
const char *maildrop_uidl(struct maildrop *m, size_t i);
const char *maildrop_file(struct maildrop *m, size_t i);

/* The octets of a file from offset on, which is 0 or where the last call ended: up to size of them, *n, and
 * *last with the piece that ends it. Blocks. No octet and not *last: its size is being made sure of; call
 * again with the same. ERR_ABSENT: it is no longer there. ERR_DAMAGED: what is there is not what was
 * announced; if offset was 0, its right size is announced from now on. */
MUST_USE enum err maildrop_read(struct maildrop *m, size_t i, uint64_t offset, char *dst,
	size_t size, size_t *n, bool *last);

/* The same without blocking, for a caller that is no job: if the kernel has the file's name and its octets in its
 * caches, and nothing is to be found out or put right. Else ERR_BUSY, and as little has happened as if it had not
 * been asked. */
MUST_USE enum err maildrop_read_now(struct maildrop *m, size_t i, uint64_t offset, char *dst,
	size_t size, size_t *n, bool *last);

/* Deletes each message whose place in doomed is true and takes it off the quota; one that is gone already
 * counts as deleted. Blocks for as long as it takes. Returns how many stayed. */
size_t maildrop_delete(struct maildrop *m, const bool *doomed);

#endif
