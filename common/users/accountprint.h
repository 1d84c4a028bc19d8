/* accountprint.h - the fingerprint of an account: a keyed hash over its name, what is stored for it, and
 * whether it may log in. */
#ifndef POPGATE_ACCOUNTPRINT_H
#define POPGATE_ACCOUNTPRINT_H

#include "common/base/fingerprint.h"
#include "common/base/subscriber.h"
#include "common/users/mac.h"
#include "common/users/passwdfile.h"

struct accountprint_key; /* opaque; of one thread */

/* secret: the host's steady key. ERR_NOMEM. */
MUST_USE enum err accountprint_key_open(
	struct accountprint_key **out, const uint8_t secret[MAC_KEY]);
void accountprint_key_close(struct accountprint_key **k); /* takes NULL */

/* stored: as the account file has it, empty for an account that is not there; 2048 octets at most. */
struct fingerprint accountprint(const struct accountprint_key *k, const struct subscriber *who,
	struct str stored, bool disabled);

/* The fingerprints that were asked for last, of the accounts of one file under one key: to be forgotten with
 * either. Each account has one place, which it shares with others of a large file. All zero: none. */
#define ACCOUNTPRINTS 2048
struct accountprints {
	struct accountprint_kept {
		uint32_t of; /* one more than the account's number in the file; 0: free */
		struct fingerprint is;
	} at[ACCOUNTPRINTS];
};
void accountprints_forget(struct accountprints *known);

/* Is the account of who in f known to be another one than when that fingerprint was taken: its password is,
 * it may no longer log in, or it is gone? False where that cannot be told. known may be NULL. */
bool accountprint_changed(const struct accountprint_key *k, const struct passwdfile *f,
	struct accountprints *known, const struct subscriber *who, const struct fingerprint *then);

#endif
