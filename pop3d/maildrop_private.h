/* maildrop_private.h - between the files of the maildrop: maildrop.c opens, maillock.c locks, mailscan.c takes
 * the snapshot, mailids.c names its messages, mailsizes.c keeps the size cache, snapshot.c makes a copy of it all,
 * mailread.c reads, maildelete.c deletes. */
#ifndef POPGATE_MAILDROP_PRIVATE_H
#define POPGATE_MAILDROP_PRIVATE_H

#include <dirent.h>
#include <sys/stat.h>

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/line/dot.h"
#include "pop3d/maildrop.h"
#include "pop3d/sizes.h"

#define SETTLED_S \
	2 /* a directory that was changed later than this may be changed again unnoticed */

enum place {
	IN_NEW,
	IN_CUR
};

struct file {
	char *name; /* as it stands in its directory; in the drop's chunks, or own */
	char *uidl; /* owned; NULL where the name gives it */
	uint64_t time; /* sorts by it, then by the unique part */
	uint64_t rank; /* sorts by it before, in another server's list */
	uint64_t octets;
	uint64_t inode; /* tells twins apart */
	uint32_t stamp; /* of the file that octets were counted of */
	uint16_t unique_n; /* octets of name that are its unique part */
	uint8_t place; /* enum place */
	bool sized; /* octets are to be announced */
	bool sure; /* they were counted, in the file that stamp tells */
	bool twin; /* another file has the same unique part */
	bool gone; /* was not there when the directories were last read */
	bool own_name; /* name is on the heap for itself */
};

/* Names, many to a block, each block twice the one before: most maildrops are small, some have thousands. */
struct chunk {
	struct chunk *before;
	size_t used, size; /* octets of text */
	char text[];
};

struct version { /* of a file: it is another one when it was written to */
	uint64_t size;
	struct timespec modified;
};

/* A file whose octets are being counted. */
struct count {
	int fd; /* owned; -1 */
	struct version before; /* when it was opened */
	struct dot_out dot;
	uint64_t offset, octets;
	unsigned tries;
};

/* Of the directories of a Maildir: while they stay as they are, so does what a scan finds. Times are nanoseconds since
 * 1970, modulo 2^64: to be compared with their like. */
struct state {
	struct dir_state {
		uint64_t device, inode, modified, changed;
	} dirs[3]; /* itself, in which the size cache is renamed; new; cur */
};

enum scan {
	SCAN_NEW,
	SCAN_CUR,
	SCAN_ORDER,
	SCAN_CACHE,
	SCAN_SIZES,
	SCAN_NAMES,
	SCAN_DONE,
};

struct maildrop {
	const char *path, *sid; /* in text; sid NULL for none */
	const char *spare_dir; /* borrowed */
	enum uidl_format format;
	bool look; /* writes nothing */
	bool absent; /* there is no Maildir */
	bool local; /* its file system can be asked for what is in its caches, without waiting */
	const struct snapshot
		*now; /* borrowed; not NULL while it is being opened without waiting, with nothing
				       made, tried elsewhere or logged */
	bool spare; /* lock or sizes lie in the spare directory */
	int root; /* the Maildir, O_PATH; -1 */
	int dirs[2]; /* new and cur; -1 where there is none */
	int lock; /* held while open */

	struct state *found; /* owned; before it was scanned; NULL: another change might not show */
	struct file *files; /* owned; by age until SCAN_NAMES, by rank and age behind it */
	size_t n, cap;
	struct chunk *chunks; /* owned; the newest first */
	struct file **by_age; /* owned; NULL where files are in that order */
	struct timespec
		listed[2]; /* when the directories were changed last before they were read again */
	bool settled; /* and had been for long enough to tell */

	enum scan scan;
	size_t at; /* of files, while sizes are found out */
	bool check_sizes; /* W= is not believed unread */
	size_t unreadable; /* left out */

	struct count count; /* of files[at], or of the one that is read next */
	size_t unsaved, saved; /* counted, and not in the cache; entries in the cache */
	uint64_t unsaved_octets;

	int fd; /* of the message that is being read; -1 */
	size_t reading;
	struct version opened; /* it, when it was opened */
	struct dot_out reading_dot;
	uint64_t read_offset,
		read_octets; /* of the file given out, and what they make on the wire */

	char *file_text; /* owned; that maildrop_file() gave last */
	char uidl_text[UIDL_MAX + 1]; /* and maildrop_uidl() */
	char text[];
};

static inline struct str unique_of(const struct file *f)
{
	return (struct str){ f->name, f->unique_n };
}

static inline struct file *nth_by_age(const struct maildrop *m, size_t i)
{
	return m->by_age != NULL ? m->by_age[i] : &m->files[i];
}

static inline uint32_t stamp_of(const struct version *v)
{
	return sizes_stamp(v->size, v->modified.tv_sec, v->modified.tv_nsec);
}

static inline bool same_version(const struct version *a, const struct version *b)
{
	return a->size == b->size && a->modified.tv_sec == b->modified.tv_sec &&
		a->modified.tv_nsec == b->modified.tv_nsec;
}

/* Begins a log line with the session and the Maildir in it. */
void maildrop_log(
	struct log_line *l, enum log_level level, const char *event, const struct maildrop *m);
void close_if_open(int *fd); /* and sets it to -1 */

/* What files of this maildrop are called in the spare directory; dst, which it returns, has UIDL_MAX + 1 octets. */
const char *spare_digest(const struct maildrop *m, char *dst);

/* The path of one of them: directory, digest and suffix. dst has 4200 octets. */
void spare_path(const struct maildrop *m, const char *suffix, char *dst);

/* Frees what a file has for itself. */
void file_free(struct file *f);

/* What openat(2) does, waiting for nothing: -1 with EAGAIN for what is not in the caches of the kernel. */
int open_cached(int dir, const char *name, int flags);

/* One of them, as m is being opened; makes nothing. */
int open_below(const struct maildrop *m, int dir, const char *name, int flags);

/* maillock.c: as maildrop_open_after() says. A lock that was taken goes with m. */
MUST_USE enum err lock(struct maildrop *m, int64_t delay_ms);

/* snapshot.c: */

/* How the directories of m, which was just opened, are now, in m->found; if all are there, on one
 * file system, and none has changed lately. */
void note_state(struct maildrop *m);

/* spare_digest() of the maildrop it was made of. */
const char *snapshot_digest(const struct snapshot *s);

/* Is this the i-th of them, as it was for s? */
bool snapshot_fits(const struct snapshot *s, int i, int dir);

/* Gives what s has to m, all of whose directories fit. False without memory. */
MUST_USE bool snapshot_give(const struct snapshot *s, struct maildrop *m);

/* maillist.c: new or cur, which a scan finds just opened, from where the last call ended, some hundred entries a
 * call: take() has each that is a regular file, and its failure ends the call. *end: there was none any more.
 * list_rewind(): from the start again. */
typedef enum err list_entry(struct maildrop *m, const struct dirent *d, enum place place);
MUST_USE enum err list_rewind(const struct maildrop *m, enum place place);
MUST_USE enum err list_next(struct maildrop *m, enum place place, list_entry *take, bool *end);

/* mailscan.c: */

/* What its name alone says: the unique part, time, and size if there is a W=. */
void file_read_name(struct file *f);

/* mailorder.c: the order of files, for qsort(): by time, then by the unique part. */
int by_age(const void *a, const void *b);

/* Puts files in it. False without memory. */
MUST_USE bool put_by_age(struct maildrop *m);

/* mailids.c: names all files, which are in the order of age; the last step of a scan. */
MUST_USE enum err find_names(struct maildrop *m, int64_t until_ms);

/* mailsizes.c: */

/* The whole of a regular file in the Maildir into bytes, no more than its limit. ERR_ABSENT: there is none, or
 * no regular one; *st is set on ERR_NONE. */
MUST_USE enum err read_whole(int dir, const char *name, struct buf *bytes, struct stat *st);

/* Takes what the cache knows of files, which are in the order of age. */
void sizes_load(struct maildrop *m);

/* Writes the cache anew, if that is worth it or must be. */
void sizes_save(struct maildrop *m, bool must);

/* Is it worth that? */
bool sizes_due(const struct maildrop *m);

/* mailread.c: */

/* Finds out where all files are now. False: that could not be found out. */
bool find_all_again(struct maildrop *m);

/* Closes what is open of the message that is being read. */
void stop_reading(struct maildrop *m);

/* False if it is no regular file. */
bool version_of(int fd, struct version *out);

/* Opens a message, wherever it has gone; -1 with errno. */
int open_message(struct maildrop *m, struct file *f, struct version *v);

/* Counts octets of c until the end of the file or until_ms (steady clock). *done: all are counted, and the file
 * was the same before and after. ERR_DAMAGED: it keeps changing. */
MUST_USE enum err count_some(struct count *c, int64_t until_ms, bool *done);

/* A file's size was found by reading it all. */
void learn(struct maildrop *m, struct file *f, const struct count *c);

#endif
