/* clients.c - see clients.h. A region is a row of hash tables without chains, its levels, each four times as
 * large as the one before: a key lives in one of PROBES places of one level or nowhere, so nothing is ever
 * moved under a reader, and few connections touch little memory (in one table of the full size each of the first
 * thousands touched a page of its own). A place is free when its count is zero. */
#include "common/daemon/clients.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PROBES 16
#define FIRST 512 /* places of the first level */
#define LEVELS_MAX 12
#define MAGIC UINT64_C(0x9e3779b97f4a7c15)

struct place {
	uint8_t key[16];
	_Atomic uint32_t count;
};

struct use { /* of a region */
	_Atomic uint32_t total; /* connections */
	_Atomic uint32_t levels; /* there may be a key in the first so many */
};

struct header {
	uint32_t regions, levels; /* levels: of each region */
	struct use of[]; /* one a region */
};

struct clients {
	struct header *header; /* mapped, with all regions behind it */
	struct place *places;
	size_t size; /* octets mapped */
	unsigned regions, levels,
		region; /* as they were when it was mapped: others may write there */
};

static size_t header_size(unsigned regions)
{
	return (sizeof(struct header) + regions * sizeof(struct use) + 63) & ~(size_t)63;
}

static size_t level_size(unsigned level)
{
	return (size_t)FIRST << (2 * level);
}

/* Places before that level; of a region with so many. */
static size_t level_start(unsigned level)
{
	return (level_size(level) - FIRST) / 3;
}

static size_t whole_size(unsigned regions, unsigned levels)
{
	return header_size(regions) + regions * level_start(levels) * sizeof(struct place);
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

/* Untouched pages of a memfd cost nothing, so room is made freely: four places for each connection in the last
 * level alone. */
enum err clients_make(struct clients **out, unsigned regions, unsigned per_region, int *fd)
{
	int memory = memfd_create("popgate-clients", MFD_CLOEXEC);
	unsigned levels = 1;
	enum err e;

	while (level_size(levels - 1) < (size_t)per_region * 4)
		levels++;
	if (memory < 0 || ftruncate(memory, (off_t)whole_size(regions, levels)) != 0)
		e = err_of_errno(errno);
	else
		e = map(out, memory, whole_size(regions, levels));
	if (e != ERR_NONE) {
		if (memory >= 0)
			close(memory);
		return e;
	}
	(*out)->header->regions = (*out)->regions = regions;
	(*out)->header->levels = (*out)->levels = levels;
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
	c->regions = c->header->regions;
	c->levels = c->header->levels;
	if (region >= c->regions || c->levels > LEVELS_MAX ||
		whole_size(c->regions, c->levels) != c->size) {
		clients_close(&c);
		return ERR_DAMAGED;
	}
	c->region = region;
	c->places = (struct place *)(void *)((char *)c->header + header_size(c->regions));
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

/* Where a level of a region begins. */
static struct place *level_at(const struct clients *c, unsigned region, unsigned level)
{
	return &c->places[region * level_start(c->levels) + level_start(level)];
}

/* The i-th of the places of a level, from its first on, where a key with that hash may be. */
static struct place *place_at(struct place *first, unsigned level, uint64_t h, unsigned i)
{
	return &first[((h >> (4 * level)) + i) & (level_size(level) - 1)];
}

static unsigned levels_of(const struct clients *c, unsigned region)
{
	unsigned levels = atomic_load_explicit(&c->header->of[region].levels, memory_order_relaxed);

	return levels < c->levels ? levels : c->levels;
}

/* Where key is counted in that region; NULL if it is not. */
static struct place *find(const struct clients *c, unsigned region, struct addr key)
{
	uint64_t h = hash(key);

	for (unsigned level = 0, n = levels_of(c, region); level < n; level++) {
		struct place *first = level_at(c, region, level);

		for (unsigned i = 0; i < PROBES; i++) {
			struct place *p = place_at(first, level, h, i);

			if (atomic_load_explicit(&p->count, memory_order_acquire) > 0 &&
				memcmp(p->key, key.b, sizeof(p->key)) == 0)
				return p;
		}
	}
	return NULL;
}

/* In the first level that has one. */
static struct place *free_place(const struct clients *c, struct addr key)
{
	uint64_t h = hash(key);

	for (unsigned level = 0; level < c->levels; level++) {
		struct place *first = level_at(c, c->region, level);

		if (level >= levels_of(c, c->region))
			atomic_store_explicit(
				&c->header->of[c->region].levels, level + 1, memory_order_relaxed);
		for (unsigned i = 0; i < PROBES; i++) {
			struct place *p = place_at(first, level, h, i);

			if (atomic_load_explicit(&p->count, memory_order_relaxed) == 0)
				return p;
		}
	}
	return NULL;
}

unsigned clients_of(const struct clients *c, struct addr key)
{
	unsigned sum = 0;

	for (unsigned region = 0; region < c->regions; region++) {
		const struct place *p;

		if (atomic_load_explicit(&c->header->of[region].total, memory_order_relaxed) == 0)
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

	for (unsigned region = 0; region < c->regions; region++)
		sum += atomic_load_explicit(&c->header->of[region].total, memory_order_relaxed);
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
	atomic_fetch_add_explicit(&c->header->of[c->region].total, 1, memory_order_relaxed);
	return true;
}

void clients_leave(struct clients *c, struct addr key)
{
	struct place *p = find(c, c->region, key);
	struct use *u = &c->header->of[c->region];

	if (p == NULL)
		return;
	atomic_fetch_sub_explicit(&p->count, 1, memory_order_release);
	if (atomic_fetch_sub_explicit(&u->total, 1, memory_order_relaxed) == 1)
		atomic_store_explicit(&u->levels, 0, memory_order_relaxed);
}

void clients_bury(struct clients *c, unsigned region)
{
	struct use *u = &c->header->of[region];

	if (atomic_exchange(&u->total, 0) == 0)
		return;
	for (unsigned level = 0; level < levels_of(c, region); level++)
		for (size_t i = 0; i < level_size(level); i++) {
			struct place *p = level_at(c, region, level) + i;

			if (atomic_load_explicit(&p->count, memory_order_relaxed) > 0)
				atomic_store_explicit(&p->count, 0, memory_order_relaxed);
		}
	atomic_store_explicit(&u->levels, 0, memory_order_relaxed);
}
