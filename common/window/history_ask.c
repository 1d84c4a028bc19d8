/* history_ask.c - see history_ask.h. */
#include "common/window/history_ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/conf/site.h"

struct history_ask {
	int fd;
};

static enum err connect_to_store(int fd, const char *run_dir)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.80s/%s", run_dir, SITE_STORE_SOCKET);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return ERR_NONE;
	return errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_AWAY;
}

enum err history_ask_open(struct history_ask **out, const char *run_dir, enum wire_kind kind,
	const struct history_question *q)
{
	const struct request r = { .kind = kind, .question = *q };
	struct history_ask *h = calloc(1, sizeof(*h));
	uint8_t packet[WIRE_MAX];
	size_t n = wire_put_request(&r, packet);
	enum err e;

	if (h == NULL)
		return ERR_NOMEM;
	h->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	e = h->fd >= 0 ? connect_to_store(h->fd, run_dir) : err_of_errno(errno);
	if (e == ERR_NONE && send(h->fd, packet, n, MSG_NOSIGNAL) != (ssize_t)n)
		e = ERR_AWAY;
	if (e == ERR_NONE)
		*out = h;
	else
		history_ask_close(&h);
	return e;
}

void history_ask_close(struct history_ask **h)
{
	if (*h == NULL)
		return;
	if ((*h)->fd >= 0)
		close((*h)->fd);
	free(*h);
	*h = NULL;
}

enum err history_ask_next(struct history_ask *h, int wait_ms, struct history_answer *out)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };
	char packet[HISTORY_PACKET_MAX];
	ssize_t n;
	int ready = poll(&p, 1, wait_ms);

	if (ready <= 0)
		return ready == 0 ? ERR_TIMEOUT : err_of_errno(errno);
	n = recv(h->fd, packet, sizeof(packet), 0);
	if (n <= 0 || !history_get((struct str){ packet, (size_t)n }, out))
		return ERR_AWAY;
	return ERR_NONE;
}
