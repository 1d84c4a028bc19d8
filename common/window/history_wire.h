/* history_wire.h - what the history is asked, and its answers as packets. Pure.
 *
 * A question is a packet of the store's socket (wire.h). Its answers are rows, one a packet, and an end that says
 * what the history knows of itself; then the connection is over. */
#ifndef POPGATE_HISTORY_WIRE_H
#define POPGATE_HISTORY_WIRE_H

#include "common/window/history.h"

#define HISTORY_PACKET_MAX 1024
#define HISTORY_DAYS_MAX 3652
#define HISTORY_ROWS_MAX 20000 /* intervals of one answer at most */

struct history_question {
	struct addr addr; /* WHO: not masked; who was seen there, */
	int64_t from_ms, to_ms; /* at some time from from_ms to to_ms */
	uint16_t days; /* REPORT: today (UTC) and so many days less one before it; at least 1 */
	bool all; /* REPORT: those, too, who did not need the window */
};

struct dependence { /* a subscriber's row of the report */
	struct subscriber who;
	uint32_t window, authenticated, logins, clear; /* of struct day, added up */
	uint16_t days; /* on which the window was needed */
	int64_t login_ms; /* the last login; 0: none in these days */
	struct manners manners;
};

struct history_end {
	enum err
		result; /* ERR_ABSENT: no history is kept; ERR_LIMIT: there are more rows than were sent */
	int64_t began_ms; /* nothing older is known, */
	int64_t keep_ms, counts_ms; /* nor anything longer ago than this: intervals, days */
	int64_t lost_ms; /* when something was last lost; 0: never */
	uint64_t lost; /* how many sightings, since it began */
};

enum history_says {
	HISTORY_INTERVAL = 0x81,
	HISTORY_DEPENDENCE = 0x82,
	HISTORY_END = 0x83,
};

struct history_answer {
	enum history_says says;
	struct interval interval;
	struct dependence dependence;
	struct history_end end;
};

/* Into dst of HISTORY_PACKET_MAX octets; returns how many. */
size_t history_put(const struct history_answer *a, uint8_t *dst);

/* False, and *out untouched, for what history_put() did not write. */
MUST_USE bool history_get(struct str packet, struct history_answer *out);

#endif
