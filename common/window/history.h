/* history.h - who held which key from when to when, and who needs the window: rows of history/ as octets. Pure.
 *
 * An interval says that a subscriber was seen on a key: by logins that opened the window, each extending it to
 * its end, or by messages that were relayed, each close enough to the one before. It keeps the first and the
 * last sighting and the range of client ports between them, because behind a NAT a port says more than an
 * address. It never grows over more than a day, so that what it remembers goes when its time has come. */
#ifndef POPGATE_HISTORY_H
#define POPGATE_HISTORY_H

#include "common/window/rate.h"

#define HISTORY_DIR "history" /* below state_dir */
#define INTERVAL_MAX_MS (INT64_C(24) * 60 * 60 * 1000)
#define INTERVAL_GAP_MS (INT64_C(60) * 60 * 1000) /* between two messages of one interval at most */
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

enum interval_kind {
	INTERVAL_LOGIN = 1, /* held the window */
	INTERVAL_SENT = 2, /* relayed messages, with AUTH or by the window */
};

struct sighting {
	int64_t ms;
	uint16_t port; /* the client's; 0: of no connection */
	char sid[SID_TEXT]; /* "": of no session */
};

struct interval {
	struct addr key; /* masked */
	struct subscriber who;
	enum interval_kind kind;
	int64_t from_ms, until_ms; /* until_ms is behind it */
	struct source
		source; /* of the last sighting; SENT: "smtp", and the mechanism or "window" */
	uint32_t times; /* logins, or messages */
	struct sighting first, last;
	uint16_t port_low, port_high; /* of all sightings; 0: of none */
};

/* One sighting as an interval of its own, until until_ms. */
struct interval interval_of_grant(
	const struct grant *g, struct addr key, int64_t stamp_ms, int64_t until_ms);
struct interval interval_of_use(const struct use *u, struct addr key, int64_t stamp_ms);

/* Adds a later sighting of the same subscriber, key and kind. False, and *i untouched but for an end that
 * never lies behind next's beginning, if next is an interval of its own. */
MUST_USE bool interval_extend(struct interval *i, const struct interval *next);

#define INTERVAL_KEY_MAX (16 + SUBSCRIBER_MAX + 1 + 1 + 8)
#define INTERVAL_VALUE_MAX 128

/* Keys sort by address, subscriber, kind, beginning. Return how many octets are used. */
size_t interval_key(const struct interval *i, uint8_t *dst);
size_t interval_value(const struct interval *i, uint8_t *dst);
MUST_USE bool interval_read(struct str key, struct str value, struct interval *out);

struct day { /* what a subscriber did on one day (UTC) */
	struct subscriber who;
	uint16_t day; /* since 1970 */
	uint32_t window, authenticated; /* messages that needed the window, that came with AUTH */
	uint32_t logins, clear; /* POP3; without TLS */
	int64_t login_ms; /* the last; 0: none */
};

#define DAY_KEY_MAX (SUBSCRIBER_MAX + 1 + 2)
#define DAY_VALUE_MAX 40

size_t day_key(const struct day *d, uint8_t *dst); /* sorts by subscriber, then day */
size_t day_value(const struct day *d, uint8_t *dst);
MUST_USE bool day_read(struct str key, struct str value, struct day *out);

/* Adds what the other of the same subscriber and day counted. */
void day_add(struct day *d, const struct day *other);

struct manner { /* how a subscriber last sent a message */
	int64_t ms; /* 0: never */
	struct addr addr; /* the client's, not masked */
	uint16_t listener; /* the port it connected to */
	bool tls;
	char helo[USE_HELO_MAX + 1];
};

struct manners {
	struct manner by_window, by_auth;
};

#define MANNERS_MAX 256

struct manner manner_of_use(const struct use *u, int64_t stamp_ms);
size_t manners_value(const struct manners *m, uint8_t *dst);
MUST_USE bool manners_read(struct str value, struct manners *out);

#endif
