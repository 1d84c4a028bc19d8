/* table.h - rows for people and for programs: aligned columns, or one JSON object a line.
 *
 * In a pipe nothing is left out. On a terminal that is too narrow, in this order: optional columns go, long
 * texts are cut short (".."), the last text is wrapped, and at last each row becomes a block of lines. */
#ifndef POPGATE_CTL_TABLE_H
#define POPGATE_CTL_TABLE_H

#include "common/base/str.h"

#define TABLE_COLUMNS 20

struct table;

/* heads ends in NULL and is borrowed; its words in lower case with '_' are the keys of JSON. */
struct table *table_new(const char *const *heads, bool json);

/* The columns that may be left out on a narrow terminal, the first one first; borrowed, ends in NULL. */
void table_optional(struct table *t, const char *const *names);

/* A cell of the row under way; the row is done with the last column. What a terminal would obey is shown
 * instead (printable.h). */
void table_text(struct table *t, const char *text);
void table_number(struct table *t, int64_t number);

void table_none(struct table *t); /* "-", and null */

/* A time: as table_time() has it, but of today's the time of day is enough on a terminal; JSON has ISO 8601. */
void table_moment(struct table *t, int64_t ms, bool iso);

/* Prints what is left and frees it. */
void table_end(struct table *t);

/* A time as people read it: local, or UTC in ISO 8601. dst has 40 octets. Returns dst. */
char *table_time(int64_t ms, bool iso, char *dst);

/* "12m", "3h 20m", "ended": how far away ms is. dst has 40 octets. Returns dst. */
char *table_left(int64_t ms, char *dst);

#endif
