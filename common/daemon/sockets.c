/* sockets.c - see sockets.h. */
#include "common/daemon/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

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

static const struct socket_group *group_of(const struct sockets *s, struct endpoint e)
{
	for (size_t i = 0; s != NULL && i < s->n; i++)
		if (s->at[i].endpoint.port == e.port && addr_eq(s->at[i].endpoint.addr, e.addr))
			return &s->at[i];
	return NULL;
}

static enum err fill(struct socket_group *g, const struct socket_group *old, unsigned workers)
{
	enum err e = ERR_NONE;

	if (old != NULL)
		*g = *old;
	else
		e = nobody_else_listens(g->endpoint);
	while (e == ERR_NONE && g->n < workers) {
		e = open_one(g->endpoint, &g->fd[g->n]);
		if (e == ERR_NONE)
			g->n++;
	}
	return e;
}

enum err sockets_open(struct sockets *out, const struct sockets *old,
	const struct listeners *listeners, unsigned workers, size_t *failed)
{
	struct sockets s = { 0 };

	for (size_t i = 0; i < listeners->n; i++) {
		enum err e;

		s.at[i].endpoint = listeners->at[i];
		s.n++;
		e = fill(&s.at[i], group_of(old, listeners->at[i]), workers);
		if (e != ERR_NONE) {
			sockets_close(&s, old);
			*failed = i;
			return e;
		}
	}
	*out = s;
	return ERR_NONE;
}

void sockets_close(struct sockets *old, const struct sockets *keep)
{
	for (size_t i = 0; i < old->n; i++) {
		const struct socket_group *kept = group_of(keep, old->at[i].endpoint);

		for (unsigned k = kept != NULL ? kept->n : 0; k < old->at[i].n; k++)
			close(old->at[i].fd[k]);
	}
	old->n = 0;
}
