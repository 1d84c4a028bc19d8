/* quota.h - lines of maildirsize, the quota file of Maildir++ (its specification is Courier's
 * README.maildirquota). Pure.
 *
 * Its first line says the quota, as in "1000000S,1000C"; each line behind it adds octets and messages to
 * what is used, so what was deleted is a line of two negative numbers. Whoever adds to a Maildir sums it
 * up anew from time to time; one who only deletes need not. */
#ifndef POPGATE_QUOTA_H
#define POPGATE_QUOTA_H

#include "common/base/str.h"

#define QUOTA_LINE_MAX 64 /* octets that quota_line() may take, with its NUL */

/* Does a file that begins with these octets (64 of them are enough) hold a quota? */
bool quota_begins(struct str bytes);

/* The line that takes them off: into dst of QUOTA_LINE_MAX octets. Returns it. */
struct str quota_line(uint64_t octets, uint64_t messages, char *dst);

#endif
