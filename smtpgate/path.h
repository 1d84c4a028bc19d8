/* path.h - reverse and forward paths of SMTP (RFC 5321 4.1.2, RFC 6531 3.3), read strictly and written in
 * one way.
 *
 * What goes to a next hop is the canonical form of what was read, never the client's octets: what was
 * judged is what is sent. Source routes are accepted and ignored (RFC 5321 appendix C). Pure. */
#ifndef POPGATE_PATH_H
#define POPGATE_PATH_H

#include "common/base/str.h"

#define PATH_LOCAL_MAX 64 /* octets, without quotes and backslashes, RFC 5321 4.5.3.1.1 */
#define PATH_DOMAIN_MAX 255 /* RFC 5321 4.5.3.1.2 */
#define PATH_TEXT_MAX (2 * PATH_LOCAL_MAX + 2 + 1 + PATH_DOMAIN_MAX + 1)

struct path {
	bool null; /* <> */
	bool utf8; /* it holds more than ASCII: good only in a transaction with SMTPUTF8 */
	uint8_t local_n;
	uint8_t domain_n; /* 0: <Postmaster> without a domain */
	char local[PATH_LOCAL_MAX + 1]; /* unquoted; ends in NUL, holds none */
	char domain[PATH_DOMAIN_MAX +
		1]; /* ASCII in lower case; or an address literal with its brackets */
	char text[PATH_TEXT_MAX]; /* canonical, without < >; "" for <> */
};

/* Reads "<...>" at the beginning of in; *rest is what stands behind it. reverse: <> is allowed, and
 * <Postmaster> is not. False, and nothing set, for all that the grammar does not have: a trailing dot, a
 * quoted domain, octets that are no UTF-8, a control character, a dot of another script in a domain. */
MUST_USE bool path_read(struct str in, bool reverse, struct path *out, struct str *rest);

/* The local part holds a route of its own: % or ! or @ (RFC 5321 4.4 leaves it to us; older mail
 * systems behind us might follow it). */
bool path_is_routed(const struct path *p);

static inline struct str path_local(const struct path *p)
{
	return (struct str){ p->local, p->local_n };
}

static inline struct str path_domain(const struct path *p)
{
	return (struct str){ p->domain, p->domain_n };
}

/* One parameter of MAIL or RCPT off the front of rest, which begins with the space before it:
 * esmtp-keyword["=" esmtp-value] (RFC 5321 4.1.2; RFC 6531 3.3 lets values hold UTF-8). False at a syntax
 * error; key.n == 0 at the end. */
MUST_USE bool path_parameter(struct str *rest, struct str *key, struct str *value);

#endif
