/* balancers.h - listeners with proxy_protocol: which peers may speak it, and what is logged of the others.
 *
 * The networks of `proxies` are trusted to say any address, so they are looked at before the header is,
 * and from anywhere else nothing is taken there. */
#ifndef POPGATE_BALANCERS_H
#define POPGATE_BALANCERS_H

#include "common/daemon/kit.h"
#include "common/net/conn.h"

struct balancers {
	struct kit *kit; /* borrowed */
	const char *daemon; /* whose listener sections: "pop3d", "smtpgate" */
	unsigned refused; /* the counter of connections that were closed for want of a header */
	struct conn_balancers hooks;
};

void balancers_init(struct balancers *b, struct kit *kit, const char *daemon, unsigned refused);

/* Accepts on at, as its section says: as conn_listen(), or behind a header. b is borrowed. */
MUST_USE enum err balancers_listen(struct balancers *b, struct loop *l,
	const struct kit_listener *at, conn_accepted *accepted, void *owner);

#endif
