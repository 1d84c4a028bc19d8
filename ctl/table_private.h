/* table_private.h - a table between table.c, which fills it, and table_print.c, which puts it on the page. */
#ifndef POPGATE_CTL_TABLE_PRIVATE_H
#define POPGATE_CTL_TABLE_PRIVATE_H

#include <jansson.h>

#include "ctl/screen.h"
#include "ctl/table.h"

struct table {
	const char *const *heads, *const *optional; /* borrowed */
	struct screen screen;
	size_t columns, at; /* at: of the row under way */
	bool json;
	json_t *object; /* JSON: the row under way */
	char **cells; /* owned: all rows so far */
	bool right[TABLE_COLUMNS]; /* numbers stand to the right */
	size_t n, cap;
};

/* All rows, as wide as the page allows. */
void table_print(const struct table *t);

#endif
