/* table.h - rows for people and for programs: aligned columns, or one JSON object a line. */
#ifndef POPGATE_CTL_TABLE_H
#define POPGATE_CTL_TABLE_H

#include "common/base/str.h"

#define TABLE_COLUMNS 10

struct table;

/* heads ends in NULL and is borrowed; its words in lower case with '_' are the keys of JSON. */
struct table *table_new(const char *const *heads, bool json);

/* A cell of the row under way; the row is done with the last column. JSON: digits alone become a number
 * where number is set. */
void table_text(struct table *t, const char *text);
void table_number(struct table *t, int64_t number);

/* Prints what is left and frees it. */
void table_end(struct table *t);

/* A time as people read it: local, or UTC in ISO 8601. dst has 40 octets. Returns dst. */
char *table_time(int64_t ms, bool iso, char *dst);

/* "12m", "3h 20m", "expired": how far away ms is. dst has 40 octets. Returns dst. */
char *table_left(int64_t ms, char *dst);

#endif
