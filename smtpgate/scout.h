/* scout.h - keeps what a worker knows of its next hops fresh: looks up their names, and says EHLO to them
 * at start and every few minutes, whether or not a client comes. */
#ifndef POPGATE_SCOUT_H
#define POPGATE_SCOUT_H

#include "smtpgate/relay.h"

struct scout; /* opaque */

/* Begins at once. site is borrowed, its hops are written. */
MUST_USE enum err scout_open(struct scout **out, struct relay_site *site);

/* After loop_run(); takes NULL. */
void scout_close(struct scout **s);

#endif
