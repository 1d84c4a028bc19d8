/* rate.h - how much a subscriber or a key has sent within about an hour, and when the subscriber last
 * logged in. Pure.
 *
 * Two buckets, of this hour and of the one before; what the one before still counts shrinks as this one
 * goes on, so that a limit neither forgets all at once nor holds longer than it says. */
#ifndef POPGATE_RATE_H
#define POPGATE_RATE_H

#include "common/window/grant.h"

#define RATE_MAX 64 /* octets of an encoded row at most */
#define RATE_KEY_MAX (1 + SUBSCRIBER_MAX)
#define RATE_COUNT_MAX 1000000 /* messages or recipients of one use at most */

#define USE_HELO_MAX 64 /* octets of a name that is remembered */

enum use_proof { /* what let a message through that not everyone may send */
	USE_BY_NOTHING, /* anyone may have sent it, or nothing was sent */
	USE_BY_WINDOW,
	USE_BY_AUTH,
};

struct use { /* as a worker reports it */
	struct addr addr; /* the client's, not masked */
	struct subscriber who; /* n == 0: nobody is known */
	uint32_t messages, recipients;
	bool login; /* the subscriber logged in */
	enum use_proof by;
	bool tls;
	uint16_t port, listener; /* the client's; the one it connected to */
	char mechanism[20]; /* BY_AUTH: "plain", ...; ends in NUL */
	char sid[SID_TEXT]; /* "": of no session */
	char helo[USE_HELO_MAX + 1]; /* what the client called itself; use_helo() */
};

/* Keeps a name that a client gave itself: cut to fit, '?' for what is not visible ASCII. */
void use_helo(struct use *u, struct str name);

struct rate {
	int64_t hour; /* since 1970, of the first bucket */
	uint32_t messages[2], recipients[2]; /* of that hour, of the one before */
	int64_t login_ms; /* of the last login that was reported; 0: none */
};

struct rate_now { /* within an hour up to now, rounded up */
	uint32_t messages, recipients;
};

/* now_ms only grows; one that is behind the row's hour counts as that hour. */
void rate_add(struct rate *r, const struct use *u, int64_t now_ms);
struct rate_now rate_at(const struct rate *r, int64_t now_ms);

/* Does the row still say anything? A login is remembered for eight days. */
bool rate_matters(const struct rate *r, int64_t now_ms);

/* Keys of rows; dst has RATE_KEY_MAX octets; returns how many are used. */
size_t rate_key_of(struct addr key, uint8_t *dst); /* masked */
size_t rate_key_of_subscriber(const struct subscriber *who, uint8_t *dst);

/* dst has RATE_MAX octets; returns how many. False for what rate_encode() did not write. */
size_t rate_encode(const struct rate *r, uint8_t *dst);
MUST_USE bool rate_decode(struct str bytes, struct rate *out);

#endif
