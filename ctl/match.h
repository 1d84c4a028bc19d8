/* match.h - how well an interval of the history answers "who had this address then, and this port?". Pure.
 *
 * An address may be shared by many at a time (NAT, CGNAT), so a match is a rank and never a proof: who was seen
 * from that very port comes first, also a little earlier or later, because what is complained of was sent from
 * it some seconds before it arrived; then who held the address at the moment before who held it a little earlier
 * or later; of those, who was seen from ports on both sides of it, and then whoever's ports are nearest, because
 * a CGNAT hands ports out in blocks; then whoever was seen last before the moment. */
#ifndef POPGATE_MATCH_H
#define POPGATE_MATCH_H

#include "common/window/history.h"

enum port_match {
	PORT_SAME,
	PORT_BETWEEN, /* of the ports that were seen */
	PORT_OFF,
	PORT_UNKNOWN, /* none is asked for, or none was seen */
};

struct match {
	int64_t off_ms; /* 0: at the moment; below: the interval ended so long before; above: it began later */
	enum port_match port;
	unsigned port_off; /* OFF: to the nearest that was seen */
	int64_t seen_ms; /* the last sighting up to the moment; the first, if all came later */
};

/* The moment is from at_ms to at_ms + span_ms: mails tell seconds, and people minutes. port 0: none is asked for. */
struct match match_of(const struct interval *i, int64_t at_ms, int64_t span_ms, uint16_t port);

/* Below 0 if a is the better answer, above if b is. */
int match_compare(const struct match *a, const struct match *b);

#endif
