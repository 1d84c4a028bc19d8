/* tickets.c - see tickets.h. A ring of four keys and a number that only grows: the current key is at that
 * number, the one before and the next beside it. The fourth place is the one that tickets_turn() fills
 * before it counts on, and nobody looks there meanwhile. A reader that sleeps over two turns may find a
 * key half written: its ticket does not verify, and the handshake is a full one. */
#include "common/net/tickets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/secret.h"

#define RING 4

struct shared {
	_Atomic uint32_t current; /* at least 1 */
	struct ticket_key ring[RING];
};

struct tickets {
	struct shared *shared; /* mapped */
	bool maker;
};

static enum err map(struct tickets **out, int fd, int protection)
{
	struct tickets *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return ERR_NOMEM;
	t->shared = mmap(NULL, sizeof(*t->shared), protection, MAP_SHARED, fd, 0);
	if (t->shared == MAP_FAILED) {
		free(t);
		return err_of_errno(errno);
	}
	(void)madvise(t->shared, sizeof(*t->shared), MADV_DONTDUMP);
	*out = t;
	return ERR_NONE;
}

/* After our own mapping nobody can make another one that writes. Kernels before 5.1 cannot hold to that. */
static enum err seal(int memory)
{
	if (fcntl(memory, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) != 0)
		return err_of_errno(errno);
	if (fcntl(memory, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) != 0 && errno != EINVAL)
		return err_of_errno(errno);
	return ERR_NONE;
}

enum err tickets_make(struct tickets **out, int *fd)
{
	int memory = memfd_create("popgate-tickets", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	enum err e;

	if (memory < 0 || ftruncate(memory, sizeof(struct shared)) != 0)
		e = err_of_errno(errno);
	else
		e = map(out, memory, PROT_READ | PROT_WRITE);
	if (e == ERR_NONE) {
		e = seal(memory);
		if (e != ERR_NONE)
			tickets_close(out);
	}
	if (e != ERR_NONE) {
		if (memory >= 0)
			close(memory);
		return e;
	}
	(*out)->maker = true;
	secret_random((*out)->shared->ring, sizeof((*out)->shared->ring));
	atomic_store_explicit(&(*out)->shared->current, 1, memory_order_release);
	*fd = memory;
	return ERR_NONE;
}

enum err tickets_map(struct tickets **out, int fd)
{
	if (lseek(fd, 0, SEEK_END) != (off_t)sizeof(struct shared))
		return ERR_DAMAGED;
	return map(out, fd, PROT_READ);
}

void tickets_inherit(struct tickets *t, int fd)
{
	struct tickets *old;

	if (!t->maker || tickets_map(&old, fd) != ERR_NONE)
		return;
	memcpy(t->shared->ring, old->shared->ring, sizeof(t->shared->ring));
	atomic_store_explicit(&t->shared->current,
		atomic_load_explicit(&old->shared->current, memory_order_acquire),
		memory_order_release);
	tickets_close(&old);
}

void tickets_close(struct tickets **t)
{
	if (*t == NULL)
		return;
	munmap((*t)->shared, sizeof(*(*t)->shared));
	free(*t);
	*t = NULL;
}

static uint32_t current(const struct tickets *t)
{
	return atomic_load_explicit(&t->shared->current, memory_order_acquire);
}

void tickets_turn(struct tickets *t)
{
	uint32_t now = current(t);

	if (!t->maker)
		return;
	secret_random(&t->shared->ring[(now + 2) % RING], sizeof(t->shared->ring[0]));
	atomic_store_explicit(&t->shared->current, now + 1, memory_order_release);
}

void tickets_current(const struct tickets *t, struct ticket_key *out)
{
	*out = t->shared->ring[current(t) % RING];
}

bool tickets_find(
	const struct tickets *t, const uint8_t *name, struct ticket_key *out, bool *is_current)
{
	uint32_t now = current(t);

	for (uint32_t at = now - 1; at != now + 2; at++) {
		const struct ticket_key *key = &t->shared->ring[at % RING];

		if (memcmp(key->name, name, TICKET_NAME) != 0)
			continue;
		*out = *key;
		*is_current = at == now;
		return true;
	}
	return false;
}
