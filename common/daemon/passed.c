/* passed.c - see passed.h. */
#include "common/daemon/passed.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/base/log.h"

bool passed_add(struct passed *p, int fd)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	int flags = fcntl(fd, F_GETFL);

	if (p->n == PASSED_MAX || flags < 0 || getsockname(fd, (struct sockaddr *)&sa, &n) != 0 ||
		(sa.ss_family != AF_INET && sa.ss_family != AF_INET6) ||
		sd_is_socket(fd, sa.ss_family, SOCK_STREAM, 1) <= 0)
		return false;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return false;
	p->sockets[p->n++] =
		(struct passed_socket){ endpoint_of((const struct sockaddr *)&sa), fd };
	return true;
}

void passed_take(struct passed *p)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (!passed_add(p, fd)) {
			log_say(LOG_LEVEL_WARN, "socket.unused",
				"descriptor %d, \"%s\", is no TCP socket that listens", fd,
				names[i]);
			close(fd);
		}
		free(names[i]);
	}
	free(names);
}
