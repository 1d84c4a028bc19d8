/* hash.h - stored passwords: "{SCHEME}data", as Dovecot writes them.
 *
 * PLAIN (and CLEARTEXT, PLAIN's other name), what crypt(3) of libxcrypt knows (CRYPT, SHA512-CRYPT,
 * SHA256-CRYPT, BLF-CRYPT, YESCRYPT, MD5-CRYPT; without a {SCHEME} it is CRYPT), ARGON2ID, and
 * SCRAM-SHA-256. Verifying costs milliseconds by design, but for PLAIN. */
#ifndef POPGATE_HASH_H
#define POPGATE_HASH_H

#include "common/users/scram.h"

#define HASH_STORED_MAX 1024 /* octets of a stored password */
#define HASH_PASSWORD_MAX 512 /* octets of a typed one: crypt(3) takes no more */

enum hash_kind {
	HASH_UNKNOWN, /* no scheme of ours, or nothing behind it: nobody logs in with it */
	HASH_PLAIN,
	HASH_CRYPT,
	HASH_ARGON2ID,
	HASH_SCRAM,
	HASH_KINDS, /* how many */
};

/* What stored is. */
enum hash_kind hash_kind(struct str stored);

/* The plain secret that stored is, borrowed from it; empty for another kind. */
struct str hash_plain(struct str stored);

/* The keys that stored is; false for another kind. */
MUST_USE bool hash_scram(struct str stored, struct scram *out);

/* Is password the one that stored was made of? Any octets but NUL. May take long: not on a loop,
 * unless hash_kind() is HASH_PLAIN, which takes the same short time whatever the answer. */
MUST_USE bool hash_verify(struct str stored, struct str password);

/* Makes what to store: scheme is one of hash_schemes(). dst has HASH_STORED_MAX octets. ERR_ABSENT: no
 * such scheme; ERR_LIMIT: the password is too long; ERR_SYNTAX: it cannot stand in the file as it is. */
MUST_USE enum err hash_make(const char *scheme, struct str password, char *dst);

/* The schemes that hash_make() knows, the best first; ends in NULL. */
const char *const *hash_schemes(void);

#endif
