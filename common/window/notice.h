/* notice.h - what the store tells those who watch it: each change as it becomes visible. Pure.
 *
 * An event is a packet of the store's socket. Who does not read fast enough misses some, and is told how
 * many; the store waits for nobody. */
#ifndef POPGATE_NOTICE_H
#define POPGATE_NOTICE_H

#include "common/window/grant.h"

#define NOTICE_MAX 512 /* octets of a packet at most */

enum notice_kind {
	NOTICE_GRANT, /* an entry was made or made longer */
	NOTICE_RENEW, /* a login that the entry still covers */
	NOTICE_NEVER, /* a login from an address that is never granted */
	NOTICE_REVOKE,
	NOTICE_FAILURE, /* a wrong password */
	NOTICE_MISSED, /* count events were not sent */
};

struct notice {
	enum notice_kind kind;
	int64_t stamp_ms, until_ms; /* until: of GRANT and RENEW */
	struct addr
		addr; /* the client's, not masked; of REVOKE all zero where the scope has none */
	uint16_t port;
	enum scope scope; /* of REVOKE */
	uint32_t count; /* of MISSED */
	struct source source; /* of GRANT, RENEW and NEVER */
	struct subscriber who; /* n == 0: nobody is known */
};

size_t notice_encode(const struct notice *e, uint8_t *dst); /* dst has NOTICE_MAX octets */

/* False, and *out untouched, for a packet that notice_encode() did not make. */
MUST_USE bool notice_decode(struct str packet, struct notice *out);

#endif
