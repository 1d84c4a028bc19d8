/* mailquota.h - the quota of a Maildir++: what maildirsize says (its specification is Courier's
 * README.maildirquota), and how it is kept by whoever adds a message.
 *
 * Its first line says what may be used, as in "1000000S,1000C"; each line behind it adds octets and
 * messages to what is used. A Maildir without that file has no quota. */
#ifndef POPGATE_MAILQUOTA_H
#define POPGATE_MAILQUOTA_H

#include "common/base/str.h"

struct mailquota {
	uint64_t octets_max, messages_max; /* 0: no such limit */
	int64_t octets, messages; /* used; deletions may have made it negative */
};

/* Pure: reads all that such a file holds. False, and *out untouched, if it does not begin with a quota; a
 * line that cannot be read adds nothing. */
MUST_USE bool mailquota_read(struct str file, struct mailquota *out);

/* Pure: is there room for one more message of so many octets? */
bool mailquota_fits(const struct mailquota *q, uint64_t octets);

/* ERR_QUOTA if the Maildir that is open as maildir has no room for one more message of so many octets. What
 * is there is summed up anew before that is said, and when the file has grown long. Blocks. */
MUST_USE enum err mailquota_check(int maildir, uint64_t octets);

/* So much came, or (negative) went. Blocks. */
void mailquota_add(int maildir, int64_t octets, int messages);

#endif
