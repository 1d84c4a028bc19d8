/* screen.h - what standard output is: a terminal of some width, or a pipe that wants plain text. */
#ifndef POPGATE_CTL_SCREEN_H
#define POPGATE_CTL_SCREEN_H

#include <stdio.h>

#include "common/base/str.h"

struct screen {
	bool terminal;
	bool colour; /* a terminal that knows it, and no NO_COLOR */
	bool ascii; /* the locale has no UTF-8 */
	size_t width; /* columns; of a terminal */
};

/* Asked anew each time: a window can be resized. */
struct screen screen_look(void);

enum tint {
	TINT_NONE,
	TINT_HEAD,
	TINT_DIM,
	TINT_GOOD,
	TINT_BAD,
	TINT_ODD,
};

/* Begins and, with TINT_NONE, ends a colour on standard output; nothing where there is none. */
void screen_tint(enum tint tint);

/* Writes text in lines of no more than width columns, broken at blanks; all but the first behind indent
 * blanks. */
void screen_wrap(FILE *to, const char *text, size_t indent, size_t width);

/* The same for a page that text begins at column indent of: to has the width of its terminal, or none. */
void screen_wrap_page(FILE *to, const char *text, size_t indent);

/* Of work that takes long: a line on standard error, if that is a terminal, after half a second. */
struct progress {
	const char *what; /* "reading the window" */
	int64_t since_ms, said_ms; /* steady clock */
};
struct progress progress_begin(const char *what);
void progress_at(struct progress *p, uint64_t done, uint64_t all); /* all 0: not known */
void progress_end(struct progress *p); /* wipes the line */

/* Of one call that may take long and cannot be asked how far it is: what, a literal, is said after half a second,
 * by a signal (SIGALRM). One at a time. */
void patience_begin(const char *what);
void patience_end(void);

#endif
