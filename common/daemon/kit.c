/* kit.c - the child's side: words of the environment into descriptors, descriptors into things. */
#include "common/daemon/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/material.h"
#include "common/daemon/kit_words.h"

/* "ROLE:SLOT:GENERATION:SEAT" */
static bool read_word(struct kit *k, char *word)
{
	struct str role, slot, generation, seat;
	uint64_t numbers[3];

	if (!str_split(str_of(word), ':', &role, &slot) ||
		!str_split(slot, ':', &slot, &generation) ||
		!str_split(generation, ':', &generation, &seat) ||
		!str_to_u64(slot, UINT32_MAX, &numbers[0]) ||
		!str_to_u64(generation, UINT32_MAX, &numbers[1]) ||
		!str_to_u64(seat, UINT32_MAX, &numbers[2]))
		return false;
	word[role.n] = '\0';
	k->role = word;
	k->slot = (unsigned)numbers[0];
	k->generation = (unsigned)numbers[1];
	k->seat = (unsigned)numbers[2];
	return true;
}

static bool read_fd(struct str number, int *fd)
{
	uint64_t value;

	if (!str_to_u64(number, INT32_MAX, &value) || fcntl((int)value, F_GETFD) < 0)
		return false;
	*fd = (int)value;
	return fcntl(*fd, F_SETFD, FD_CLOEXEC) == 0;
}

/* "8:0:1,9:1:2": descriptor, listener and TLS of each socket. */
static bool read_listeners(struct kit *k, struct str list)
{
	while (list.n > 0) {
		struct str item, fd, listener, tls;
		struct kit_listener *l = &k->listeners[k->listeners_n];
		uint64_t number, kind;

		(void)str_split(list, ',', &item, &list);
		if (k->listeners_n == KIT_LISTENERS_MAX || !str_split(item, ':', &fd, &listener) ||
			!str_split(listener, ':', &listener, &tls) || !read_fd(fd, &l->fd) ||
			!str_to_u64(listener, UINT32_MAX, &number) ||
			!str_to_u64(tls, LISTENER_IMPLICIT, &kind))
			return false;
		l->listener = (unsigned)number;
		l->tls = (enum listener_tls)kind;
		k->listeners_n++;
	}
	return true;
}

struct fds {
	int conf, counters, clients, tickets;
};

static bool read_pair(struct kit *k, struct fds *fds, struct str name, struct str value)
{
	const struct {
		struct str name;
		int *fd;
	} rows[] = {
		{ STR(KIT_CONF), &fds->conf },
		{ STR(KIT_COUNTERS), &fds->counters },
		{ STR(KIT_CLIENTS), &fds->clients },
		{ STR(KIT_MATERIAL), &k->material },
		{ STR(KIT_TICKETS), &fds->tickets },
		{ STR(KIT_VERIFIED_FD), &k->verified },
		{ STR(KIT_ALIVE), &k->alive },
		{ STR(KIT_DELIVER), &k->deliver },
	};

	if (str_eq(name, STR(KIT_LISTEN)))
		return read_listeners(k, value);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_eq(name, rows[i].name))
			return read_fd(value, rows[i].fd);
	return false;
}

static bool read_environment(struct kit *k, struct fds *fds)
{
	const char *words = getenv(KIT_ENVIRONMENT);
	struct str rest, word, name, value;

	if (words == NULL)
		return false;
	rest = str_of(words);
	while (rest.n > 0) {
		(void)str_split(rest, ' ', &word, &rest);
		if (!str_split(word, '=', &name, &value) || !read_pair(k, fds, name, value))
			return false;
	}
	return fds->conf >= 0 && fds->counters >= 0 && fds->clients >= 0 && k->alive >= 0;
}

/* All of a memfd. */
static enum err read_memory(int fd, struct buf *bytes)
{
	struct stat st;
	char *at;

	if (fstat(fd, &st) != 0)
		return err_of_errno(errno);
	at = buf_reserve(bytes, (size_t)st.st_size);
	if (at == NULL || pread(fd, at, (size_t)st.st_size, 0) != st.st_size)
		return ERR_IO;
	buf_grew(bytes, (size_t)st.st_size);
	return ERR_NONE;
}

static enum err read_conf(struct kit *k, int fd)
{
	struct buf bytes, complaints;
	enum err e;

	buf_init(&bytes, CONF_FILE_MAX);
	buf_init(&complaints, 1 << 16);
	e = read_memory(fd, &bytes);
	if (e == ERR_NONE)
		e = conf_parse(&k->conf, "popgate.conf", buf_str(&bytes), &complaints);
	if (e == ERR_NONE)
		e = site_read(&k->site, k->conf, &complaints);
	buf_free(&bytes);
	buf_free(&complaints);
	return e;
}

/* A session takes and gives back a few kB a hundred times; without this the heap's end is given to the
 * kernel and faulted in again each second session, which cost 5 % of a login. */
static void keep_heap(void)
{
	mallopt(M_TRIM_THRESHOLD, 4 << 20);
	mallopt(M_TOP_PAD, 256 << 10);
}

enum err kit_open(struct kit *out, const char *child_word, const struct counter_name *names)
{
	struct kit k = { .deliver = -1, .alive = -1, .material = -1, .verified = -1 };
	struct fds fds = { -1, -1, -1, -1 };
	char *word = strdup(child_word);
	enum err e = ERR_SYNTAX;

	keep_heap();
	if (word == NULL)
		return ERR_NOMEM;
	if (read_word(&k, word) && read_environment(&k, &fds))
		e = read_conf(&k, fds.conf);
	if (e == ERR_NONE)
		e = counters_map(&k.counters, names, fds.counters, k.seat);
	if (e == ERR_NONE)
		e = clients_map(&k.clients, fds.clients, k.seat);
	if (e == ERR_NONE && fds.tickets >= 0)
		e = tickets_map(&k.tickets, fds.tickets);
	if (fds.tickets >= 0)
		close(fds.tickets);
	close(fds.conf);
	close(fds.counters);
	close(fds.clients);
	if (k.role == NULL)
		free(word);
	if (e == ERR_NONE)
		*out = k;
	else
		kit_close(&k);
	return e;
}

void kit_close(struct kit *k)
{
	free((char *)(uintptr_t)k->role);
	conf_close(&k->conf);
	counters_close(&k->counters);
	clients_close(&k->clients);
	tickets_close(&k->tickets);
	if (k->material >= 0)
		close(k->material);
	if (k->verified >= 0)
		close(k->verified);
	*k = (struct kit){ .deliver = -1, .alive = -1, .material = -1, .verified = -1 };
}

enum err kit_tls(struct kit *k, const char *protocol, struct tls_context **out)
{
	struct buf material;
	enum err e;

	*out = NULL;
	if (k->material < 0)
		return ERR_NONE;
	buf_init(&material, MATERIAL_MAX);
	e = read_memory(k->material, &material);
	if (e == ERR_NONE)
		e = tls_server_open(
			out, &(struct tls_server){ buf_str(&material), protocol, k->tickets });
	buf_free(&material);
	close(k->material);
	k->material = -1;
	return e;
}
