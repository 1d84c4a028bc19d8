/* str.h - a pointer and a length: octets borrowed from somebody's buffer, never stored.
 *
 * A str need not end in NUL and may hold any octet. What must outlive the buffer is copied. */
#ifndef POPGATE_STR_H
#define POPGATE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/err.h"

struct str {
	const char *p;
	size_t n;
};

/* A literal as a str, its length known at compile time. */
#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })

static inline struct str str_of(const char *c)
{
	return (struct str){ c, strlen(c) };
}

/* The first n octets; n must not exceed s.n. */
static inline struct str str_first(struct str s, size_t n)
{
	return (struct str){ s.p, n };
}

/* All from octet n on; n must not exceed s.n. */
static inline struct str str_from(struct str s, size_t n)
{
	return (struct str){ s.p + n, s.n - n };
}

bool str_eq(struct str a, struct str b);

/* ASCII letters alike in either case; every other octet as it is, whatever the locale. */
bool str_eq_nocase(struct str a, struct str b);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Where c stands in s, or s.n if nowhere. */
size_t str_find(struct str s, char c);

/* s without the blanks (space, tab) at both ends. */
struct str str_trim(struct str s);

/* Cuts s at the first c: *head is what stands before it, *tail what stands behind. Without a c,
 * false, *head is all of s and *tail is empty. */
bool str_split(struct str s, char c, struct str *head, struct str *tail);

/* Decimal digits only, at least one, nothing else, no more than max. *out is set only on true. */
MUST_USE bool str_to_u64(struct str s, uint64_t max, uint64_t *out);

/* Copies s and a NUL into dst of size octets. False, and dst is "", if it does not fit or s holds
 * a NUL: a name must never be cut short silently. */
MUST_USE bool str_to_cstr(struct str s, char *dst, size_t size);

/* A heap copy with a NUL behind it, the caller's to free(); NULL without memory. */
char *str_dup(struct str s);

/* An ASCII lower-case letter for an upper-case one; any other octet itself. */
static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_alnum(char c)
{
	return ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

#endif
