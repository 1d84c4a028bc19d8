/* brownout.h - how the window is retired, subscriber by subscriber: until when it counts, and when before that
 * it is refused for a while already, so that nobody is surprised by the end. AUTH is never concerned. Pure:
 * the time is an argument, and so are the groups that the account file has a subscriber in.
 *
 * Of the sections of popgate.conf the first one that concerns a subscriber is his; one without end and
 * schedule exempts him from those behind it. */
#ifndef POPGATE_GATE_BROWNOUT_H
#define POPGATE_GATE_BROWNOUT_H

#include "common/base/subscriber.h"
#include "common/conf/conf.h"

#define BROWNOUTS_MAX 32
#define BROWNOUT_STEPS_MAX 32 /* of a section */
#define BROWNOUT_TEXT_MAX 400 /* octets of what a client is told */
#define BROWNOUT_STEP_TEXT 80 /* octets of a step as text, with NUL */

struct brown_time { /* a moment as the clock on the wall shows it */
	int date; /* 20270331 */
	int minute; /* of the day: 0 to 1439; an hour that comes twice is there twice, one that does not is not */
	int weekday; /* 0 is Monday */
	int64_t hour; /* whole hours since 1970: the same on every wall */
};

/* In UTC, or in the zone of the host (tzset(3)). */
struct brown_time brown_time(int64_t now_ms, bool utc);

struct brown_step { /* of a schedule: since a date a share of all hours, or times of the week, are refused */
	int from; /* 20270201; 0: from the beginning */
	unsigned share; /* percent of the hours; 0: by the week */
	unsigned days; /* bits, Monday is 1 */
	int begin, end; /* minutes of those days; 0 and 1440 for all day */
};

/* "5%", "from 2027-02-01 20%", "Mon-Fri 09:00-12:00", "from 2027-03-01 Sat,Sun", "daily 08:00-20:00". On
 * failure *out is untouched. */
MUST_USE bool brown_step_read(struct str text, struct brown_step *out);

/* As brown_step_read() reads it; dst has BROWNOUT_STEP_TEXT octets. Returns dst. */
char *brown_step_format(const struct brown_step *s, char *dst);

/* Does s refuse at t, whatever its from says? Of 100 hours in a row exactly share are refused, spread over them
 * and, in 25 days, over all hours of the day. */
bool brown_step_refuses(const struct brown_step *s, const struct brown_time *t);

struct brownout { /* a section; texts are borrowed from the struct conf unless they stand here */
	const char *name;
	struct conf_section section; /* for users and groups; neither: everybody */
	struct str default_domain;
	int end; /* the last day on which the window counts: 20270331; 0: none */
	size_t steps_n;
	struct brown_step steps[BROWNOUT_STEPS_MAX];
	bool utc; /* dates and times; else the host's own */
	bool defer; /* 451 instead of 550 */
	char text[BROWNOUT_TEXT_MAX + 1]; /* for the client, with the URL */
	unsigned line; /* of the section's first setting; 0: it has none */
};

struct brownouts {
	size_t n;
	struct brownout at[BROWNOUTS_MAX]; /* in the order of the file */
};

/* Reads the brownout sections of s; complains of what cannot be read or can never happen. */
void brownouts_read(struct brownouts *out, struct conf_section s, struct str default_domain,
	struct buf *complaints);

enum brownout_state {
	BROWNOUT_NONE, /* the window counts */
	BROWNOUT_NOW, /* not for the moment */
	BROWNOUT_ENDED, /* not any more */
};

struct brownout_found {
	const struct brownout *of; /* NULL: none concerns him */
	const struct brown_step *step; /* NOW: what refuses */
	enum brownout_state state;
};

/* groups: as the account file has them, a,b; empty for none. */
struct brownout_found brownouts_find(
	const struct brownouts *b, const struct subscriber *who, struct str groups, int64_t now_ms);

#endif
