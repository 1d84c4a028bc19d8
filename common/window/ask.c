/* ask.c - the asking end of the store's socket. */
#include "common/window/ask.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/conf/site.h"
#include "common/window/wire.h"

struct ask {
	int fd;
};

enum err ask_open(struct ask **out, const char *run_dir)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct ask *a = calloc(1, sizeof(*a));
	enum err e = ERR_NONE;

	if (a == NULL)
		return ERR_NOMEM;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.80s/%s", run_dir, SITE_STORE_SOCKET);
	a->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->fd < 0)
		e = err_of_errno(errno);
	else if (connect(a->fd, (struct sockaddr *)&sa, sizeof(sa)) != 0)
		e = errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_AWAY;
	if (e == ERR_NONE)
		*out = a;
	else
		ask_close(&a);
	return e;
}

void ask_close(struct ask **a)
{
	if (*a == NULL)
		return;
	if ((*a)->fd >= 0)
		close((*a)->fd);
	free(*a);
	*a = NULL;
}

int ask_fd(const struct ask *a)
{
	return a->fd;
}

static enum err send_request(struct ask *a, const struct request *r)
{
	uint8_t packet[WIRE_MAX];
	size_t n = wire_put_request(r, packet);

	if (send(a->fd, packet, n, MSG_NOSIGNAL) == (ssize_t)n)
		return ERR_NONE;
	return errno == EAGAIN || errno == ENOBUFS ? ERR_BUSY : ERR_AWAY;
}

enum err ask_grant(struct ask *a, uint64_t ticket, const struct grant *g)
{
	return send_request(
		a, &(struct request){ .kind = WIRE_GRANT, .ticket = ticket, .grant = *g });
}

enum err ask_revoke(struct ask *a, uint64_t ticket, const struct revocation *r)
{
	return send_request(
		a, &(struct request){ .kind = WIRE_REVOKE, .ticket = ticket, .revocation = *r });
}

enum err ask_lost(struct ask *a, int64_t login_ms)
{
	return send_request(a, &(struct request){ .kind = WIRE_LOST, .grant.login_ms = login_ms });
}

enum err ask_failure(struct ask *a, const struct failure *f)
{
	return send_request(a, &(struct request){ .kind = WIRE_FAILURE, .failure = *f });
}

/* One call for all of them. What the socket has no room for is lost. */
enum err ask_uses(struct ask *a, const struct use *u, unsigned n)
{
	static uint8_t packets[ASK_USES_MAX][WIRE_MAX];
	struct mmsghdr messages[ASK_USES_MAX] = { 0 };
	struct iovec pieces[ASK_USES_MAX];
	int sent;

	assert(n <= ASK_USES_MAX);
	for (unsigned i = 0; i < n; i++) {
		const struct request r = { .kind = WIRE_USE, .use = u[i] };

		pieces[i] = (struct iovec){ packets[i], wire_put_request(&r, packets[i]) };
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	sent = sendmmsg(a->fd, messages, n, MSG_NOSIGNAL);
	if (sent == (int)n)
		return ERR_NONE;
	return sent >= 0 || errno == EAGAIN || errno == ENOBUFS ? ERR_BUSY : ERR_AWAY;
}

enum err ask_watch(struct ask *a, uint64_t ticket)
{
	return send_request(a, &(struct request){ .kind = WIRE_WATCH, .ticket = ticket });
}

enum err ask_notice(struct ask *a, struct notice *out)
{
	char packet[NOTICE_MAX];
	ssize_t n = recv(a->fd, packet, sizeof(packet), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return ERR_BUSY;
	if (n <= 0 || !notice_decode((struct str){ packet, (size_t)n }, out))
		return ERR_AWAY;
	return ERR_NONE;
}

enum err ask_receive(struct ask *a, struct answer *out)
{
	char packet[WIRE_MAX];
	ssize_t n = recv(a->fd, packet, sizeof(packet), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return ERR_BUSY;
	if (n <= 0 || !wire_get_answer((struct str){ packet, (size_t)n }, out))
		return ERR_AWAY;
	return ERR_NONE;
}

enum err ask_wait(struct ask *a, uint64_t ticket, int wait_ms, struct answer *out)
{
	int64_t until = clock_steady_ms() + wait_ms;

	for (;;) {
		struct pollfd p = { .fd = a->fd, .events = POLLIN };
		struct answer got;
		enum err e = ask_receive(a, &got);
		int64_t left = until - clock_steady_ms();

		if (e == ERR_NONE && got.ticket == ticket) {
			*out = got;
			return ERR_NONE;
		}
		if (e == ERR_AWAY)
			return e;
		if (left <= 0)
			return ERR_TIMEOUT;
		if (e == ERR_BUSY)
			poll(&p, 1, (int)left);
	}
}
