/* history.h - the store's end of its history: what was granted, revoked and sent is told to the historian, a
 * process of the store's own that alone opens history/.
 *
 *	store --- events, questions with the socket of who asks ---> historian --- answers ---> who asked
 *
 * A process and not a table of the store's, so that nothing about it can hurt a grant: a full disk, a damaged
 * file that kills its reader, a slow sync or a long answer is the historian's trouble alone. The store never
 * waits for it: what does not fit the socket waits in a bounded buffer, and what does not fit that is lost,
 * counted and logged (history.lost). A historian that dies is replaced; one that dies of what it read has the
 * file verified and moved aside by the next.
 *
 * Questions are answered over the socket and not from the file, because the file would have to be readable by the
 * group, and the daemons' users, who must not read it, are members of that. */
#ifndef POPGATE_STORE_HISTORY_H
#define POPGATE_STORE_HISTORY_H

#include "common/conf/site.h"
#include "common/window/wire.h"

struct history;

/* Starts the historian; none where history keep is 0. A historian that cannot be started is logged and tried
 * again: only want of memory is an error. site is borrowed. */
MUST_USE enum err history_open(struct history **out, const struct site *site);

/* The historian writes what it was told and ends by itself. */
void history_close(struct history **h);

/* Tells it what the store has done at stamp_ms. until_ms is that of the entry, 0 if r is no grant. */
void history_tell(struct history *h, const struct request *r, int64_t stamp_ms, int64_t until_ms);

/* Sends what was told; after each batch. */
void history_flush(struct history *h);

/* Hands a question and the socket of who asks it over; fd stays the caller's, to be closed. */
void history_question(struct history *h, const struct request *r, int fd);

/* Each second: looks after the historian. */
void history_tick(struct history *h);

/* The historian's main(): the channel is fd. Returns the exit status. */
int historian(int fd);

/* --- between the two ends --- */

#define CHANNEL_PACKET_MAX (32 * 1024)

enum channel_says { /* the first octet of a packet */
	CHANNEL_SETUP = 1, /* struct history_setup as it lies in memory: both ends are one file */
	CHANNEL_EVENTS = 2, /* see history_events.h */
	CHANNEL_QUESTION = 3, /* a packet of wire.h, with a socket (SCM_RIGHTS) */
	CHANNEL_LOST = 4, /* int64_t, uint64_t as they lie in memory: when, how many */
};

struct history_setup {
	int64_t keep_ms, counts_ms;
	uint64_t max_size;
	unsigned ipv4_prefix, ipv6_prefix;
	bool suspect; /* the last one died of something */
	enum site_sandbox sandbox;
	bool syslog;
	enum log_format format;
	enum log_level level;
	char state_dir[4000];
};

#endif
