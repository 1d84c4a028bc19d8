/* asking.h - asks a pop3d or smtpgate, as any client may, which address it sees at the other end (XADR). */
#ifndef POPGATE_CTL_ASKING_H
#define POPGATE_CTL_ASKING_H

#include "common/base/addr.h"

enum asked {
	ASKED_ANSWERED,
	ASKED_UNREACHABLE, /* no connection */
	ASKED_CLOSED, /* one, and not a word from the other side */
	ASKED_FOREIGN, /* what answers is none of ours that knows XADR, or TLS failed */
};

struct asked_facts { /* of ANSWERED */
	struct endpoint ours; /* our end, as our kernel has it */
	struct endpoint seen; /* and as the daemon has it */
	char way[16]; /* how it came by it: "direct", "proxy", "local", "unknown" */
};

/* Connects to to. tls: from the first octet, and then alpn is what is to be spoken there, "pop3" or "smtp"; which of
 * the two it is its greeting tells. Waits some seconds at most for each step. */
enum asked ask_daemon(struct endpoint to, bool tls, const char *alpn, struct asked_facts *out);

#endif
