/* leg_private.h - a leg's connection, for leg.c and keep.c alone. */
#ifndef POPGATE_LEG_PRIVATE_H
#define POPGATE_LEG_PRIVATE_H

#include "smtpgate/leg.h"

struct leg_wire {
	struct upstream upstream;
	struct conn *conn; /* NULL: not yet dialled */
	struct leg *leg; /* NULL: dropped, or kept */
	const struct leg_site *site; /* borrowed, as is the hop: it may have no leg */
	struct hop_state *hop;
	struct node kept; /* in site->kept */
	struct introduction client;
	bool speaks; /* for that client */
	struct names_query *query; /* under way before the dial */
	struct hop_tried tried;
	struct endpoint at; /* where the connection goes */
	int64_t since_ms; /* steady; when it was dialled */
	bool fresh; /* a kept one is not wanted */
	bool met; /* the hop has taken commands */
	bool refused; /* it has refused something */
	bool clear; /* TLS failed at this address, and need not be */
	bool resetting; /* RSET is under way */
	char peer[HOP_HOST_MAX + 1]; /* for TLS: the name that is to be verified */
};

/* leg.c: the leg is without a connection; what was there is the caller's. */
void leg_forget(struct leg *l);

/* leg.c: the hop takes commands: LEG_READY is told. */
void leg_become_ready(struct leg *l);

/* keep.c: a kept connection to the leg's hop that may speak for client becomes the leg's, and is told of it: as
 * leg_open(). False: there is none. */
MUST_USE bool keep_take(struct leg *l, const struct introduction *client);

/* keep.c: a kept connection is gone. */
void keep_lost(struct leg_wire *w);

#endif
