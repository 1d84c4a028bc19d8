/* sockets.c - see sockets.h. */
#include "common/daemon/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/log.h"

#define BACKLOG 4096 /* the kernel caps it at net.core.somaxconn */

static enum err open_one(struct endpoint e, int *out)
{
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(e, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
	enum err err = ERR_NONE;

	if (fd < 0)
		return err_of_errno(errno);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
		(sa.ss_family == AF_INET6 &&
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
		bind(fd, (struct sockaddr *)&sa, n) != 0 || listen(fd, BACKLOG) != 0)
		err = err_of_errno(errno);
	if (err == ERR_NONE)
		*out = fd;
	else
		close(fd);
	return err;
}

/* SO_REUSEPORT would let us share a port with another program of the same user without a word. */
static enum err nobody_else_listens(struct endpoint e)
{
	struct sockaddr_storage sa;
	socklen_t n = endpoint_to_sockaddr(e, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	enum err err = ERR_NONE;

	if (fd < 0)
		return err_of_errno(errno);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, n) != 0 || listen(fd, 1) != 0)
		err = err_of_errno(errno);
	close(fd);
	return err;
}

static bool same(struct endpoint a, struct endpoint b)
{
	return a.port == b.port && addr_eq(a.addr, b.addr);
}

static const struct socket_group *group_of(const struct sockets *s, struct endpoint e)
{
	for (size_t i = 0; s != NULL && i < s->n; i++)
		if (same(s->at[i].endpoint, e))
			return &s->at[i];
	return NULL;
}

static void take_passed(struct socket_group *g, const struct passed *passed)
{
	for (size_t i = 0; i < passed->n && g->n < SOCKETS_SLOTS; i++)
		if (same(passed->sockets[i].at, g->endpoint))
			g->fd[g->n++] = passed->sockets[i].fd;
	g->passed = g->n > 0;
}

static enum err fill(struct socket_group *g, const struct sockets_source *from)
{
	const struct socket_group *old = group_of(from->old, g->endpoint);
	enum err e = ERR_NONE;

	if (old != NULL)
		*g = *old;
	else
		take_passed(g, from->passed);
	if (g->n == 0)
		e = nobody_else_listens(g->endpoint);
	while (e == ERR_NONE && !g->passed && g->n < from->workers) {
		e = open_one(g->endpoint, &g->fd[g->n]);
		if (e == ERR_NONE)
			g->n++;
	}
	return e;
}

enum err sockets_open(struct sockets *out, const struct sockets_source *from,
	const struct listeners *listeners, size_t *failed)
{
	struct sockets s = { 0 };

	for (size_t i = 0; i < listeners->n; i++) {
		enum err e;

		s.at[i].endpoint = listeners->at[i];
		s.n++;
		e = fill(&s.at[i], from);
		if (e != ERR_NONE) {
			sockets_close(&s, from->old);
			*failed = i;
			return e;
		}
	}
	*out = s;
	return ERR_NONE;
}

static bool is_passed(const struct passed *passed, struct endpoint e)
{
	for (size_t i = 0; i < passed->n; i++)
		if (same(passed->sockets[i].at, e))
			return true;
	return false;
}

enum err sockets_try(
	const struct sockets_source *from, const struct listeners *listeners, size_t *failed)
{
	for (size_t i = 0; i < listeners->n; i++) {
		struct endpoint at = listeners->at[i];
		enum err e = ERR_NONE;

		if (group_of(from->old, at) == NULL && !is_passed(from->passed, at))
			e = nobody_else_listens(at);
		*failed = i;
		if (e != ERR_NONE)
			return e;
	}
	return ERR_NONE;
}

void sockets_close(struct sockets *old, const struct sockets *keep)
{
	for (size_t i = 0; i < old->n; i++) {
		const struct socket_group *kept = group_of(keep, old->at[i].endpoint);

		for (unsigned k = kept != NULL ? kept->n : 0;
			!old->at[i].passed && k < old->at[i].n; k++)
			close(old->at[i].fd[k]);
	}
	old->n = 0;
}

bool sockets_add(struct sockets *s, int fd)
{
	struct passed one = { 0 };
	struct socket_group *g;

	if (!passed_add(&one, fd))
		return false;
	g = (struct socket_group *)(uintptr_t)group_of(s, one.sockets[0].at);
	if (g == NULL && s->n < LISTENERS_MAX) {
		g = &s->at[s->n++];
		g->endpoint = one.sockets[0].at;
	}
	if (g == NULL || g->n == SOCKETS_SLOTS)
		return false;
	g->fd[g->n++] = fd;
	return true;
}

int sockets_of_slot(const struct socket_group *g, unsigned slot, unsigned workers, unsigned k)
{
	unsigned at = slot + k * workers;

	if (at < g->n)
		return g->fd[at];
	return k == 0 && g->n > 0 ? g->fd[slot % g->n] : -1;
}

void sockets_report_unused(const struct sockets *s, const struct passed *passed)
{
	char text[ENDPOINT_TEXT];

	for (size_t i = 0; i < passed->n; i++)
		if (group_of(s, passed->sockets[i].at) == NULL)
			log_say(LOG_LEVEL_WARN, "socket.unused",
				"the service manager passed a socket for %s, which no listener has",
				endpoint_format(passed->sockets[i].at, text));
}
