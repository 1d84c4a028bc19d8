/* record.h - one grant or one revocation as octets: what log/ and view/ hold.
 *
 * Little-endian, versioned, closed by a CRC32C over all before it, so that a torn or flipped record is
 * known for what it is. Pure. */
#ifndef POPGATE_RECORD_H
#define POPGATE_RECORD_H

#include "common/window/grant.h"

#define RECORD_MAX 512 /* octets of an encoded record at most */
#define RECORD_VERSION 1 /* of a record without a fingerprint; with one it is one more */

enum record_kind {
	RECORD_GRANT = 1,
	RECORD_REVOCATION = 2,
};

struct record {
	enum record_kind kind;
	enum scope scope; /* of a revocation */
	struct addr key; /* masked; zero where the scope has none */
	struct subscriber who; /* nobody where the scope has none */
	struct source source;
	uint16_t port;
	uint32_t logins;
	int64_t login_ms; /* of a revocation: logins up to and with this one do not count */
	int64_t until_ms; /* of a grant */
	uint64_t origin, sequence; /* whose log it stands in, and where */
	struct fingerprint account; /* of a grant */
};

/* Into dst of RECORD_MAX octets; returns how many. */
size_t record_encode(const struct record *r, uint8_t *dst);

/* False for what record_encode() did not write, whatever it is; *out is then untouched. */
MUST_USE bool record_decode(struct str bytes, struct record *out);

/* The next record within bytes, wherever it begins, as long as nothing of it is damaged; *bytes is then what
 * comes behind it. False: there is none. */
MUST_USE bool record_find(struct str *bytes, struct record *out);

/* May the row of an entry, or of a revocation, have that key? Looks at what the key is made of and not at the
 * CRC: whoever only needs to know where a row stands has an answer in no time. */
MUST_USE bool record_has_key(enum record_kind kind, struct str bytes, struct str key);

/* The times in the octets of a record, which may as well be damaged: nothing else is looked at. For whoever goes over
 * many to find the few that are worth record_decode(). False: there are not so many octets. */
MUST_USE bool record_times(
	struct str bytes, enum record_kind *kind, int64_t *login_ms, int64_t *until_ms);

/* Keys of the view's tables. Entries: key and subscriber; revocations: scope, key, subscriber. dst has
 * RECORD_KEY_MAX octets; returns how many are used. */
#define RECORD_KEY_MAX (1 + 16 + SUBSCRIBER_MAX)
size_t record_holder_key(const struct addr *key, const struct subscriber *who, uint8_t *dst);
size_t record_entry_key(const struct addr *key, const struct subscriber *who, uint8_t *dst);
size_t record_revocation_key(
	enum scope scope, const struct addr *key, const struct subscriber *who, uint8_t *dst);

#endif
