/* dsn.h - the parameters of delivery status notifications (RFC 3461 4), checked before they go on. Pure. */
#ifndef POPGATE_DSN_H
#define POPGATE_DSN_H

#include "smtpgate/envelope.h"

/* xtext (RFC 3461 4): printable ASCII, with "+" and two upper-case hex digits for what is not, and for "+"
 * and "=". Encoded octets are to be printable, too, as all that uses xtext here wants it. */
bool xtext_fits(struct str s);

/* "NEVER", or a list of SUCCESS, FAILURE, DELAY. *out is set only on true. */
MUST_USE bool dsn_notify_read(struct str s, unsigned *out);

/* "FULL" or "HDRS". */
MUST_USE bool dsn_ret_read(struct str s, enum dsn_ret *out);

/* addr-type ";" xtext, or with utf8 an address in UTF-8 (RFC 6533 3). */
bool dsn_orcpt_fits(struct str s, bool utf8);

#endif
