/* buf.c - see buf.h. Grows by doubling up to its limit, closes the gap at the head only when it has to. */
#include "common/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SMALLEST 256
#define MAX (UINT32_C(1) << 31) /* so that doubling never overflows cap */

void buf_init(struct buf *b, size_t max)
{
	assert(max <= MAX);
	*b = (struct buf){ .max = (uint32_t)max };
}

static void wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->used);
	free(b->p);
	b->p = NULL;
	b->used = 0;
}

static void release(struct buf *b)
{
	wipe(b);
	b->head = b->len = b->cap = 0;
}

void buf_free(struct buf *b)
{
	release(b);
	b->broken = false;
}

/* A new block, not realloc(): the old one may hold a password and has to be wiped. */
static bool grow(struct buf *b, size_t need)
{
	size_t cap = b->cap > 0 ? b->cap : SMALLEST;
	char *p;

	while (cap < need)
		cap *= 2;
	if (cap > b->max)
		cap = b->max; /* 68 kB, where 128 would be mapped and unmapped each time */
	p = malloc(cap);
	if (p == NULL)
		return false;
	if (b->p != NULL)
		memcpy(p, b->p + b->head, b->len);
	wipe(b);
	b->p = p;
	b->used = b->len;
	b->cap = (uint32_t)cap;
	b->head = 0;
	return true;
}

char *buf_reserve(struct buf *b, size_t n)
{
	if (n > buf_room(b))
		return NULL;
	if (b->head + b->len + n > b->cap) {
		if (b->len + n > b->cap) {
			if (!grow(b, b->len + n))
				return NULL;
		} else {
			memmove(b->p, b->p + b->head, b->len);
			b->head = 0;
		}
	}
	return b->p + b->head + b->len;
}

void buf_grew(struct buf *b, size_t n)
{
	assert(b->head + b->len + n <= b->cap);
	b->len += (uint32_t)n;
	if (b->used < b->head + b->len)
		b->used = b->head + b->len;
}

void buf_add(struct buf *b, struct str s)
{
	char *at;

	if (s.n == 0)
		return;
	at = buf_reserve(b, s.n);
	if (at == NULL) {
		b->broken = true;
		return;
	}
	memcpy(at, s.p, s.n);
	buf_grew(b, s.n);
}

void buf_printf(struct buf *b, const char *format, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(text))
		b->broken = true;
	else
		buf_add(b, (struct str){ text, (size_t)n });
}

void buf_line(struct buf *b, struct str s)
{
	buf_add(b, s);
	buf_add(b, STR("\r\n"));
}

void buf_take(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->head += (uint32_t)n;
	b->len -= (uint32_t)n;
	if (b->len == 0)
		b->head = 0;
}

void buf_cut(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->len = (uint32_t)n;
}

void buf_clear(struct buf *b)
{
	buf_take(b, b->len);
}

void buf_move(struct buf *to, struct buf *from)
{
	if (to->len == 0 && from->len <= to->max && !to->broken) {
		struct buf old = *to;

		to->p = from->p;
		to->head = from->head;
		to->len = from->len;
		to->cap = from->cap;
		to->used = from->used;
		from->p = old.p;
		from->cap = old.cap;
		from->used = old.used;
		from->head = from->len = 0;
		return;
	}
	buf_add(to, buf_str(from));
	buf_clear(from);
}

void buf_trim(struct buf *b)
{
	if (b->len == 0)
		release(b);
}
