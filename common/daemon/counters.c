/* counters.c - one array of numbers a slot, in shared memory. Writers and readers need no lock: each number
 * has one writer, and a sum that is a moment old is as good as any. */
#include "common/daemon/counters_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/clock.h"

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

static void describe(struct counters_head *h, const struct counter_name *names)
{
	memcpy(h->magic, COUNTERS_MAGIC, sizeof(h->magic));
	h->layout = COUNTERS_LAYOUT;
	h->size = sizeof(struct counters_table);
	snprintf(h->version, sizeof(h->version), "%s", POPGATE_VERSION);
	h->pid = getpid();
	h->since_ms = clock_ms();
	for (; names[h->names_n].name != NULL && h->names_n < COUNTERS_MAX; h->names_n++) {
		const struct counter_name *n = &names[h->names_n];

		snprintf(h->names[h->names_n].name, COUNTERS_NAME, "%s", n->name);
		snprintf(h->names[h->names_n].help, COUNTERS_HELP, "%s", n->help);
		h->names[h->names_n].gauge = n->gauge;
	}
}

enum err counters_make(struct counters **out, const struct counter_name *names, int *fd)
{
	int memory = memfd_create("popgate-counters", MFD_CLOEXEC);
	enum err e;

	if (memory < 0 || ftruncate(memory, sizeof(struct counters_table)) != 0)
		e = err_of_errno(errno);
	else
		e = counters_map(out, names, memory, 0);
	if (e == ERR_NONE) {
		describe(&(*out)->table->head, names);
		*fd = memory;
	} else if (memory >= 0) {
		close(memory);
	}
	return e;
}

/* Is that the memory that we would make? */
static bool is_alike(const struct counters_head *h, const struct counter_name *names)
{
	uint32_t n = 0;

	if (memcmp(h->magic, COUNTERS_MAGIC, sizeof(h->magic)) != 0 ||
		h->layout != COUNTERS_LAYOUT || h->size != sizeof(struct counters_table))
		return false;
	while (names[n].name != NULL && n < h->names_n &&
		strcmp(names[n].name, h->names[n].name) == 0)
		n++;
	return n == h->names_n && (names[n].name == NULL || n == COUNTERS_MAX);
}

enum err counters_adopt(struct counters **out, const struct counter_name *names, int fd)
{
	struct counters *c;
	enum err e = ERR_DAMAGED;

	if (lseek(fd, 0, SEEK_END) == (off_t)sizeof(struct counters_table))
		e = counters_map(&c, names, fd, 0);
	if (e != ERR_NONE)
		return e;
	if (!is_alike(&c->table->head, names)) {
		counters_close(&c);
		return ERR_DAMAGED;
	}
	snprintf(c->table->head.version, COUNTERS_ROLE, "%s", POPGATE_VERSION);
	*out = c;
	return ERR_NONE;
}

void counters_close(struct counters **c)
{
	if (*c == NULL)
		return;
	munmap((*c)->table, sizeof(*(*c)->table));
	free(*c);
	*c = NULL;
}

/* --- counting --- */

void counters_add(struct counters *c, unsigned i, int64_t n)
{
	_Atomic int64_t *number = &c->table->at[c->slot][i];

	/* a load and a store, not an add: nobody else writes here, and no bus lock is paid */
	atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + n,
		memory_order_relaxed);
}

/* Is it "...{label=value}"? */
static bool has_label(const char *name, const char *value)
{
	const char *label = strchr(name, '=');
	size_t n = strlen(value);

	return label != NULL && strncmp(label + 1, value, n) == 0 && label[1 + n] == '}';
}

void counters_add_labelled(struct counters *c, unsigned first, const char *value)
{
	size_t family = strcspn(c->names[first].name, "{") + 1;
	unsigned i = first;

	while (c->names[i + 1].name != NULL && !has_label(c->names[i].name, value) &&
		strncmp(c->names[i + 1].name, c->names[first].name, family) == 0)
		i++;
	counters_add(c, i, 1);
}

void counters_set(struct counters *c, unsigned i, int64_t n)
{
	atomic_store_explicit(&c->table->at[c->slot][i], n, memory_order_relaxed);
}

void counters_time(struct counters *c, unsigned first, int64_t ms)
{
	static const int64_t bounds[] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000 };
	unsigned bucket = 0;

	while (bucket < COUNTERS_TIMES - 2 && ms > bounds[bucket])
		bucket++;
	counters_add(c, first + bucket, 1);
	counters_add(c, first + COUNTERS_TIMES - 1, ms);
}

int64_t counters_sum(const struct counters *c, unsigned i)
{
	int64_t sum = 0;

	for (unsigned slot = 0; slot < COUNTERS_SLOTS; slot++)
		sum += atomic_load_explicit(&c->table->at[slot][i], memory_order_relaxed);
	return sum;
}

char *counters_key(const char *name, char *dst)
{
	size_t n = 0;
	bool skipped = false; /* the label's own name says nothing that its value does not */

	for (const char *p = name; *p != '\0' && n + 1 < COUNTERS_NAME; p++) {
		if (*p == '}' || (skipped && *p != '='))
			continue;
		skipped = *p == '{';
		if (*p != '=')
			dst[n++] = (char)(*p == '{' || *p == '-' ? '_' : *p);
	}
	dst[n] = '\0';
	return dst;
}

static bool is_of_histogram(const char *name)
{
	return strstr(name, "{le=") != NULL || strstr(name, "{sum}") != NULL;
}

void counters_log(const struct counters *c, struct log_line *l)
{
	char key[COUNTERS_NAME];

	for (unsigned i = 0; c->names[i].name != NULL; i++)
		if (!is_of_histogram(c->names[i].name))
			log_int(l, counters_key(c->names[i].name, key), counters_sum(c, i));
}

/* --- processes --- */

void counters_bury(struct counters *c, unsigned slot)
{
	for (unsigned i = 0; c->names[i].name != NULL; i++)
		if (c->names[i].gauge)
			atomic_store_explicit(&c->table->at[slot][i], 0, memory_order_relaxed);
	atomic_store(&c->table->seats[slot].pid, 0);
}

void counters_seat(struct counters *c, unsigned slot, const struct counters_seat *who)
{
	snprintf(c->table->seats[slot].role, COUNTERS_ROLE, "%s", who->role);
	c->table->seats[slot].slot = who->slot;
	c->table->seats[slot].generation = who->generation;
	c->table->seats[slot].since_ms = who->since_ms;
	atomic_store(&c->table->seats[slot].draining, who->draining);
	atomic_store(&c->table->seats[slot].beat_ms, 0);
	atomic_store(&c->table->seats[slot].pid, who->pid);
}

void counters_beat(struct counters *c, int64_t steady_ms)
{
	atomic_store_explicit(&c->table->seats[c->slot].beat_ms, steady_ms, memory_order_relaxed);
}

int64_t counters_last_beat(const struct counters *c, unsigned slot)
{
	return atomic_load_explicit(&c->table->seats[slot].beat_ms, memory_order_relaxed);
}

void counters_draining(struct counters *c, unsigned slot)
{
	atomic_store(&c->table->seats[slot].draining, 1);
}

void counters_loaded(struct counters *c, const char *conf_path, unsigned generation, int64_t now_ms)
{
	char *whole = realpath(conf_path, NULL);

	snprintf(c->table->conf_path, sizeof(c->table->conf_path), "%s",
		whole != NULL ? whole : conf_path);
	free(whole);
	atomic_store(&c->table->generation, generation);
	atomic_store(&c->table->loaded_ms, now_ms);
}
