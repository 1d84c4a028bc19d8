/* wire.h - requests to the store and its answers as packets of its socket. Pure. */
#ifndef POPGATE_WIRE_H
#define POPGATE_WIRE_H

#include "common/window/ask.h"
#include "common/window/history_wire.h"

#define WIRE_MAX 512 /* octets of a packet at most */

enum wire_kind {
	WIRE_GRANT = 1,
	WIRE_REVOKE = 2,
	WIRE_LOST = 3, /* this and those below are not answered */
	WIRE_FAILURE = 4,
	WIRE_USE = 5,
	WIRE_WATCH = 6, /* answered, and then told of each change (notice.h) until it hangs up */
	WIRE_WHO = 16, /* these are answered by the history: history_wire.h */
	WIRE_REPORT = 17,
};

struct request {
	enum wire_kind kind;
	uint64_t ticket;
	struct grant grant; /* of GRANT; of LOST only login_ms */
	struct revocation revocation; /* of REVOKE */
	struct failure failure; /* of FAILURE */
	struct use use; /* of USE */
	struct history_question question; /* of WHO and REPORT */
};

/* Into dst of WIRE_MAX octets; returns how many. */
size_t wire_put_request(const struct request *r, uint8_t *dst);
size_t wire_put_answer(const struct answer *a, uint8_t *dst);

/* False, and *out untouched, for a packet that is not one of ours to the octet. */
MUST_USE bool wire_get_request(struct str packet, struct request *out);
MUST_USE bool wire_get_answer(struct str packet, struct answer *out);

#endif
