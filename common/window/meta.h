/* meta.h - what a view says of itself: one row, rewritten by the store each second. Pure. */
#ifndef POPGATE_META_H
#define POPGATE_META_H

#include "common/base/str.h"

#define META_SCHEMA 1
#define META_MAX 256 /* octets of an encoded row at most */

/* Names of the tables and of the one key in the last. */
#define VIEW_ENTRIES "entries"
#define VIEW_HOLDERS "holders" /* where a subscriber holds: subscriber, NUL, key */
#define VIEW_REVOCATIONS "revocations"
#define VIEW_PENALTIES "penalties" /* penalty.h; a view of an older store may lack it */
#define VIEW_RATES "rates" /* rate.h; likewise */
#define VIEW_META "meta"
#define VIEW_META_KEY "meta"
#define VIEW_LINK "view" /* below state_dir: a symbolic link to the current view.N */
#define VIEW_MAP_DEFAULT (UINT64_C(4) << 30)
#define VIEW_READERS_MAX 510 /* slots of lock.mdb */

struct view_meta {
	uint8_t boot_id[16]; /* of the kernel that the writing store ran under */
	bool clean; /* that store ended in order */
	uint8_t ipv4_prefix, ipv6_prefix;
	int64_t lifetime_ms, slack_ms;
	uint64_t origin, applied; /* this host's log, and how far it stands in this view */
	int64_t stamp_ms; /* the highest given */
	int64_t heartbeat_ms; /* when the store last said that it lives */
	int64_t lost_ms; /* until then a no is no answer: a grant was lost; 0: never */
	uint64_t grants, coalesced, revocations, lost; /* since this view was made */
};

size_t meta_encode(const struct view_meta *m, uint8_t *dst); /* dst has META_MAX octets */
MUST_USE bool meta_decode(struct str bytes, struct view_meta *out);

#endif
