/* filter.h - --user and --net: which entries are wanted. */
#ifndef POPGATE_CTL_FILTER_H
#define POPGATE_CTL_FILTER_H

#include "ctl/ctl.h"

struct filter {
	bool by_user, by_net;
	struct subscriber user;
	struct network net;
};

/* Reads both, or says what is wrong with them. window.c */
MUST_USE bool filter_read(const struct ctl *c, struct filter *f);
bool filter_passes(const struct filter *f, struct addr a, const struct subscriber *who);

#endif
