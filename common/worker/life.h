/* life.h - a child's life as its supervisor has it: while the supervisor is there, and with a sign of it each
 * second. */
#ifndef POPGATE_LIFE_H
#define POPGATE_LIFE_H

#include "common/daemon/kit.h"
#include "common/net/loop.h"

/* From now on, on l: the end of the supervisor drains the loop; the supervisor sees that the loop turns, and ends us
 * if it does not (common/daemon/vigil.c). kit outlives l. */
MUST_USE enum err life_begin(struct loop *l, struct kit *kit);

#endif
