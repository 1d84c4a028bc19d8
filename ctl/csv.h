/* csv.h - a cell of a CSV file (RFC 4180), for spreadsheets and mail merges. Pure. */
#ifndef POPGATE_CSV_H
#define POPGATE_CSV_H

#include "common/base/buf.h"

/* Adds a cell, and before it a comma unless it is the first of its line. A text that a spreadsheet would take for
 * a formula (it begins with = + - @ or a tab) gets an apostrophe in front: clients choose their names. So does what
 * stands behind a semicolon in it, which parts cells where the comma is that of decimals. */
void csv_cell(struct buf *out, bool first, struct str text);
void csv_number(struct buf *out, bool first, int64_t number);

/* CRLF. */
void csv_end(struct buf *out);

#endif
