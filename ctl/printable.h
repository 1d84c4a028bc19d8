/* printable.h - text that came from elsewhere (a client, a file's name), made fit to be shown. Pure, but that
 * how wide a character is comes from the locale's tables. */
#ifndef POPGATE_CTL_PRINTABLE_H
#define POPGATE_CTL_PRINTABLE_H

#include "common/base/str.h"

/* Octets that a copy of n octets may take, with its NUL. */
#define PRINTABLE_MAX(n) (4 * (n) + 1)

/* Copies s with \xNN for each octet that is part of no character of UTF-8, or of one that a terminal would
 * obey instead of showing: controls (C0, DEL, C1), line ends of Unicode, marks that turn the direction of
 * text around. With ascii, for each octet beyond ASCII. dst ends in NUL; what does not fit size is left
 * out, a character at a time. Returns how many octets it took. */
size_t printable(struct str s, bool ascii, char *dst, size_t size);

/* How many columns of a terminal it takes; what printable() made. */
size_t printable_width(const char *text);

/* The longest beginning of text that takes no more than columns: its octets, and in *columns its width. */
size_t printable_fit(const char *text, size_t *columns);

#endif
