/* counters.c - one array of numbers a slot, in a memfd. Writers and readers need no lock: each number
 * has one writer, and a sum that is a moment old is as good as any. */
#include "common/daemon/counters.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct table {
	_Atomic int64_t at[COUNTERS_SLOTS][COUNTERS_MAX];
};

struct counters {
	struct table *table; /* mapped */
	const struct counter_name *names; /* borrowed */
	unsigned slot;
};

enum err counters_map(
	struct counters **out, const struct counter_name *names, int fd, unsigned slot)
{
	struct counters *c = calloc(1, sizeof(*c));

	if (c == NULL || slot >= COUNTERS_SLOTS) {
		free(c);
		return c == NULL ? ERR_NOMEM : ERR_LIMIT;
	}
	c->names = names;
	c->slot = slot;
	c->table = mmap(NULL, sizeof(*c->table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (c->table == MAP_FAILED) {
		free(c);
		return err_of_errno(errno);
	}
	*out = c;
	return ERR_NONE;
}

enum err counters_make(struct counters **out, const struct counter_name *names, int *fd)
{
	int memory = memfd_create("popgate-counters", MFD_CLOEXEC);
	enum err e;

	if (memory < 0 || ftruncate(memory, sizeof(struct table)) != 0)
		e = err_of_errno(errno);
	else
		e = counters_map(out, names, memory, 0);
	if (e == ERR_NONE)
		*fd = memory;
	else if (memory >= 0)
		close(memory);
	return e;
}

void counters_close(struct counters **c)
{
	if (*c == NULL)
		return;
	munmap((*c)->table, sizeof(*(*c)->table));
	free(*c);
	*c = NULL;
}

void counters_add(struct counters *c, unsigned i, int64_t n)
{
	_Atomic int64_t *number = &c->table->at[c->slot][i];

	/* a load and a store, not an add: nobody else writes here, and no bus lock is paid */
	atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + n,
		memory_order_relaxed);
}

int64_t counters_sum(const struct counters *c, unsigned i)
{
	int64_t sum = 0;

	for (unsigned slot = 0; slot < COUNTERS_SLOTS; slot++)
		sum += atomic_load_explicit(&c->table->at[slot][i], memory_order_relaxed);
	return sum;
}

void counters_bury(struct counters *c, unsigned slot)
{
	for (unsigned i = 0; c->names[i].name != NULL; i++)
		if (c->names[i].gauge)
			atomic_store_explicit(&c->table->at[slot][i], 0, memory_order_relaxed);
}

const struct counter_name *counters_names(const struct counters *c)
{
	return c->names;
}
