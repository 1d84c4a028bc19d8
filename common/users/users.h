/* users.h - proving who a client is: an exchange of mechanism and octets, behind which any source of
 * accounts may stand.
 *
 * An exchange is begun with the name of a SASL mechanism (RFC 4422) and fed the client's responses;
 * for each it says CONTINUE, OK or FAIL. It is asynchronous: an answer may come before users_step()
 * returns or later, from the loop, and always through the call-back; an exchange can be ended at any
 * time, and then its call-back is not called any more. USER and PASS are PLAIN with one response.
 *
 * Costly work (hashes, reading the file) runs in a pool that the owner lends. Wrong passwords are reported
 * to the owner, who says in return how long the next one has to wait. */
#ifndef POPGATE_USERS_H
#define POPGATE_USERS_H

#include "common/base/addr.h"
#include "common/base/fingerprint.h"
#include "common/base/subscriber.h"

#define USERS_RESPONSE_MAX 12288 /* octets of one decoded response (RFC 4954 4, 12) */

/* A pool of threads: run(job) in one of them, then done(job) on the loop's own thread. False, and
 * neither is called, when the pool takes no more. work.h and crew.h of common/net have this shape. */
struct users_pool {
	bool (*submit)(void *ctx, void (*run)(void *job), void (*done)(void *job), void *job);
	void *ctx;
};

/* Waits on the loop: fn(owner) in ms milliseconds, unless it is stopped before. False without memory. */
struct users_timer {
	bool (*start)(void *ctx, int64_t ms, void (*fn)(void *owner), void *owner, void **wait);
	void (*stop)(void **wait); /* takes NULL; sets *wait to NULL */
	void *ctx;
};

/* What wrong passwords cost. who->n is 0 where a name could not be folded. */
struct users_penalties {
	/* How long a proof of who from client has to wait before it is looked at, in ms. *trusted: the
	 * address holds who's window, so it is looked at at once and only a wrong one waits. */
	int64_t (*delay)(
		void *ctx, struct addr client, const struct subscriber *who, bool *trusted);

	/* A wrong one. secret is the same for the same wrong password of the same name, and 0 where the
	 * mechanism does not show it. */
	void (*failed)(
		void *ctx, struct addr client, const struct subscriber *who, uint64_t secret);
	void *ctx;
};

struct cache;

/* What the owner lends. Only pool must be there: without a timer or penalties nothing waits, without a
 * cache nothing is kept between logins. */
struct users_lent {
	struct users_pool pool;
	struct users_pool hashing; /* HASHING_AT_ONCE jobs at a time; left out: pool */
	struct users_timer timer;
	struct users_penalties penalties;
	struct cache *cache; /* borrowed */
};

struct users; /* opaque; lives on one loop */
struct exchange; /* opaque */

enum users_says {
	USERS_CONTINUE, /* send challenge, come back with the client's response */
	USERS_OK, /* who is set */
	USERS_FAIL, /* why is set; to the client every reason but AWAY and SYNTAX sounds the same */
};
enum users_why { /* for the log and the reply code, never for the client's ears in detail */
	USERS_WHY_NONE,
	USERS_WHY_UNKNOWN, /* no such subscriber */
	USERS_WHY_PASSWORD, /* wrong */
	USERS_WHY_DISABLED, /* the account exists and may not log in */
	USERS_WHY_SYNTAX, /* the response is not what the mechanism wants */
	USERS_WHY_AWAY, /* cannot be decided now: no account file, no memory, the pool is full */
};

struct users_answer {
	enum users_says says;
	enum users_why why; /* with FAIL */
	struct subscriber
		who; /* OK; with FAIL the name that was tried, if it could be folded, else n == 0 */
	struct fingerprint account; /* OK: the account as it was proved */
	struct str challenge; /* CONTINUE: octets not yet in base64, borrowed for the call */
};
typedef void users_heard(
	void *owner, const struct users_answer *answer); /* the one call-back type */

/* Into dst, of USERS_BINDING octets, the tls-exporter (RFC 9266) of the client's connection. False: not now. Asked only
 * for an exchange that binds to it: it costs a fortieth of a TLS session. */
#define USERS_BINDING 32
typedef bool users_binding(void *of, uint8_t *dst);

/* What the mechanism may depend on. Texts are borrowed for the call, service and hostname until
 * users_end(). */
struct users_facts {
	struct addr client;
	uint16_t port;
	bool tls;
	bool secure; /* the password itself may be sent: under TLS, or as the operator said */
	const char *service; /* "pop", "smtp": the SASL service name (RFC 5034 2, RFC 4954 9) */
	const char *hostname;
	users_binding *binding; /* for the -PLUS mechanisms; NULL: there is nothing to bind to */
	void *bound; /* what it is asked of */
	struct str apop; /* the greeting's timestamp with its brackets, for APOP; empty: none */
};

/* Opens the passwd-file at path (passwd-file(5) of Dovecot: name:{SCHEME}hash:...). default_domain is
 * borrowed. Reads the file before it returns; ERR_ABSENT or ERR_DENIED if it cannot be read: *out is
 * then made all the same, knows nobody, answers AWAY and tries again with users_refresh(). Lines that
 * cannot be read are logged with their number and left out. */
MUST_USE enum err users_open(struct users **out, const char *path, struct str default_domain,
	const struct users_lent *lent);

/* Ends all; every exchange must be ended and every job of what was lent done. */
void users_close(struct users **u);

/* To be called each second: if the file has changed, reads it in the pool and swaps it in. What cannot be
 * read, has no account, or grew while it was read, leaves the one in use, and so does, for USERS_DOUBT_MS,
 * one that lost more than half of many accounts: it may be half of a file. */
void users_refresh(struct users *u);

#define USERS_DOUBT_MS 10000

/* Grows each time another file is in use. */
unsigned users_edition(const struct users *u);

/* Is the account of who known to be another one than when that fingerprint was taken: its password is, it
 * may no longer log in, or it is gone? False where that cannot be told. */
bool users_changed(struct users *u, const struct subscriber *who, const struct fingerprint *then);

#define USERS_MECHANISMS_TEXT 128

/* The SASL mechanisms to announce with these facts, the best first, one space between them: those that
 * send the password only if facts->secure, CRAM-MD5 only while an account has a plain secret, SCRAM only
 * while an account has that or SCRAM's keys, -PLUS only with a binding. dst has USERS_MECHANISMS_TEXT octets. Returns dst. */
char *users_mechanisms(const struct users *u, const struct users_facts *facts, char *dst);

/* Can anyone log in with APOP: does an account store a plain secret? */
bool users_apop(const struct users *u);

/* Does such a subscriber exist, enabled or not? Costs a look into memory. A name that is an alias
 * (addresses= in the file) gives its owner in *owner, if owner is not NULL. */
bool users_owns(struct users *u, const struct subscriber *address, struct subscriber *owner);

/* Is address one of addresses= of who, whoever else has it? */
bool users_lists(
	const struct users *u, const struct subscriber *who, const struct subscriber *address);

/* The groups of a subscriber, "a,b", as the file has them; empty for none, and for who is not there. Borrowed:
 * not over a turn of the loop. */
struct str users_groups(const struct users *u, const struct subscriber *who);

/* Has the file ever been read? Until then a no of users_owns() is none. */
bool users_known(const struct users *u);

/* ERR_ABSENT: no such mechanism; ERR_DENIED: it sends the password and facts say that this is not
 * secure. "APOP" (RFC 1939 7) is a mechanism with one response here, that of users_plain() with the
 * digest for a password; it is never announced for AUTH. heard(owner, ...) will be called once for each step. */
MUST_USE enum err users_begin(struct exchange **out, struct users *u, const char *mechanism,
	const struct users_facts *facts, users_heard *heard, void *owner);

/* SCRAM answers a right proof with CONTINUE and its own proof; the client's empty response is then OK.
 * The client's response, copied and wiped by the exchange; over USERS_RESPONSE_MAX is FAIL SYNTAX.
 * An empty first response where the client gave none: pass NULL p. */
void users_step(struct exchange *x, struct str response);

/* The response of PLAIN (RFC 4616) that says the same as USER and PASS: into dst, at most its limit;
 * false if name or password hold a NUL or it does not fit. */
MUST_USE bool users_plain(struct str name, struct str password, char *dst, size_t size, size_t *n);

/* Forgets the exchange, answered or not; wipes what it held. Takes NULL. */
void users_end(struct exchange **x);

/* Why, as the log says it: "unknown", "password", ... */
const char *users_why_text(enum users_why why);

#endif
