/* cache.c - see cache.h. A set of WAYS entries for each hash of a name; the oldest one makes room. */
#include "common/users/cache.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/base/secret.h"

#define KEY 128 /* octets: 32 for hashes, 16 for places, 16 for checksums, 32 that are steady */
#define STEADY 64 /* where those begin */
#define WAYS 8
#define SETS_PRIVATE 64
#define MIX UINT64_C(0x9e3779b97f4a7c15)

struct entry { /* a cache line; words are read and written one by one */
	_Atomic uint64_t tag[4]; /* the keyed hash; all zero: free */
	_Atomic int64_t until_ms;
	_Atomic uint64_t who; /* a keyed hash of the name alone */
	_Atomic uint64_t check; /* over all of the above */
	uint64_t spare;
};

struct shared {
	uint8_t key[KEY];
	struct entry sets[][WAYS];
};

struct cache {
	struct shared *shared; /* mapped */
	size_t size, sets;
	int64_t live_ms;
	struct mac *mac, *steady; /* owned; of the key, and of what is steady in it */
	struct accountprint_key *print; /* owned */
};

struct image { /* an entry, out of its atomics */
	uint64_t tag[4], who, check;
	int64_t until_ms;
};

static enum err map(struct cache *c, int fd)
{
	struct stat st = { .st_size = (off_t)(sizeof(struct shared) +
				   SETS_PRIVATE * WAYS * sizeof(struct entry)) };

	if (fd >= 0 && fstat(fd, &st) != 0)
		return err_of_errno(errno);
	if (st.st_size < (off_t)(sizeof(struct shared) + WAYS * sizeof(struct entry)))
		return ERR_DAMAGED;
	c->size = (size_t)st.st_size;
	c->sets = (c->size - sizeof(struct shared)) / (WAYS * sizeof(struct entry));
	c->shared = mmap(NULL, c->size, PROT_READ | PROT_WRITE,
		fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
	if (c->shared == MAP_FAILED) {
		c->shared = NULL;
		return err_of_errno(errno);
	}
	(void)!madvise(c->shared, c->size, MADV_DONTDUMP);
	if (fd < 0)
		secret_random(c->shared->key, sizeof(c->shared->key));
	return ERR_NONE;
}

static enum err take_keys(struct cache *c)
{
	enum err e = mac_open(&c->mac, c->shared->key);

	if (e == ERR_NONE)
		e = mac_open(&c->steady, c->shared->key + STEADY);
	if (e == ERR_NONE)
		e = accountprint_key_open(&c->print, c->shared->key + STEADY);
	return e;
}

enum err cache_open(struct cache **out, int fd, int64_t live_ms)
{
	struct cache *c = calloc(1, sizeof(*c));
	enum err e = c != NULL ? map(c, fd) : ERR_NOMEM;

	if (e == ERR_NONE)
		e = take_keys(c);
	if (e == ERR_NONE) {
		c->live_ms = live_ms;
		*out = c;
	} else {
		cache_close(&c);
	}
	return e;
}

void cache_close(struct cache **c)
{
	if (*c == NULL)
		return;
	if ((*c)->shared != NULL)
		munmap((*c)->shared, (*c)->size);
	mac_close(&(*c)->mac);
	mac_close(&(*c)->steady);
	accountprint_key_close(&(*c)->print);
	free(*c);
	*c = NULL;
}

/* --- keyed hashes --- */

struct message {
	uint8_t at[2304];
	size_t n;
};

/* Each text behind its length, so that no two lists of texts are one message. */
static void add(struct message *m, struct str s)
{
	assert(s.n <= sizeof(m->at) - m->n - 2);
	m->at[m->n++] = (uint8_t)(s.n >> 8);
	m->at[m->n++] = (uint8_t)s.n;
	memcpy(m->at + m->n, s.p, s.n);
	m->n += s.n;
}

static void seal(struct mac *key, struct message *m, uint8_t mac[CACHE_MAC])
{
	mac_make(key, m->at, m->n, mac);
	explicit_bzero(m->at, m->n);
}

void cache_mac(const struct cache *c, const char *label, struct str a, struct str b,
	uint8_t mac[CACHE_MAC])
{
	struct message m = { .n = 0 };

	add(&m, str_of(label));
	add(&m, a);
	add(&m, b);
	seal(c->mac, &m, mac);
}

void cache_salt(const struct cache *c, struct str name, uint8_t salt[CACHE_MAC])
{
	struct message m = { .n = 0 };

	add(&m, STR("salt"));
	add(&m, name);
	seal(c->steady, &m, salt);
}

const struct accountprint_key *cache_accountprint_key(const struct cache *c)
{
	return c->print;
}

static void make_tag(const struct cache *c, const struct subscriber *who, struct str stored,
	struct str password, struct image *to)
{
	struct message m = { .n = 0 };

	add(&m, STR("verified"));
	add(&m, subscriber_str(who));
	add(&m, stored);
	add(&m, password);
	seal(c->mac, &m, (uint8_t *)to->tag);
}

static uint64_t key_word(const struct cache *c, size_t i)
{
	uint64_t word;

	memcpy(&word, c->shared->key + 32 + 8 * i, sizeof(word));
	return word;
}

static uint64_t stir(uint64_t h, uint64_t word)
{
	h = (h ^ word) * MIX;
	h = (h ^ (h >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
	return h ^ (h >> 32);
}

/* Never 0, which is nobody. */
static uint64_t hash_of(const struct cache *c, const struct subscriber *who)
{
	uint64_t h = key_word(c, 0);

	for (size_t i = 0; i < who->n; i++)
		h = stir(h, (uint8_t)who->name[i]);
	return h == 0 ? 1 : h;
}

static uint64_t check_of(const struct cache *c, const struct image *i)
{
	uint64_t h = key_word(c, 1);

	for (size_t word = 0; word < 4; word++)
		h = stir(h, i->tag[word]);
	return stir(stir(h, i->who), (uint64_t)i->until_ms);
}

/* --- entries --- */

static struct image load(const struct entry *e)
{
	struct image i;

	for (size_t word = 0; word < 4; word++)
		i.tag[word] = atomic_load_explicit(&e->tag[word], memory_order_relaxed);
	i.until_ms = atomic_load_explicit(&e->until_ms, memory_order_relaxed);
	i.who = atomic_load_explicit(&e->who, memory_order_relaxed);
	i.check = atomic_load_explicit(&e->check, memory_order_relaxed);
	return i;
}

static void store(struct entry *e, const struct image *i)
{
	for (size_t word = 0; word < 4; word++)
		atomic_store_explicit(&e->tag[word], i->tag[word], memory_order_relaxed);
	atomic_store_explicit(&e->until_ms, i->until_ms, memory_order_relaxed);
	atomic_store_explicit(&e->who, i->who, memory_order_relaxed);
	atomic_store_explicit(&e->check, i->check, memory_order_relaxed);
}

static bool is_whole(const struct cache *c, const struct image *i)
{
	return i->who != 0 && i->check == check_of(c, i);
}

static struct entry *set_of(const struct cache *c, uint64_t who)
{
	return c->shared->sets[who % c->sets];
}

/* The entry of that tag, as it was when it was looked at; or NULL. */
static struct entry *find(const struct cache *c, const struct image *wanted, struct image *out)
{
	struct entry *set = set_of(c, wanted->who);

	for (size_t way = 0; way < WAYS; way++) {
		struct image i = load(&set[way]);

		if (is_whole(c, &i) &&
			secret_eq((struct str){ (const char *)i.tag, sizeof(i.tag) },
				(struct str){ (const char *)wanted->tag, sizeof(i.tag) })) {
			*out = i;
			return &set[way];
		}
	}
	return NULL;
}

/* A free one, or one that is none any more, or the one that ends first. */
static struct entry *make_room(const struct cache *c, uint64_t who)
{
	struct entry *set = set_of(c, who), *oldest = &set[0];
	int64_t oldest_ms = INT64_MAX;

	for (size_t way = 0; way < WAYS; way++) {
		struct image i = load(&set[way]);
		int64_t until = is_whole(c, &i) ? i.until_ms : INT64_MIN;

		if (until < oldest_ms) {
			oldest_ms = until;
			oldest = &set[way];
		}
	}
	return oldest;
}

static void write_entry(struct cache *c, struct entry *to, struct image *i, int64_t now_ms)
{
	i->until_ms = now_ms + c->live_ms;
	i->check = check_of(c, i);
	store(to, i);
}

bool cache_hit(struct cache *c, const struct subscriber *who, struct str stored,
	struct str password, int64_t now_ms)
{
	struct image wanted = { .who = hash_of(c, who) }, there;
	struct entry *e;
	bool live;

	make_tag(c, who, stored, password, &wanted);
	e = find(c, &wanted, &there);
	live = e != NULL && there.until_ms > now_ms && there.until_ms <= now_ms + c->live_ms;
	if (live && now_ms + c->live_ms - there.until_ms > c->live_ms / 16)
		write_entry(c, e, &wanted, now_ms); /* not each time: others read this line */
	return live;
}

void cache_put(struct cache *c, const struct subscriber *who, struct str stored,
	struct str password, int64_t now_ms)
{
	struct image i = { .who = hash_of(c, who) }, there;
	struct entry *e;

	make_tag(c, who, stored, password, &i);
	e = find(c, &i, &there);
	write_entry(c, e != NULL ? e : make_room(c, i.who), &i, now_ms);
}

void cache_drop(struct cache *c, const struct subscriber *who)
{
	uint64_t hash = hash_of(c, who);
	struct entry *set = set_of(c, hash);

	for (size_t way = 0; way < WAYS; way++)
		if (atomic_load_explicit(&set[way].who, memory_order_relaxed) == hash)
			store(&set[way], &(struct image){ .who = 0 });
}
