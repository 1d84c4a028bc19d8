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

#define MAILNAME_MAX 255 /* octets of a file's name, NAME_MAX of Linux */

struct mailname {
	struct str unique; /* all before ':' ; borrowed */
	uint64_t time; /* the digits it begins with, seconds since 1970; 0 without */
	bool has_wire_size, has_file_size;
	uint64_t wire_size; /* of W= */
	uint64_t file_size; /* of S= */
	bool trashed; /* flag T: such a message is in no Maildir++ quota */
};

/* False for a name that is no message's: empty, longer than MAILNAME_MAX, or beginning with a dot. A W=
 * that cannot be true of a file of S= octets (each line's end grows by one octet at most, and the last
 * line's by two) is taken for none. */
MUST_USE bool mailname_read(struct str name, struct mailname *out);

/* The order of messages: by time, then by the octets of the unique part. */
int mailname_compare(uint64_t time_a, struct str a, uint64_t time_b, struct str b);

#endif
