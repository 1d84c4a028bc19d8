/* pop3.h - the POP3 server as an engine (RFC 1939, 2449, 3206): octets in, octets out, questions to its
 * owner. It knows no socket, no file and no account; serve.c answers it, and tests do.
 *
 *	greeting -> AUTHORIZATION -> TRANSACTION -> UPDATE
 *
 * On STEP_ASK pop3->ask says what is wanted; the owner calls the function named there and then has the
 * engine run again. */
#ifndef POPGATE_POP3_H
#define POPGATE_POP3_H

#include "common/line/engine.h"
#include "pop3d/send.h"

#define POP3_LINE_MAX 255 /* octets of a command with its line end, RFC 2449 4 */
#define POP3_IN_MAX 4096 /* what a connection has to hold for it */
#define POP3_PIECE_MAX 32768 /* octets of a message that pop3_piece() may be given */
#define POP3_OUT_MAX (128 * 1024) /* what it says before it stops to be written out */

enum pop3_phase {
	POP3_AUTHORIZATION = 1,
	POP3_TRANSACTION = 2,
	POP3_UPDATE = 4,
};

enum pop3_asks {
	POP3_ASKS_NOTHING,
	POP3_ASKS_LOGIN, /* name and password: pop3_login() */
	POP3_ASKS_SCAN, /* the messages: pop3_scanned() or pop3_not_scanned() */
	POP3_ASKS_PIECE, /* of message, from offset on: pop3_piece() */
	POP3_ASKS_UPDATE, /* delete what is doomed, if anything is, and give the lock up: pop3_updated() */
};

enum pop3_login {
	POP3_WELCOME,
	POP3_REFUSED, /* not this name with this password */
	POP3_IN_USE, /* right, but the maildrop is locked */
	POP3_LATER, /* cannot be decided, or not be opened, now */
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
	bool secure; /* passwords may come in clear */
	const char *hostname; /* borrowed */
	struct {
		enum pop3_asks kind;
		struct str name, password; /* LOGIN: borrowed from this struct */
		size_t message; /* PIECE: from 0 */
		uint64_t offset;
	} ask;
	struct { /* for the log */
		unsigned retrieved, top, deleted, errors;
		uint64_t octets; /* of messages sent */
	} done;
	bool *doomed; /* owned; drop.n of them, once scanned */

	/* private */
	enum step (*then)(
		struct pop3 *p, struct buf *out); /* what to do with the answer, or go on with */
	struct pop3_drop drop;
	bool greeted, scanned, skipping;
	unsigned failures;
	char user[POP3_LINE_MAX + 1], secret[POP3_LINE_MAX + 1];
	size_t user_n, secret_n;
	enum pop3_login verdict;
	enum pop3_piece piece_kind;
	struct str piece;
	size_t at, stayed;
	struct send send;
};

/* Plain value, nothing on the heap yet. secure: passwords are taken in clear. hostname is borrowed. */
void pop3_init(struct pop3 *p, const char *hostname, bool secure);

/* Wipes and frees what it holds. */
void pop3_free(struct pop3 *p);

/* The answers. Each only to its question; then the engine is to be run again. */
void pop3_login(struct pop3 *p, enum pop3_login verdict);
void pop3_scanned(struct pop3 *p, const struct pop3_drop *drop);
void pop3_not_scanned(struct pop3 *p);
void pop3_piece(
	struct pop3 *p, enum pop3_piece kind, struct str octets); /* borrowed until the next run */
void pop3_updated(struct pop3 *p, size_t stayed);

#endif
