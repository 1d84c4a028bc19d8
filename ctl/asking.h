/* asking.h - asks a pop3d, as any client may, which address it sees at the other end (XADR). */
#ifndef POPGATE_CTL_ASKING_H
#define POPGATE_CTL_ASKING_H

#include "common/base/addr.h"

enum asked {
	ASKED_ANSWERED,
	ASKED_UNREACHABLE, /* no connection */
	ASKED_CLOSED, /* one, and not a word from the other side */
	ASKED_FOREIGN, /* what answers is no pop3d that knows XADR, or TLS failed */
};

struct asked_facts { /* of ANSWERED */
	struct endpoint ours; /* our end, as our kernel has it */
	struct endpoint seen; /* and as pop3d has it */
	char way[16]; /* how it came by it: "direct", "proxy", "local", "unknown" */
};

/* Connects to to; tls: from the first octet. Waits some seconds at most for each step. */
enum asked ask_pop3(struct endpoint to, bool tls, struct asked_facts *out);

#endif
