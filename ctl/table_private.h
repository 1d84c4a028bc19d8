/* table_private.h - a table between table.c, which fills it, and table_print.c, which puts it on the page. */
#ifndef POPGATE_CTL_TABLE_PRIVATE_H
#define POPGATE_CTL_TABLE_PRIVATE_H

#include <jansson.h>

#include "ctl/screen.h"
#include "ctl/table.h"

#define TABLE_ROWS \
	10000 /* kept at a time: the next ones are put on the page as the first ones were */

struct layout { /* how the rows are put on the page */
	size_t widths[TABLE_COLUMNS];
	bool hidden[TABLE_COLUMNS];
	size_t hidden_n;
	size_t page; /* columns of the terminal; 0: a pipe, nothing is cut */
	bool blocks; /* a block of lines for each row */
};

struct table {
	const char *const *heads, *const *optional; /* borrowed */
	struct screen screen;
	size_t columns, at; /* at: of the row under way */
	bool json;
	json_t *object; /* JSON: the row under way */
	char **cells; /* owned: the rows that are not printed yet */
	bool right[TABLE_COLUMNS]; /* numbers stand to the right */
	size_t n, cap;
	bool begun; /* some are printed */
	struct layout layout; /* since then */
};

/* The rows that are there, as wide as the page allows; the first time with their heads. */
void table_print(struct table *t);

/* Below the last one: what had no room. */
void table_print_end(const struct table *t);

#endif
