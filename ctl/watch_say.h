/* watch_say.h - how popgate window watch shows what happens: a line an event, or one JSON object. */
#ifndef POPGATE_CTL_WATCH_SAY_H
#define POPGATE_CTL_WATCH_SAY_H

#include "common/window/notice.h"

struct stay {
	struct addr key;
	struct subscriber who;
	int64_t until_ms;
};

void watch_say(bool json, const struct notice *e);

/* What times tell, not the store: that who holds h now, or that it is over. */
void watch_say_stay(bool json, const struct stay *h, int64_t now_ms, bool over);

/* Is there an address that it is about? */
bool watch_has_addr(const struct notice *e);

#endif
