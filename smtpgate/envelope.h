/* envelope.h - what MAIL and RCPT said, as values: what was judged, and what goes to a next hop. */
#ifndef POPGATE_ENVELOPE_H
#define POPGATE_ENVELOPE_H

#include "smtpgate/path.h"

#define ENVELOPE_ENVID_MAX 100 /* octets of ENVID=, as xtext (RFC 3461 4.4) */
#define ENVELOPE_ORCPT_MAX 500 /* octets of ORCPT=, addr-type;xtext (RFC 3461 4.2) */

enum dsn_ret { /* RET=, RFC 3461 4.3 */
	DSN_RET_NONE,
	DSN_RET_FULL,
	DSN_RET_HDRS,
};

enum dsn_notify { /* NOTIFY=, RFC 3461 4.1; bits; 0: not said */
	DSN_NOTIFY_NEVER = 1,
	DSN_NOTIFY_SUCCESS = 2,
	DSN_NOTIFY_FAILURE = 4,
	DSN_NOTIFY_DELAY = 8,
};

struct envelope { /* of MAIL */
	struct path sender;
	uint64_t size; /* SIZE=, octets; 0 without */
	bool eight_bit; /* BODY=8BITMIME */
	bool utf8; /* SMTPUTF8 (RFC 6531) */
	enum dsn_ret ret;
	char envid[ENVELOPE_ENVID_MAX + 1]; /* xtext, checked; "" without */
};

struct recipient { /* of RCPT */
	struct path path;
	unsigned notify; /* enum dsn_notify */
	char orcpt[ENVELOPE_ORCPT_MAX + 1]; /* addr-type;xtext, checked; "" without */
};

#endif
