/* comments.h - the comments of popgate.conf, taken out before libConfuse reads it.
 *
 * libConfuse 3.3 counts the line of a comment more than once, so that every complaint behind one named a
 * wrong line, and takes no comment within a list. */
#ifndef POPGATE_COMMENTS_H
#define POPGATE_COMMENTS_H

#include <stddef.h>

/* Makes blanks of every comment in p[0..n): from # or // to the end of its line, and between the marks of
 * C. What is quoted is none, nor // within a word, as in maildir:/a//b. No line end goes away; a comment of
 * C without an end stays for libConfuse to judge. */
void comments_blank(char *p, size_t n);

#endif
