/* clients.c - see clients.h. A region is a hash table of small buckets without chains: a key lives in
 * one of PROBES places or nowhere, so every question costs the same and nothing is ever moved under
 * a reader. A place is free when its count is zero. */
#include "common/daemon/clients.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PROBES 32
#define MAGIC UINT64_C(0x9e3779b97f4a7c15)

struct place {
	uint8_t key[16];
	_Atomic uint32_t count;
};

struct header {
	uint32_t regions, places; /* places: of each region, a power of two */
	_Atomic uint32_t totals[]; /* one a region */
};

struct clients {
	struct header *header; /* mapped, with all regions behind it */
	struct place *places;
	size_t size; /* octets mapped */
	unsigned region;
};

static size_t header_size(unsigned regions)
{
	return (sizeof(struct header) + regions * sizeof(uint32_t) + 63) & ~(size_t)63;
}

static size_t whole_size(unsigned regions, unsigned places)
{
	return header_size(regions) + (size_t)regions * places * sizeof(struct place);
}

static enum err map(struct clients **out, int fd, size_t size)
{
	struct clients *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return ERR_NOMEM;
	c->size = size;
	c->header = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (c->header == MAP_FAILED) {
		free(c);
		return err_of_errno(errno);
	}
	*out = c;
	return ERR_NONE;
}

/* Untouched pages of a memfd cost nothing, so room is made freely: four places for each connection. */
enum err clients_make(struct clients **out, unsigned regions, unsigned per_region, int *fd)
{
	int memory = memfd_create("popgate-clients", MFD_CLOEXEC);
	unsigned places = PROBES;
	enum err e;

	while (places < per_region * 4)
		places *= 2;
	if (memory < 0 || ftruncate(memory, (off_t)whole_size(regions, places)) != 0)
		e = err_of_errno(errno);
	else
		e = map(out, memory, whole_size(regions, places));
	if (e != ERR_NONE) {
		if (memory >= 0)
			close(memory);
		return e;
	}
	(*out)->header->regions = regions;
	(*out)->header->places = places;
	(*out)->places = (struct place *)(void *)((char *)(*out)->header + header_size(regions));
	*fd = memory;
	return ERR_NONE;
}

enum err clients_map(struct clients **out, int fd, unsigned region)
{
	off_t size = lseek(fd, 0, SEEK_END);
	struct clients *c;
	enum err e;

	if (size < (off_t)sizeof(struct header))
		return ERR_DAMAGED;
	e = map(&c, fd, (size_t)size);
	if (e != ERR_NONE)
		return e;
	if (region >= c->header->regions ||
		whole_size(c->header->regions, c->header->places) != c->size) {
		clients_close(&c);
		return ERR_DAMAGED;
	}
	c->region = region;
	c->places = (struct place *)(void *)((char *)c->header + header_size(c->header->regions));
	*out = c;
	return ERR_NONE;
}

void clients_close(struct clients **c)
{
	if (*c == NULL)
		return;
	munmap((*c)->header, (*c)->size);
	free(*c);
	*c = NULL;
}

static uint64_t hash(struct addr key)
{
	uint64_t half[2], h;

	memcpy(half, key.b, sizeof(half));
	h = half[0] ^ half[1] ^
		MAGIC; /* splitmix64's finalizer: neighbours must not crowd together */
	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
	return h ^ (h >> 31);
}

static struct place *place_at(const struct clients *c, unsigned region, struct addr key, unsigned i)
{
	uint64_t at = (hash(key) + i) & (c->header->places - 1);

	return &c->places[(size_t)region * c->header->places + at];
}

/* Where key is counted in that region; NULL if it is not. */
static struct place *find(const struct clients *c, unsigned region, struct addr key)
{
	for (unsigned i = 0; i < PROBES; i++) {
		struct place *p = place_at(c, region, key, i);

		if (atomic_load_explicit(&p->count, memory_order_acquire) > 0 &&
			memcmp(p->key, key.b, sizeof(p->key)) == 0)
			return p;
	}
	return NULL;
}

static struct place *free_place(const struct clients *c, struct addr key)
{
	for (unsigned i = 0; i < PROBES; i++) {
		struct place *p = place_at(c, c->region, key, i);

		if (atomic_load_explicit(&p->count, memory_order_relaxed) == 0)
			return p;
	}
	return NULL;
}

unsigned clients_of(const struct clients *c, struct addr key)
{
	unsigned sum = 0;

	for (unsigned region = 0; region < c->header->regions; region++) {
		const struct place *p;

		if (atomic_load_explicit(&c->header->totals[region], memory_order_relaxed) == 0)
			continue;
		p = find(c, region, key);
		if (p != NULL)
			sum += atomic_load_explicit(&p->count, memory_order_relaxed);
	}
	return sum;
}

unsigned clients_all(const struct clients *c)
{
	unsigned sum = 0;

	for (unsigned region = 0; region < c->header->regions; region++)
		sum += atomic_load_explicit(&c->header->totals[region], memory_order_relaxed);
	return sum;
}

bool clients_enter(
	struct clients *c, struct addr key, unsigned max_key, unsigned max_all, bool *key_full)
{
	struct place *p;

	*key_full = clients_of(c, key) >= max_key;
	if (*key_full || clients_all(c) >= max_all)
		return false;
	p = find(c, c->region, key);
	if (p == NULL) {
		p = free_place(c, key);
		if (p == NULL)
			return false;
		memcpy(p->key, key.b, sizeof(p->key));
	}
	atomic_fetch_add_explicit(&p->count, 1, memory_order_release);
	atomic_fetch_add_explicit(&c->header->totals[c->region], 1, memory_order_relaxed);
	return true;
}

void clients_leave(struct clients *c, struct addr key)
{
	struct place *p = find(c, c->region, key);

	if (p == NULL)
		return;
	atomic_fetch_sub_explicit(&p->count, 1, memory_order_release);
	atomic_fetch_sub_explicit(&c->header->totals[c->region], 1, memory_order_relaxed);
}

void clients_bury(struct clients *c, unsigned region)
{
	struct place *first = &c->places[(size_t)region * c->header->places];

	if (atomic_exchange(&c->header->totals[region], 0) == 0)
		return;
	for (size_t i = 0; i < c->header->places; i++)
		if (atomic_load_explicit(&first[i].count, memory_order_relaxed) > 0)
			atomic_store_explicit(&first[i].count, 0, memory_order_relaxed);
}
