/* view.h - which client addresses may relay, and until when: the reader's side.
 *
 * Only the store writes the window (popgate-store(8)); everyone else reads this view of it, or asks
 * the store (ask.h). A key is a 16-octet address masked as view/meta says, IPv4 mapped into IPv6, so
 * a client has one key. All times are milliseconds since 1970, and the present is an argument; a
 * reader's present is the later of it and the highest stamp in the view. No call leaves a transaction
 * open. When the store has made a new view (a rebuild), view_refresh() moves over to it. */
#ifndef POPGATE_VIEW_H
#define POPGATE_VIEW_H

#include "common/window/credit.h"
#include "common/window/grant.h"
#include "common/window/hits.h"
#include "common/window/minutes.h"
#include "common/window/penalty.h"
#include "common/window/rate.h"

#define HOLDERS_MAX 16

struct view; /* opaque: one environment opened for reading; use it from one thread, after fork+exec */

enum held { /* UNKNOWN is neither of the others: the caller refuses for now */
	HELD,
	NOT_HELD,
	UNKNOWN,
};
struct holder { /* a plain value, copied out */
	struct subscriber who;
	struct source source;
	uint16_t port; /* of the last login */
	uint32_t logins; /* counted since the entry was made */
	int64_t login_ms, until_ms; /* relay is refused from until_ms on */
	struct fingerprint account; /* as it was proved; none where it was not */
};
struct holders {
	size_t n, all; /* n in the array, the latest logins first; all there are */
	struct holder at[HOLDERS_MAX];
};
struct entry { /* what a listing gives */
	struct addr key;
	struct holder holder;
};

/* Who knows the accounts says whether the one of who has changed since a login with that fingerprint; such
 * an entry does not count. */
struct view_judge {
	bool (*changed)(void *ctx, const struct subscriber *who, const struct fingerprint *then);
	void *ctx;
};

/* Opens the view below state_dir for reading; never makes one. On success *out is the caller's until
 * view_close(); on any failure *out is untouched. ERR_ABSENT: no store has run here yet; ERR_DENIED:
 * lock.mdb cannot be written, and LMDB would read without a reader slot. */
MUST_USE enum err view_open(struct view **out, const char *state_dir);

/* Closes *v and sets it to NULL; a NULL or half-made *v is fine. */
void view_close(struct view **v);

/* From now on, also when the view is replaced. Without a judge no account has changed. */
void view_set_judge(struct view *v, const struct view_judge *judge);

/* To be called each second: reopens if the view was replaced by a new one. Fails like view_open(),
 * and then the old one stays, for listings, and every answer is UNKNOWN. */
MUST_USE enum err view_refresh(struct view *v);

/* Who may relay from a at now_ms. *out is set only on HELD. NOT_HELD is said only of a view that is
 * current; a store that stopped, a rebuild, a lost grant make it UNKNOWN. A NULL v is UNKNOWN. */
MUST_USE enum held view_check(struct view *v, struct addr a, int64_t now_ms, struct holders *out);

/* May the view say no at now_ms? (meta whole, heartbeat under 5 s old, no recent lost grant) */
bool view_current(struct view *v, int64_t now_ms);

/* Until when no view says no because a worker lost a grant, INT64_MAX if that cannot be told; 0: none was lost,
 * or there is no view to ask. */
int64_t view_lost(struct view *v, int64_t now_ms);

/* The latest live entry of who on any address; false for "that is not known", too: no decision may hang on it. Costs a
 * look for each address that he holds. *out is set only on true. */
MUST_USE bool view_find(
	struct view *v, const struct subscriber *who, int64_t now_ms, struct entry *out);

/* Does a live entry of who stand on a's key? False for "that is not known", too. *out, which may be NULL, is
 * set only on true; it finds those, too, whom view_check() had no room for. */
bool view_holds(struct view *v, struct addr a, const struct subscriber *who, int64_t now_ms,
	struct holder *out);

/* How long a proof of who from a has to wait, in ms, for wrong ones before; 0 where that is not known. */
int64_t view_delay(struct view *v, struct addr a, const struct subscriber *who,
	const struct penalty_rules *rules, int64_t now_ms);

/* How much was sent within the hour up to now_ms, as workers have reported it (ask_uses()): from a's key, and
 * by who, with his last reported login. False: there is no view to ask. Without a store the numbers are
 * those of its end. */
struct rates {
	struct rate_now key, who; /* who: zero if who->n is 0 */
	int64_t login_ms; /* 0: none within eight days */
};
MUST_USE bool view_rate(struct view *v, struct addr a, const struct subscriber *who, int64_t now_ms,
	struct rates *out);

/* How many logins there were in each of the last 60 minutes, as the store counts them. False: an older store
 * made the view, or there is none yet. */
MUST_USE bool view_minutes(struct view *v, struct minutes *out);

/* How much who has sent since his last login from a because a holds his window (ask_uses()). False: there is
 * no view to ask. */
MUST_USE bool view_credit(
	struct view *v, struct addr a, const struct subscriber *who, struct credit *out);

/* How often a login came from a network that is never granted; NULL: from one of the host's own addresses.
 * Zero where none did. False: there is no view to ask. */
MUST_USE bool view_hits(struct view *v, const struct network *never, struct hits *out);

/* One page of live entries in the order of keys, from the place in *cursor on; all zero starts. An
 * expired or revoked entry is left out unless dead is set. *n is how many were put into page; fewer than
 * max means that this was the last. A page is one short transaction. */
struct view_cursor {
	struct addr key;
	struct subscriber who;
	bool started;
};
MUST_USE enum err view_page(struct view *v, int64_t now_ms, bool dead, struct view_cursor *cursor,
	struct entry *page, size_t max, size_t *n);

/* Facts of the view for people: sizes in octets, counts, the store's heartbeat and highest stamp. */
struct view_facts {
	uint64_t entries, map_size, used;
	unsigned ipv4_prefix, ipv6_prefix;
	unsigned readers;
	int64_t heartbeat_ms, stamp_ms;
	int64_t lost_until_ms; /* until then a lost grant makes every no UNKNOWN; 0: none was lost */
	uint64_t grants, coalesced, revocations, lost; /* since this view was made */
};
MUST_USE enum err view_facts(struct view *v, struct view_facts *out);

#endif
