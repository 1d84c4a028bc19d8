/* evict.h - the sessions of a worker that have proved an account. When the accounts are read anew, those whose
 * account is another one now are ended: between two commands, and after what was being sent to them. */
#ifndef POPGATE_EVICT_H
#define POPGATE_EVICT_H

#include "common/base/list.h"
#include "common/net/conn.h"
#include "common/worker/accounts.h"

struct evictable { /* inside a session; all zero before the proof */
	struct node node;
	const char *who; /* canonical; borrowed until evictable_end() */
	struct fingerprint account; /* as it was proved */
	unsigned edition; /* of the accounts, when the proof began */
	bool evicted;
};

struct evict_hooks {
	/* The account of e has changed: said once. The engine is to end at its next command; to be logged. */
	void (*evict)(struct evictable *e);
	/* Its connection if nothing is under way on it but waiting for the client; else NULL, and it is
	 * asked again. */
	struct conn *(*idle)(const struct evictable *e);
};

struct evictions {
	struct node sessions; /* whoever keeps an order among them may move them in it */
	struct users *users; /* borrowed */
	const struct evict_hooks *hooks; /* borrowed */
	unsigned edition; /* of the accounts, as the sessions were last held against it */
	unsigned evicted; /* sessions that are to go and are there yet */
};

void evictions_init(
	struct evictions *v, struct accounts *accounts, const struct evict_hooks *hooks);

/* To be called twice a second or so. */
void evictions_look(struct evictions *v);

/* Before a proof is asked for: what is read in while it is under way is noticed. */
void evictable_prepare(const struct evictions *v, struct evictable *e);

/* who and account are set: they have been proved. Of one that is among them already: they are others now. */
void evictable_begin(struct evictions *v, struct evictable *e);

/* The session is gone; also of one that never proved anything. */
void evictable_end(struct evictions *v, struct evictable *e);

#endif
