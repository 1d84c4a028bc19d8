/* identity.h - why a client may relay, and as whom: the facts of one MAIL, looked up. */
#ifndef POPGATE_IDENTITY_H
#define POPGATE_IDENTITY_H

#include "common/window/view.h"
#include "smtpgate/path.h"
#include "smtpgate/settings.h"

struct identity_found {
	enum proof proof;
	struct subscriber who; /* WINDOW: the holder that we name */
	const char *by; /* how he was chosen: "sender", "only", "latest" */
	size_t holders; /* how many hold the address */
	int64_t until_ms; /* of who's entry */
};

/* Proofs in their order: static networks, then the window. view may be NULL: the window is unknown. */
void identity_look(struct identity_found *out, const struct gate_settings *s, struct view *view,
	struct addr client, const struct path *sender, int64_t now_ms);

#endif
