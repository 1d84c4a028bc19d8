/* passwdfile.h - an account file in memory, read once and never changed.
 *
 *	name:{SCHEME}hash:uid:gid:gecos:home:shell:extra
 *
 * as Dovecot's passwd-file has it. Only name, password and extra mean something here; extra holds words:
 * addresses=a@example.net,b@example.net (what the subscriber may call their own), group=a,b (what the
 * operator sorts them by) and disabled. Empty
 * lines and lines that begin with # are skipped. A line that cannot be read is left out and logged. */
#ifndef POPGATE_PASSWDFILE_H
#define POPGATE_PASSWDFILE_H

#include "common/base/subscriber.h"
#include "common/users/hash.h"

#define PASSWDFILE_LINE_MAX 8192 /* octets */

struct passwd_line { /* borrowed from the line */
	struct str name, password, addresses, groups;
	bool disabled;
};

/* Takes a line (without its end) apart. False for one that is no account: no name, no colon, too
 * long, control octets. */
MUST_USE bool passwd_line_read(struct str line, struct passwd_line *out);

struct passwdfile; /* immutable: may be read from any thread */

struct passwd_account {
	struct subscriber who;
	struct str stored; /* borrowed from the file until passwdfile_close() */
	struct str groups; /* likewise: "a,b"; empty for none */
	bool disabled;
	uint32_t nth; /* of its file: passwdfile_nth() */
};

/* Reads path. ERR_ABSENT, ERR_DENIED, ERR_IO, ERR_LIMIT (over 1 GB). Meant for a pool job. */
MUST_USE enum err passwdfile_open(
	struct passwdfile **out, const char *path, struct str default_domain);
void passwdfile_close(struct passwdfile **f);

size_t passwdfile_accounts(const struct passwdfile *f);

/* The account of exactly that name. */
MUST_USE bool passwdfile_find(
	const struct passwdfile *f, const struct subscriber *who, struct passwd_account *out);

/* Whose address it is: an account's own name or one of its addresses=. */
MUST_USE bool passwdfile_owner(
	const struct passwdfile *f, const struct subscriber *address, struct subscriber *owner);

/* Is address one of addresses= of the account of that name? Several accounts may list the same one; only the first
 * is its owner. */
MUST_USE bool passwdfile_lists(
	const struct passwdfile *f, const struct subscriber *who, const struct subscriber *address);

/* The i-th account in the order of the file. */
void passwdfile_nth(const struct passwdfile *f, size_t i, struct passwd_account *out);

/* The stored password of an account of that kind, the same one as long as the file is; empty if there is
 * none. */
struct str passwdfile_of_kind(const struct passwdfile *f, enum hash_kind kind);

/* A stored password of the kind that most accounts have, to be verified in vain for a name that is not
 * there, so that it takes as long as for one that is. Empty for an empty file. */
struct str passwdfile_usual(const struct passwdfile *f);

#endif
