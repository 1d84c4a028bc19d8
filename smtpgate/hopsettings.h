/* hopsettings.h - what popgate.conf says of the next hops of smtpgate. */
#ifndef POPGATE_HOPSETTINGS_H
#define POPGATE_HOPSETTINGS_H

#include "common/conf/conf.h"

#define HOP_HOST_MAX 255
#define HOP_SOCKET_MAX 107 /* octets of a path, sun_path of unix(7) */

struct hop { /* a next hop; texts are borrowed from the struct conf */
	enum hop_kind {
		HOP_NONE,
		HOP_SMTP, /* smtp:host:port */
		HOP_LMTP, /* lmtp:host:port, lmtp:unix:/path */
		HOP_MAILDIR, /* maildir:/template, by the deliver role */
	} kind;
	char host[HOP_HOST_MAX + 1]; /* a name to be looked up; "": endpoint has the address */
	struct endpoint endpoint; /* its port alone where host is a name */
	const char *path; /* of a unix socket, or NULL */
	struct str mailbox; /* MAILDIR: common/conf/mailbox.h */
	struct str text; /* as configured, for the log */
};

struct hop_manners { /* how the network hops are spoken to */
	enum hop_identify { /* in the order of the schema's words */
		HOP_XCLIENT,
		HOP_PROXY,
		HOP_IDENTIFY_NONE,
	} identify;
	enum hop_tls {
		HOP_TLS_OFF,
		HOP_TLS_OPPORTUNISTIC, /* where it is offered, whoever it is */
		HOP_TLS_REQUIRED, /* and its certificate is good */
	} tls;
	const char *tls_ca; /* a file; "": the host's own list */
	const char *auth_path; /* a file with user:password; "": no AUTH */
	struct conf_section section; /* for dns_servers */
};

/* Reads the option of that name; complaints says what is wrong with it. */
void hop_read(struct hop *out, struct conf_section s, const char *name, struct buf *complaints);

/* Reads the options of all of them, of which deliver_to and relay_to are already known. */
void hop_manners_read(struct hop_manners *out, struct conf_section s, const struct hop *deliver_to,
	const struct hop *relay_to, struct buf *complaints);

/* Is it reached by a connection of ours, TCP or unix? */
static inline bool hop_is_network(const struct hop *h)
{
	return h->kind == HOP_SMTP || h->kind == HOP_LMTP;
}

/* Does what we say to it stay on this host? */
bool hop_is_near(const struct hop *h);

/* Are they two network hops, and not one and the same? */
bool hops_split(const struct hop *a, const struct hop *b);

#endif
