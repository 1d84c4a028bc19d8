/* subscriber.h - the canonical name of a subscriber: the only form stored, logged or passed on.
 *
 * user@domain in lower case, 3 to 254 octets (RFC 5321 4.5.3.1.3 less the angle brackets) of
 * letters, digits and . _ + - = before the one @ and letters, digits, . and - behind it. No part is
 * empty, begins with a dot or holds two dots together, so that a name can stand in a path, a log
 * line and an SMTP command as it is. The local part has 64 octets at most. */
#ifndef POPGATE_SUBSCRIBER_H
#define POPGATE_SUBSCRIBER_H

#include "common/base/str.h"

#define SUBSCRIBER_MAX 254

struct subscriber {
	uint8_t n; /* octets used of name; 0 means nobody */
	char name[SUBSCRIBER_MAX + 1]; /* ends in NUL */
};

/* The canonical name of what a person typed: folded to lower case, default_domain added where there
 * is no @ (an empty default_domain adds none, and then a name without @ is refused). False, and *out
 * untouched, for what no subscriber can be called. */
MUST_USE bool subscriber_fold(struct str typed, struct str default_domain, struct subscriber *out);

/* Is it a name that folding gives, and gives again as it is? For names that were stored. */
bool subscriber_is_folded(const struct subscriber *s);

static inline struct str subscriber_str(const struct subscriber *s)
{
	return (struct str){ s->name, s->n };
}

/* The subscriber again whose name was kept as a text, as long as it is: most have a tenth of SUBSCRIBER_MAX. */
static inline struct subscriber subscriber_of(const char *name)
{
	struct subscriber s;

	s.n = (uint8_t)strlen(name);
	memcpy(s.name, name, s.n + 1U);
	return s;
}

/* What stands before and behind the @; borrowed from s. */
struct str subscriber_local(const struct subscriber *s);
struct str subscriber_domain(const struct subscriber *s);

bool subscriber_eq(const struct subscriber *a, const struct subscriber *b);

#endif
