/* uidl.h - unique-ids of messages, as this server names them and as others did. Pure.
 *
 * A client knows by its unique-id what it has fetched already, so that of a message must not change when
 * another server takes over: the lists that Dovecot and Courier keep in a Maildir are read here. What
 * such a list does not name gets the id that its file's name gives. */
#ifndef POPGATE_UIDL_H
#define POPGATE_UIDL_H

#include "common/base/str.h"

#define UIDL_MAX 70 /* octets, RFC 1939 7 */
#define UIDL_DIGEST 40 /* hexadecimal digits of one that is a digest */
#define UIDL_FILE_MAX (64 << 20) /* octets of a list */

enum uidl_format { /* in the order of the words of uidl_format in popgate.conf(5) */
	UIDL_FILENAME, /* the unique part of the file's name: qmail, and Dovecot's %f */
	UIDL_DOVECOT, /* dovecot-uidlist, and Dovecot's %08Xu%08Xv */
	UIDL_COURIER, /* courierpop3dsizelist */
	UIDL_MD5, /* of the unique part: Dovecot's %Mf */
};

/* The list that a format reads, its name in the Maildir; NULL for a format without one. */
const char *uidl_file(enum uidl_format f);

/* Can this stand as a unique-id: 1 to 70 octets of 0x21 to 0x7E? */
bool uidl_fits(struct str s);

/* The id that the unique part of a name gives: itself, or a digest of it, for what could be none, and for
 * what looks like such a digest. So two names never have one id. Into dst of UIDL_MAX + 1 octets. */
void uidl_of_name(struct str unique, char *dst);

/* Another id for the same name, salted, for where the first is taken. */
void uidl_salted(struct str unique, uint64_t salt, char *dst);

/* Its MD5 in hexadecimal. */
void uidl_md5(struct str unique, char *dst);

struct uidl_list;

/* Reads a list of UIDL_DOVECOT or UIDL_COURIER; borrows bytes until it is closed. ERR_SYNTAX: it is none.
 * Lines that are none are passed over; of two lines for one name the last counts. */
MUST_USE enum err uidl_list_open(struct uidl_list **out, enum uidl_format f, struct str bytes);
void uidl_list_close(struct uidl_list **l);

/* The id of the message with that unique part, into dst of UIDL_MAX + 1 octets, and where the other server
 * placed it: messages with lower ranks come first, those with equal ones by their age. False, rank
 * UINT64_MAX: not in the list. */
bool uidl_list_find(const struct uidl_list *l, struct str unique, char *dst, uint64_t *rank);

#endif
