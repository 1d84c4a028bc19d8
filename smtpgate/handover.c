/* handover.c - see handover.h. */
#include "smtpgate/handover.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum err hand_over(int channel, char octet, int *ours)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { &octet, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int pair[2];
	bool sent;

	if (channel < 0 ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
		return ERR_NOMEM;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &pair[1], sizeof(int));
	sent = sendmsg(channel, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
	close(pair[1]);
	if (sent)
		*ours = pair[0];
	else
		close(pair[0]);
	return sent ? ERR_NONE : ERR_BUSY;
}
