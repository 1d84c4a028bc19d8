/* sharing.h - how many subscribers may hold one address before the window asks for more, or is no proof any
 * more: the window section of popgate.conf, and its address sections for networks where many share. */
#ifndef POPGATE_SHARING_H
#define POPGATE_SHARING_H

#include "common/conf/conf.h"

#define SHARING_MAX 256

struct sharing_rule {
	struct network network; /* of the general one: all */
	unsigned
		shared_after; /* more than this: only for a sender that is one of theirs; 0: never */
	unsigned frozen_after; /* more than this: no proof at all; 0: never */
	const char *note; /* "" for none; borrowed from the struct conf */
	unsigned shared_line, frozen_line; /* where they are set; 0 for defaults */
	bool general; /* of the window section itself */
};

struct sharing {
	struct sharing_rule general;
	size_t n;
	struct sharing_rule at[SHARING_MAX]; /* in the order of the file */
};

/* Reads the window section; complains of titles that are no networks, of a network twice, of thresholds that
 * contradict each other, and of too many. What a section does not say is as in the general rule. */
void sharing_read(struct sharing *out, struct conf_section window, struct buf *complaints);

/* The rule for a: of the networks that hold it the longest one, else the general rule. */
const struct sharing_rule *sharing_of(const struct sharing *s, struct addr a);

#endif
