/* pop3.h - the POP3 server as an engine (RFC 1939, 2449, 2595, 3206, 5034, 6856): octets in, octets out,
 * questions to its owner. It knows no socket, no file and no account; serve.c answers it, and tests do.
 *
 *	greeting -> AUTHORIZATION -> TRANSACTION -> UPDATE
 *
 * On STEP_ASK pop3->ask says what is wanted; the owner calls the function named there and then has the
 * engine run again. */
#ifndef POPGATE_POP3_H
#define POPGATE_POP3_H

#include "common/base/addr.h"
#include "common/line/engine.h"
#include "pop3d/send.h"

#define POP3_LINE_MAX 255 /* octets of a command with its line end, RFC 2449 4 */
#define POP3_RESPONSE_MAX 12288 /* octets of a SASL response, decoded */
#define POP3_BASE64_MAX 16384 /* and as it comes, less the line end and what AUTH says before it */
#define POP3_IN_MAX (POP3_BASE64_MAX + 1024) /* what a connection has to hold for it */
#define POP3_MECHANISM_MAX 20 /* octets of a mechanism's name, RFC 4422 3.1 */
#define POP3_STAMP_MAX 256 /* octets of APOP's timestamp with its brackets and a NUL */
#define POP3_PIECE_MAX 32768 /* octets of a message that pop3_piece() may be given */
#define POP3_OUT_MAX (128 * 1024) /* what it says before it stops to be written out */

enum pop3_phase {
	POP3_AUTHORIZATION = 1,
	POP3_TRANSACTION = 2,
	POP3_UPDATE = 4,
};

enum pop3_asks {
	POP3_ASKS_NOTHING,
	POP3_ASKS_FACTS, /* at the start and again behind a TLS handshake: pop3_facts() */
	POP3_ASKS_LOGIN, /* name and password, by USER and PASS or by APOP: pop3_login() */
	POP3_ASKS_AUTH, /* mechanism and response, by AUTH: pop3_challenge() or pop3_login() */
	POP3_ASKS_RESPONSE, /* to the challenge: pop3_challenge() or pop3_login() */
	POP3_ASKS_CANCEL, /* forget that exchange: pop3_cancelled() */
	POP3_ASKS_SCAN, /* the messages: pop3_scanned() or pop3_not_scanned() */
	POP3_ASKS_PIECE, /* of message, from offset on: pop3_piece() */
	POP3_ASKS_UPDATE, /* delete what is doomed, if anything is, and give the lock up: pop3_updated() */
};

/* What the connection is, and what may be said of it. Texts are borrowed until the next pop3_facts(). */
struct pop3_facts {
	const char *hostname;
	const char
		*stamp; /* letters and digits, new for each connection: of the APOP timestamp; NULL
			      where nobody can log in with APOP. Looked at before the greeting alone */
	const char
		*mechanisms; /* of SASL, with one space between them, the best first; "" for none */
	const char *implementation; /* NULL: not said */
	unsigned login_delay_s; /* between two logins; 0: any */
	bool tls; /* spoken now */
	bool stls; /* can be turned to */
	bool secure; /* passwords may be sent */
	struct endpoint client; /* for XADR: who we think it is, */
	const char *way; /* and how we know: "direct", "proxy", "local", "unknown" */
};

enum pop3_login {
	POP3_WELCOME,
	POP3_REFUSED, /* not this name with this password */
	POP3_MALFORMED, /* the response is not what the mechanism wants */
	POP3_NO_MECHANISM, /* of that name */
	POP3_NOT_IN_CLEAR, /* it would send the password, and nothing hides it */
	POP3_IN_USE, /* right, but the maildrop is locked */
	POP3_TOO_SOON, /* right, but too soon after the login before */
	POP3_LATER, /* cannot be decided, or not be opened, now */
	POP3_BROKEN, /* nor later, until somebody mends the maildrop */
};

enum pop3_piece {
	POP3_PIECE_MORE,
	POP3_PIECE_LAST,
	POP3_PIECE_GONE, /* the message is not there, or not whole, any more */
};

struct pop3_drop { /* what the session has before it; owned by the engine's owner */
	size_t n;
	uint64_t (*octets)(void *ctx, size_t i);
	const char *(*uidl)(void *ctx, size_t i);
	void *ctx;
};

struct pop3 {
	struct engine engine; /* the first member */
	enum pop3_phase phase;
	struct pop3_facts facts;
	struct {
		enum pop3_asks kind;
		const char *mechanism; /* LOGIN: "PLAIN" or "APOP"; AUTH: upper case; these and the
					  texts below: borrowed from this struct */
		struct str name, password; /* LOGIN; with APOP the password is the digest */
		struct str response; /* AUTH, RESPONSE: decoded; AUTH: p is NULL if there is none */
		size_t message; /* PIECE: from 0 */
		uint64_t offset;
	} ask;
	struct { /* for the log */
		unsigned retrieved, top, deleted, errors;
		uint64_t octets; /* of messages sent */
		const char *why; /* we hung up: "errors", "failures", "foreign"; NULL: we did not */
		const char *foreign; /* protocol that was spoken instead: "http", ... */
	} done;
	bool *doomed; /* owned; drop.n of them, once scanned */

	/* private */
	enum step (*then)(
		struct pop3 *p, struct buf *out); /* what to do with the answer, or go on with */
	struct pop3_drop drop;
	bool greeted, scanned, skipping, responding, utf8, evicted;
	unsigned failures, errors_in_row;
	struct buf user; /* that USER named; empty: none */
	char mechanism[POP3_MECHANISM_MAX + 1];
	char stamp[POP3_MECHANISM_MAX + 1]; /* "": no APOP */
	struct buf secret; /* password, digest or response; wiped when answered */
	struct buf challenge; /* not yet in base64 */
	const char *complaint; /* why an exchange was cancelled */
	enum pop3_login verdict;
	enum pop3_piece piece_kind;
	struct str piece;
	size_t at, stayed;
	struct send send;
};

/* Plain value, nothing on the heap yet. */
void pop3_init(struct pop3 *p);

/* Wipes and frees what it holds. */
void pop3_free(struct pop3 *p);

/* The timestamp of the greeting with its brackets (RFC 1939 7, APOP): into dst of POP3_STAMP_MAX octets,
 * "" if there was none. Returns dst. */
char *pop3_stamp(const struct pop3 *p, char *dst);

/* The account is not what it was when the client logged in: the session ends before its next command, with a
 * word and without UPDATE. The owner ends the connection as for a shutdown once pop3_between() says that nobody
 * would miss anything. */
void pop3_evict(struct pop3 *p);

/* Is no command under way, and no answer? */
bool pop3_between(const struct pop3 *p);

/* The answers. Each only to its question; then the engine is to be run again. */
void pop3_facts(struct pop3 *p, const struct pop3_facts *facts);
void pop3_login(struct pop3 *p, enum pop3_login verdict);
void pop3_challenge(struct pop3 *p, struct str octets); /* copied */
void pop3_cancelled(struct pop3 *p);
void pop3_scanned(struct pop3 *p, const struct pop3_drop *drop);
void pop3_not_scanned(struct pop3 *p);
void pop3_piece(
	struct pop3 *p, enum pop3_piece kind, struct str octets); /* borrowed until the next run */
void pop3_updated(struct pop3 *p, size_t stayed);

#endif
