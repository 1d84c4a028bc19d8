/* sizes.h - the size cache: what is stored of a maildrop's messages, so that none is read twice. Pure.
 *
 *	"PGSIZES" version | entry ... | count 4 | crc32c 4
 *	entry: shared 1, rest 1, rest octets of the name, octets (7 bits a byte), stamp 4
 *
 * Numbers are little-endian. An entry's name is the unique part of the file's (mailname.h): its first
 * 'shared' octets are those of the entry before. The stamp tells whether the file is still the one that
 * was read. A cache is believed whole or not at all. */
#ifndef POPGATE_SIZES_H
#define POPGATE_SIZES_H

#include "common/base/buf.h"
#include "pop3d/mailname.h"

#define SIZES_FILE_MAX (64 << 20) /* octets of a cache */

struct size_entry {
	struct str unique; /* 1 to MAILNAME_MAX octets; borrowed */
	uint64_t octets; /* on the wire */
	uint32_t stamp;
};

/* What a file is known by: its length and the time it was last written. */
uint32_t sizes_stamp(uint64_t size, int64_t mtime_s, int64_t mtime_ns);

struct sizes_out {
	struct buf *out; /* borrowed; empty at first */
	char last[MAILNAME_MAX]; /* the name before */
	size_t last_n;
	uint32_t count;
};
void sizes_begin(struct sizes_out *s, struct buf *out);
void sizes_add(struct sizes_out *s, struct size_entry e);
void sizes_end(struct sizes_out *s); /* out->broken: it did not fit */

struct sizes_in {
	struct str rest; /* entries not read yet; borrowed */
	char name[MAILNAME_MAX];
	size_t name_n;
	uint32_t left;
	bool bad; /* an entry that cannot be: all that came before is not to be used either */
};

/* False for what is no cache of this version, or a damaged one. */
MUST_USE bool sizes_open(struct sizes_in *s, struct str bytes);

/* The next entry; its name is valid until the next call. False at the end, and then s->bad is to be asked. */
MUST_USE bool sizes_next(struct sizes_in *s, struct size_entry *e);

#endif
