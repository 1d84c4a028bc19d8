/* hops.h - what is known of the next hops: where each is, whether it answers, what it offers. Values; the
 * present is an argument (steady ms).
 *
 * A hop that failed HOP_FAILURES times in a row at one of its addresses is not tried there again for a
 * short while, which doubles with each failure: not every client has to wait for what the last one found
 * out. When the while is over one attempt goes through and decides for all. */
#ifndef POPGATE_HOPS_H
#define POPGATE_HOPS_H

#include "smtpgate/hopsettings.h"
#include "smtpgate/offers.h"

#define HOP_ADDRESSES_MAX 8
#define HOP_FAILURES 3
#define HOP_PAUSE_MIN_MS 1000
#define HOP_PAUSE_MAX_MS 60000

struct hop_address {
	struct endpoint at;
	unsigned failures; /* in a row */
	int64_t pause_ms; /* 0: it is not held back */
	int64_t again_ms; /* when the next attempt may go through */
	bool probed; /* one did, and is under way */
};

struct hop_state {
	const struct hop *hop; /* borrowed */
	size_t n; /* 0: its name has to be looked up first */
	struct hop_address addresses[HOP_ADDRESSES_MAX];
	bool known; /* it has said what it offers */
	struct offers offers;
};

struct hop_tried { /* by one attempt */
	size_t n;
	struct endpoint at[HOP_ADDRESSES_MAX];
};

enum hop_pick {
	HOP_PICKED,
	HOP_HELD_BACK, /* all that is left is held back */
	HOP_NONE_LEFT,
};

void hop_state_init(struct hop_state *s, const struct hop *hop);

/* Its name has these addresses now: what is known of those that stay, stays. n is not 0. */
void hop_addresses(struct hop_state *s, const struct addr *addresses, size_t n);

/* The next address to be tried, which is added to tried. */
MUST_USE enum hop_pick hop_pick(
	struct hop_state *s, struct hop_tried *tried, int64_t now_ms, struct endpoint *out);

/* An attempt at that address failed, why in a few words; or the hop took commands. Both log what changes:
 * hop.down, hop.up. */
void hop_failed(struct hop_state *s, struct endpoint at, int64_t now_ms, const char *why);
void hop_worked(struct hop_state *s, struct endpoint at);

/* What it said. */
void hop_learn(struct hop_state *s, const struct offers *offers);

#endif
