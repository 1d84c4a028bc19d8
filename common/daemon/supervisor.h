/* supervisor.h - the supervisor's state, between main.c (which makes it) and supervise.c (which runs
 * it); private to common/daemon. */
#ifndef POPGATE_SUPERVISOR_H
#define POPGATE_SUPERVISOR_H

#include "common/daemon/children.h"
#include "common/daemon/startup.h"
#include "common/daemon/storekeeper.h"
#include "common/net/tickets.h"

#define SEATS COUNTERS_SLOTS /* children at a time, all generations together */
#define POSTS_MAX (SOCKETS_SLOTS + 8)
#define FREE_RESTARTS 5 /* quick deaths in a row before a post has to wait */

struct post {
	const struct role *role;
	unsigned slot, seat;
	bool filled;
	unsigned failures; /* quick deaths in a row */
	int64_t start_ms; /* not before then; steady clock */
};

struct supervisor {
	const struct program *program;
	const char *conf_path;
	char exe[4096];
	char store[4200];
	struct setup setup; /* of the current generation */
	struct sockets sockets;
	unsigned generation;
	struct child seats[SEATS];
	struct post posts[POSTS_MAX];
	size_t posts_n;
	struct storekeeper keeper;
	struct counters *counters;
	struct clients *clients;
	struct tickets *tickets;
	int counters_fd, clients_fd, tickets_fd, verified_fd;
	int alive[2]; /* a pipe: the children see its end */
	int deliver[2]; /* sending and receiving end */
	int signals;
	bool stopping;
	int64_t kill_ms, stats_ms, turn_ms; /* steady clock; turn: of the ticket keys */
};

/* Runs until told to end and the last child is gone. Returns the exit code. */
int supervisor_run(struct supervisor *s);

/* Each line of complaints as an event config.bad. */
void supervisor_log_complaints(const struct buf *complaints);

#endif
