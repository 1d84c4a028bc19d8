/* passed.h - listening sockets that a service manager opened for us (sd_listen_fds(3)).
 *
 * They are told apart by the address that they are bound to, whatever their names. They are the manager's: it
 * keeps them open when we close ours, so that connections would wait there for nobody, and never is one closed
 * here. One that no listener of the config wants is reported and kept for a config that does. */
#ifndef POPGATE_PASSED_H
#define POPGATE_PASSED_H

#include "common/base/addr.h"

#define PASSED_MAX 256

struct passed {
	size_t n;
	struct passed_socket {
		struct endpoint at;
		int fd;
	} sockets[PASSED_MAX];
};

/* Takes what the environment says was passed to this process, and out of the environment. Sockets that are not
 * for listening on TCP are reported and closed, as are those beyond PASSED_MAX. */
void passed_take(struct passed *p);

/* Adds a socket. False, and nothing is done: it does not listen on TCP, or there is no room. */
MUST_USE bool passed_add(struct passed *p, int fd);

#endif
