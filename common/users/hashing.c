/* hashing.c - see hashing.h. */
#include "common/users/hashing.h"

#include <stdlib.h>

void hashing_init(struct hashing *h, struct users_pool pool)
{
	*h = (struct hashing){ .pool = pool };
	list_init(&h->queue);
}

static void free_job(struct hash_job *j)
{
	explicit_bzero(j, sizeof(*j));
	free(j);
}

struct hash_job *hashing_new(struct str stored, struct str password)
{
	struct hash_job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	if (stored.n > sizeof(j->stored) || password.n > sizeof(j->password)) {
		free(j);
		return NULL;
	}
	memcpy(j->stored, stored.p, stored.n);
	j->stored_n = stored.n;
	memcpy(j->password, password.p, password.n);
	j->password_n = password.n;
	return j;
}

static void on_run(void *job)
{
	struct hash_job *j = job;
	struct str password = { j->password, j->password_n };

	j->right = j->derive ? scram_derive(password, &j->keys)
			     : hash_verify((struct str){ j->stored, j->stored_n }, password);
}

static void on_done(void *job);

static bool start(struct hashing *h, struct hash_job *j)
{
	if (!h->pool.submit(h->pool.ctx, on_run, on_done, j))
		return false;
	h->running++;
	return true;
}

/* Something of ours always runs while anything waits. A pool that is full of other work refuses what waited,
 * and its owner hears that by a NULL job. */
static void start_waiting(struct hashing *h)
{
	while (h->running < HASHING_AT_ONCE && !list_empty(&h->queue)) {
		struct hash_job *j = list_entry(h->queue.next, struct hash_job, node);

		list_remove(&j->node);
		h->waiting--;
		if (start(h, j))
			continue;
		if (j->done != NULL)
			j->done(j->owner, NULL);
		free_job(j);
	}
}

static void on_done(void *job)
{
	struct hash_job *j = job;
	struct hashing *h = j->hashing;

	h->running--;
	start_waiting(h);
	if (j->done != NULL)
		j->done(j->owner, j);
	free_job(j);
}

bool hashing_submit(struct hashing *h, struct hash_job *j)
{
	j->hashing = h;
	if (h->running < HASHING_AT_ONCE && start(h, j))
		return true;
	if (h->running == 0 || h->waiting == HASHING_WAITING_MAX) {
		free_job(j);
		return false;
	}
	list_append(&h->queue, &j->node);
	h->waiting++;
	return true;
}

void hashing_disown(struct hash_job **j)
{
	struct hash_job *it = *j;

	*j = NULL;
	if (it == NULL)
		return;
	it->done = NULL;
	if (it->node.next == NULL)
		return; /* the pool has it */
	list_remove(&it->node);
	it->hashing->waiting--;
	free_job(it);
}
