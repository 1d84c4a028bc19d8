/* users_private.h - what users.c (the source of accounts) and the exchanges over it share. */
#ifndef POPGATE_USERS_PRIVATE_H
#define POPGATE_USERS_PRIVATE_H

#include <sys/types.h>
#include <time.h>

#include "common/users/accountprint.h"
#include "common/users/cache.h"
#include "common/users/hashing.h"
#include "common/users/passwdfile.h"
#include "common/users/sasl.h"
#include "common/users/users.h"

struct stamp { /* tells one state of the file from another */
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec modified, touched;
};

struct users {
	char *path, *domain; /* owned */
	struct users_lent lent;
	struct hashing hashing;
	struct sasl *sasl; /* owned */
	struct cache *own_cache; /* owned; NULL: one was lent */
	struct cache *cache; /* the one or the other */
	struct passwdfile *file; /* owned; NULL: nobody is known */
	struct accountprints prints; /* of file */
	struct stamp stamp; /* of file */
	struct stamp doubted; /* of one that lost many accounts, first seen at */
	int64_t doubted_ms; /* steady clock */
	unsigned edition;
	bool reading; /* a job is under way */
};

/* What an exchange finds of a name; nobody has a stored password of the usual kind, to be verified in vain. */
struct found {
	bool known, disabled;
	struct str stored; /* borrowed until the file is swapped: not over a turn of the loop */
};

/* ERR_AWAY: there is no file. */
MUST_USE enum err users_find(
	const struct users *u, const struct subscriber *who, struct found *out);

/* Of an account that was found, at this moment. */
struct fingerprint users_print(
	const struct users *u, const struct subscriber *who, const struct found *found);

bool users_have(const struct users *u, enum hash_kind kind);

/* --- exchanges --- */

struct mechanism {
	const char *name;
	unsigned needs; /* bits of exchange.c */
	enum sasl_mechanism sasl; /* with NEEDS_SASL */
	void (*step)(struct exchange *x, struct str response);
};

enum exchange_phase {
	EXCHANGE_BEGUN,
	EXCHANGE_ASKED, /* the client was sent a challenge without content, or LOGIN's first */
	EXCHANGE_NAMED, /* the subscriber is known, the proof is wanted */
	EXCHANGE_JUDGED, /* SCRAM: right; the client has to hear our proof first */
};

struct exchange {
	struct users *users;
	const struct mechanism *mechanism;
	users_heard *heard;
	void *owner;
	struct addr client;
	enum exchange_phase phase;
	struct sasl_session *sasl; /* owned, or NULL */
	char *apop; /* owned, or NULL: the greeting's timestamp */
	struct subscriber who; /* n == 0: not named, or by a name that nobody can have */
	bool known, disabled; /* of the account, as it was looked up last */
	struct fingerprint account; /* as it was looked up first */
	struct scram keys; /* of SCRAM: what was sent of them, and the keys where they are stored */
	bool stored_keys; /* keys are whole */

	/* the proof under way */
	char *held; /* owned: the response it stands in */
	size_t held_n;
	struct str secret; /* in held: the password that was sent; empty if none was */
	void (*judge)(struct exchange *x);
	struct hash_job *job; /* under way, or NULL */
	void *wait; /* under way, or NULL */
	int64_t late_ms; /* what a wrong proof has to wait before its answer */
	enum users_why why;
};

/* exchange.c, for the mechanisms: each is the last thing they do, because the owner may end x in it. */

/* Asks for the next response. */
void exchange_challenge(struct exchange *x, enum exchange_phase next, struct str challenge);

/* Keeps response and runs judge(x) on it, after what wrong ones before have cost. who is set. */
void exchange_prove(struct exchange *x, struct str response, void (*judge)(struct exchange *x));

/* The proof is judged, or what came was none. USERS_WHY_NONE: it is right. */
void exchange_conclude(struct exchange *x, enum users_why why);

/* The account of x->who, into known and disabled as well; false: away, and that is concluded. */
MUST_USE bool exchange_find(struct exchange *x, struct found *out);

/* Keeps the fingerprint of the account that was found, if it is the first look. */
void exchange_note(struct exchange *x, const struct found *found);

/* Why, of a proof that was right or not, for the account as it was found. */
enum users_why exchange_verdict(const struct exchange *x, bool right);

/* mechanisms.c */
void plain_step(struct exchange *x, struct str response);
void login_step(struct exchange *x, struct str response);
void apop_step(struct exchange *x, struct str response);
void cram_step(struct exchange *x, struct str response);
void scram_step(struct exchange *x, struct str response);
bool scram_named(void *owner, struct str name, struct str authzid, struct scram *salt);

#endif
