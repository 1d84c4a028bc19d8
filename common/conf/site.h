/* site.h - the settings that all programs of a host have in common, as popgate.conf(5) gives them. */
#ifndef POPGATE_SITE_H
#define POPGATE_SITE_H

#include "common/base/log.h"
#include "common/conf/conf.h"
#include "common/conf/sharing.h"

#define SITE_STORE_LOCK "store.lock" /* below state_dir: flock(2)ed by the store that runs */
#define SITE_LOCKS "locks" /* below state_dir: locks of maildrops that cannot hold their own */
#define SITE_LOST \
	"lost" /* below SITE_LOCKS: its time of change is that of the last lost grant, 0 for none */
#define SITE_STORE_SOCKET "store.sock" /* below run_dir: where it takes requests */

struct window_settings {
	int64_t lifetime_ms; /* an address may relay at least this long after its last login */
	int64_t slack_ms; /* and at most this much longer: what coalescing costs */
	unsigned ipv4_prefix, ipv6_prefix; /* 0-32, 0-128 */
	uint64_t max_size; /* octets: the map of each LMDB environment */
};

/* How long what is known of the past is kept. */
struct history_settings {
	int64_t keep_ms; /* who held which address; 0: no history at all */
	int64_t counts_ms; /* what each subscriber did on each day */
	uint64_t max_size; /* octets: the map */
};

/* What wrong passwords cost; see common/window/penalty.h. */
struct penalty_rules {
	unsigned free; /* failures that cost nothing */
	int64_t max_ms; /* of a delay; 0: nothing costs anything */
	int64_t decay_ms; /* how long until a failure is forgotten */
};

enum site_sandbox { /* in the order of the schema's words; see common/daemon/sandbox.h */
	SITE_SANDBOX_ON,
	SITE_SANDBOX_STRICT,
	SITE_SANDBOX_OFF,
};

/* Texts are borrowed from the struct conf it was read from. */
struct site {
	const char *hostname; /* never empty */
	struct str default_domain; /* may be empty */
	const char *state_dir, *run_dir; /* absolute */
	unsigned workers; /* at least 1 */
	int64_t drain_ms; /* how long old sessions may go on after SIGTERM */
	bool plaintext_always; /* passwords in clear also from other hosts */
	const char *users_path; /* the passwd-file */
	const char *run_as_mail, *run_as_store, *run_as_gate,
		*run_as_group; /* "": stay who we are */
	enum site_sandbox sandbox;
	bool log_syslog;
	enum log_format log_format;
	enum log_level log_level;
	const char *log_socket; /* of syslog */
	struct window_settings window;
	struct history_settings history;
	struct sharing sharing;
	struct penalty_rules penalty;
	/* Lengths of these lists: each message asks, and to look up an option costs more than most lists do. */
	size_t proxies_n, never_n;
	struct conf_section section; /* the root: for lists, with conf_nth() */
};

/* Reads them out of c; complaints says what is contradictory, with file and line. */
MUST_USE enum err site_read(struct site *out, struct conf *c, struct buf *complaints);

/* May a host of that address speak for others: is it in `proxies`? */
bool site_is_proxy(const struct site *s, struct addr a);

/* Is an address of that kind never granted: in window.never, or in `proxies`? The host's own addresses, which are
 * not either, are not known here. */
bool site_is_never(const struct site *s, struct addr a);

/* Opens the log as this site wants it, for the program of that name (a literal). Lines to standard
 * error get systemd's priorities if JOURNAL_STREAM says that it is the journal (systemd.exec(5)). */
void site_open_log(const struct site *s, const char *program);

#endif
