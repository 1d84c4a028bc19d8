/* listeners.h - the listener sections of a daemon: where it accepts connections. */
#ifndef POPGATE_LISTENERS_H
#define POPGATE_LISTENERS_H

#include "common/conf/conf.h"

#define LISTENERS_MAX 32 /* a daemon */

enum listener_tls { /* in the order of the schema's words */
	LISTENER_CLEAR, /* no TLS */
	LISTENER_STARTTLS, /* offered, and begun at the client's command */
	LISTENER_IMPLICIT, /* from the first octet, RFC 8314 */
};

struct listeners {
	size_t n;
	struct endpoint at[LISTENERS_MAX]; /* in the order of the file */
	bool balanced[LISTENERS_MAX]; /* clients come with a PROXY header, and no others */
	enum listener_tls
		tls[LISTENERS_MAX]; /* what it comes to: CLEAR where there is no certificate */
};

/* Reads the listener sections of the daemon's section ("pop3d", "smtpgate"). Complains of a title that
 * is no address and port, of one that stands twice, of none at all and of too many, and of TLS that is
 * asked for without a certificate, and of proxy_protocol where nobody may speak it. */
MUST_USE enum err listeners_read(
	struct listeners *out, struct conf *c, const char *daemon, struct buf *complaints);

/* Of the i-th of a config that was read so: the same as balanced[i]. */
bool listener_is_balanced(struct conf *c, const char *daemon, size_t i);

#endif
