/* hashing.h - costly work of exchanges in the threads that the owner lent: one at a time, the others in a
 * queue with a bound. */
#ifndef POPGATE_HASHING_H
#define POPGATE_HASHING_H

#include "common/base/list.h"
#include "common/users/hash.h"
#include "common/users/users.h"

/* A thread a worker, a worker a core: with two, four on two cores, the loops had to wait for one that was not through
 * with its share; with argon2id other logins' p99 was 12 to 72 ms instead of 9, for a tenth more first logins a second. */
#define HASHING_AT_ONCE 1
#define HASHING_WAITING_MAX 1024

struct hashing {
	struct users_pool pool;
	unsigned running, waiting;
	struct node queue;
};

/* One piece of work on copies. Made zeroed by hashing_new(), freed and wiped by us. */
struct hash_job {
	struct hashing *hashing;
	struct node node; /* while it waits */
	/* NULL: nobody waits for it any more. Called with a NULL j when the pool refused it: it has other work, or there was no memory. */
	void (*done)(void *owner, const struct hash_job *j);
	void *owner;
	bool derive; /* scram_derive() into keys, else hash_verify() */
	bool right; /* the result: verified, or derived */
	struct scram keys;
	size_t stored_n, password_n;
	char stored[HASH_STORED_MAX];
	char password[HASH_PASSWORD_MAX];
};

void hashing_init(struct hashing *h, struct users_pool pool);

/* NULL: no memory, or one of the texts is too long. */
struct hash_job *hashing_new(struct str stored, struct str password);

/* done() comes later from the loop. False: there is too much to do, and the job is freed. */
MUST_USE bool hashing_submit(struct hashing *h, struct hash_job *j);

/* done() will not be called. Takes NULL. */
void hashing_disown(struct hash_job **j);

#endif
