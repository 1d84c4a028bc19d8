/* ask.h - how a process hands the store a grant or a revocation, and hears that it is done.
 *
 * One SOCK_SEQPACKET connection to run_dir/store.sock. A request carries a ticket of the caller's
 * choice and is answered with that ticket once it is durable; answers may come in any order. Nothing
 * here blocks but ask_wait(). The owner watches ask_fd() for reading and, after ERR_AWAY, closes it
 * and opens a new one (each second, say). What was asked and not answered before a connection broke
 * may or may not have been done; asking again is harmless. */
#ifndef POPGATE_ASK_H
#define POPGATE_ASK_H

#include "common/window/notice.h"
#include "common/window/grant.h"
#include "common/window/penalty.h"
#include "common/window/rate.h"

#define ASK_ACK_MS 1000 /* how long a login waits for its answer at most; then the grant is lost */

struct ask;

/* ERR_AWAY: no store listens; ERR_DENIED: it, or the kernel, does not want us. */
MUST_USE enum err ask_open(struct ask **out, const char *run_dir);
void ask_close(struct ask **a);
int ask_fd(const struct ask *a);

/* ERR_BUSY: the socket is full, which means that the store is not keeping up; ERR_AWAY: it is gone.
 * Nothing was sent on either. */
MUST_USE enum err ask_grant(struct ask *a, uint64_t ticket, const struct grant *g);
MUST_USE enum err ask_revoke(struct ask *a, uint64_t ticket, const struct revocation *r);

/* Tells the store that a grant was lost (no answer in time, or ERR_BUSY), so that the view says
 * UNKNOWN instead of no for as long as the lost grant would have counted. Not answered. */
MUST_USE enum err ask_lost(struct ask *a, int64_t login_ms);

/* A wrong password; n uses of the relay or logins, ASK_USES_MAX at most. Not answered, and they may be lost. */
#define ASK_USES_MAX 64
MUST_USE enum err ask_failure(struct ask *a, const struct failure *f);
MUST_USE enum err ask_uses(struct ask *a, const struct use *u, unsigned n);

/* Asks to be told of each change from now on. It is answered like a grant; after that ask_notice() alone. */
MUST_USE enum err ask_watch(struct ask *a, uint64_t ticket);

/* The next event. ERR_BUSY: none there yet; ERR_AWAY: the store is gone, or of another version. */
MUST_USE enum err ask_notice(struct ask *a, struct notice *out);

struct answer {
	uint64_t ticket;
	enum err result; /* ERR_NONE: durable, and readers see it */
	int64_t stamp_ms; /* when the store says it happened */
	int64_t until_ms; /* of a grant */
	bool never; /* the address is one that is never granted: nothing was written */
	bool renewed; /* a grant that coalescing kept out of the log: it still holds */
};

/* The next answer. ERR_BUSY: none there yet; ERR_AWAY: the store is gone. */
MUST_USE enum err ask_receive(struct ask *a, struct answer *out);

/* For programs that may block: the answer to ticket, others dropped. ERR_TIMEOUT after wait_ms. */
MUST_USE enum err ask_wait(struct ask *a, uint64_t ticket, int wait_ms, struct answer *out);

#endif
