/* offers.h - what a next hop says that it can do, in its answer to EHLO or LHLO. Pure. */
#ifndef POPGATE_OFFERS_H
#define POPGATE_OFFERS_H

#include "smtpgate/reply.h"

struct offers { /* all zero: nothing, as of a hop that knows HELO alone */
	bool eight_bit; /* 8BITMIME, RFC 6152 */
	bool utf8; /* SMTPUTF8, RFC 6531 */
	bool dsn; /* RFC 3461 */
	bool pipelining;
	bool size; /* RFC 1870 */
	bool starttls;
	bool auth_plain, auth_login; /* RFC 4954 */
	uint64_t size_max; /* octets; 0: no limit named */
	unsigned xclient; /* attributes, introduce.h */
};

struct offers offers_read(const struct reply *r);

/* What both of them can do. */
struct offers offers_common(const struct offers *a, const struct offers *b);

#endif
