/* places.h - which domains are ours and which networks may relay, found at once: the config itself is searched by
 * name, and read, at each question. */
#ifndef POPGATE_PLACES_H
#define POPGATE_PLACES_H

#include "common/conf/conf.h"

struct places; /* opaque */

/* Of section smtpgate, whose texts are borrowed. ERR_NOMEM. */
MUST_USE enum err places_open(struct places **out, struct conf_section smtpgate);
void places_close(struct places **p); /* takes NULL */

/* Is domain one of local_domains? Letters alike in either case. */
bool places_is_local(const struct places *p, struct str domain);

/* Does one of networks hold a? */
bool places_is_network(const struct places *p, struct addr a);

#endif
