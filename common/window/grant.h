/* grant.h - a grant as a value: who logged in, from where, when and how. */
#ifndef POPGATE_GRANT_H
#define POPGATE_GRANT_H

#include "common/base/addr.h"
#include "common/base/fingerprint.h"
#include "common/base/sid.h"
#include "common/base/subscriber.h"

/* How the subscriber proved who they are; words as the log prints them, short and lower case. */
struct source {
	char service[8]; /* "pop3", "cli", ...; ends in NUL */
	char mechanism
		[20]; /* "plain", ...; ends in NUL; RFC 4422 3.1: 20 octets at most, ours fewer */
	bool tls;
};

struct grant {
	struct addr addr; /* the client's, not masked */
	uint16_t port; /* the client's */
	struct subscriber who;
	struct source source;
	char sid[SID_TEXT]; /* of the session that logged in; "": there was none */
	int64_t login_ms; /* since 1970; 0: the store stamps it (what a login wants); else it renews
			     that login: the expiry moves, the time of the login does not */
	int64_t lifetime_ms; /* 0: the window's own; else exactly this, no slack, no coalescing */
	struct fingerprint account; /* as it was when it was proved or given; none: that is not known */
};

#define GRANT_LIFETIME_MAX_MS \
	(INT64_C(30) * 24 * 60 * 60 * 1000) /* of one that is given, not logged in */

/* The four scopes of a revocation; what is not given is all zero. */
enum scope {
	SCOPE_EVERYTHING,
	SCOPE_SUBSCRIBER,
	SCOPE_KEY,
	SCOPE_KEY_SUBSCRIBER,
};
struct revocation {
	enum scope scope;
	struct addr addr;
	struct subscriber who;
};

#endif
