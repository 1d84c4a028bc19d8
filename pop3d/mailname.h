/* mailname.h - what the name of a file in a Maildir says. Pure.
 *
 *	unique[,S=octets][,W=octets][:2,flags]
 *
 * The unique part stays for the life of a message, whoever moves it from new to cur or changes its
 * flags (https://cr.yp.to/proto/maildir.html); S and W are Dovecot's and Maildir++'s: the size of the
 * file and the size on the wire. */
#ifndef POPGATE_MAILNAME_H
#define POPGATE_MAILNAME_H

#include "common/base/str.h"

#define UIDL_MAX 70 /* octets, RFC 1939 7 */

struct mailname {
	struct str unique; /* all before ':' ; borrowed */
	uint64_t time; /* the digits it begins with, seconds since 1970; 0 without */
	bool has_wire_size;
	uint64_t wire_size; /* of W= */
};

/* False for a name that is no message's: empty, or beginning with a dot. */
MUST_USE bool mailname_read(struct str name, struct mailname *out);

/* Can the unique part be a unique-id as it is: 1 to 70 octets of 0x21 to 0x7E? */
bool mailname_is_uidl(struct str unique);

#endif
