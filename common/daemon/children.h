/* children.h - starting one child with its kit, and remembering who runs. */
#ifndef POPGATE_CHILDREN_H
#define POPGATE_CHILDREN_H

#include <sys/types.h>

#include "common/daemon/sockets.h"
#include "common/daemon/supervise.h"

struct child {
	pid_t pid; /* 0: this seat is free */
	const struct role *role; /* borrowed */
	unsigned slot, generation;
	int64_t since_ms; /* steady clock */
	bool told; /* to end: its death is no surprise */
	int64_t told_ms; /* since when; steady clock */
	int64_t silent_ms; /* since when we know that it shows no sign of life; steady clock; 0: it does */
	bool aborted; /* for that */
	bool unwatched; /* it shows its signs to the program that we were before */
};

/* What every child of a generation is given. Descriptors are the supervisor's. */
struct handover {
	const char *exe; /* path of the program, for people */
	int exe_fd; /* and the program itself: at its path there may lie another by now */
	const struct site *site;
	const struct sockets *sockets;
	const enum listener_tls *tls; /* of each listener */
	unsigned workers, generation;
	int conf, counters, clients, verified; /* memfds */
	int material, tickets; /* memfds, for who listens; -1: none */
	int alive; /* the reading end */
	int deliver_send, deliver_receive; /* -1: none */
};

/* Forks and execs; *pid is set on ERR_NONE. The child finds its place by "--child". */
MUST_USE enum err child_start(const struct handover *h, const struct role *role, unsigned slot,
	unsigned seat, pid_t *pid);

#endif
