/* buf.h - octets waiting: appended at the tail, taken from the head, never more than a limit.
 *
 * An idle connection owns no memory here: an empty buffer gives its block back. Appending beyond
 * the limit (or without memory) appends nothing and marks the buffer broken; whoever drives it asks
 * once, instead of every writer asking each time. Broken stays broken until buf_free(). */
#ifndef POPGATE_BUF_H
#define POPGATE_BUF_H

#include "common/base/str.h"

struct buf {
	char *p; /* owned; NULL while empty and trimmed */
	uint32_t head, len, cap; /* octets: taken already, still waiting behind head, size of p */
	uint32_t
		max; /* len never exceeds it; of 32 bits, for an idle connection has seven buffers */
	uint32_t used; /* octets of p that were ever written: what there is to wipe */
	bool broken;
};

void buf_init(struct buf *b, size_t max); /* max: 2 GB at most */

/* Wipes what was held (it may be a password) and frees it; b is empty and whole again. */
void buf_free(struct buf *b);

/* What waits, valid until b is next changed. */
static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p != NULL ? b->p + b->head : "", b->len };
}

/* How many octets can still be added. */
static inline size_t buf_room(const struct buf *b)
{
	return b->broken ? 0 : b->max - b->len;
}

void buf_add(struct buf *b, struct str s);
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);

/* Adds a line and its CRLF. */
void buf_line(struct buf *b, struct str s);

/* Makes room for up to n octets behind the tail and returns where they go, NULL if that is over the
 * limit; buf_grew() then says how many were written there. Others are not wiped. */
char *buf_reserve(struct buf *b, size_t n);
void buf_grew(struct buf *b, size_t n);

/* Drops the first n octets, n no more than len. */
void buf_take(struct buf *b, size_t n);

/* Keeps the first n octets, n no more than len. */
void buf_cut(struct buf *b, size_t n);

/* Drops everything. */
void buf_clear(struct buf *b);

/* Moves everything of from to the end of to (cheap when to is empty); from is empty afterwards. */
void buf_move(struct buf *to, struct buf *from);

/* Gives the block back if nothing waits in it. */
void buf_trim(struct buf *b);

#endif
