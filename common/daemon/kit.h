/* kit.h - what a supervisor hands to the processes it starts, and how they find it again.
 *
 * A child is told to end by a signal: SIGHUP drains as for a reload (sessions go on to their own end),
 * SIGTERM as for a shutdown.
 *
 * A child is fork+exec of the program itself with "--child ROLE:SLOT:GENERATION" and descriptors
 * inherited under numbers that POPGATE_KIT names in the environment. Everything shared is a memfd
 * made by the supervisor, so that it outlives every worker: the config octets as validated (workers
 * never open the file), counters, connection counts per client key. */
#ifndef POPGATE_KIT_H
#define POPGATE_KIT_H

#include "common/conf/conf.h"
#include "common/conf/listeners.h"
#include "common/conf/site.h"
#include "common/daemon/clients.h"
#include "common/daemon/counters.h"
#include "common/net/tls.h"

#define KIT_LISTENERS_MAX 256
#define KIT_KEY 128 /* octets of keys at the beginning of the memory for accounts: random */
#define KIT_STEADY 64 /* where among them those stand that outlive us: steady.h */
#define KIT_VERIFIED \
	(KIT_KEY + (1 << 24)) /* octets of it: room for 262,144 passwords of 64 octets each */

struct kit {
	const char *role; /* "worker", "deliver" */
	unsigned slot; /* from 0 */
	unsigned generation; /* from 0, one more at each reload */
	struct conf *conf; /* owned; parsed from the memfd, read-only */
	struct site site;
	unsigned
		seat; /* unique among all living processes: the slot of counters, the region of clients */
	struct kit_listener { /* sockets to accept on, all for the life of the process */
		int fd;
		unsigned listener; /* which listener section of the daemon it belongs to, from 0 */
		enum listener_tls tls; /* never but CLEAR without a certificate */
	} listeners[KIT_LISTENERS_MAX];
	size_t listeners_n;
	int deliver; /* SOCK_SEQPACKET: worker: send sessions to the deliver role here; deliver: receive
			them here; -1 where there is none */
	int verified; /* memory for accounts, common/users/cache.h: keys and, empty at first, a table */
	int alive; /* a pipe the supervisor holds the other end of: end of input means it is gone */
	struct counters *counters; /* this process's own slot is written with counters_add() */
	int material; /* sealed memfd: certificates and keys, for kit_tls(); -1: none, or taken */
	struct tickets
		*tickets; /* to read: keys of session tickets; NULL for who does not listen */
	struct clients *clients; /* connections per client key, this process's own region */
};

/* In a child: opens the kit from the environment. In doubt fails: a worker without its kit ends. */
MUST_USE enum err kit_open(
	struct kit *out, const char *child_word, const struct counter_name *names);
void kit_close(struct kit *k);

/* The TLS of this daemon's listeners, with protocol for ALPN ("pop3", "smtp"), to be handed to conns as
 * conn_settings.tls and closed with tls_context_close() when they are gone. *out is NULL, and all is
 * well, if no certificate is configured. Once: the secrets leave the kit. */
MUST_USE enum err kit_tls(struct kit *k, const char *protocol, struct tls_context **out);

#endif
