/* supervisor.h - the supervisor's state, and who does what to it; private to common/daemon: main.c makes it, with
 * what is shared (shared.c); supervise.c runs it; seats.c starts and buries children, vigil.c looks whether they live,
 * upgrade.c hands all of it to another program. */
#ifndef POPGATE_SUPERVISOR_H
#define POPGATE_SUPERVISOR_H

#include "common/daemon/children.h"
#include "common/daemon/handon.h"
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
	char **argv; /* as we were started, for who follows us */
	char exe[4096]; /* where our program lay when we started: another may lie there now */
	int exe_fd; /* ours */
	char store[4200];
	struct setup setup; /* of the current generation */
	struct sockets sockets;
	struct passed passed; /* owned for life */
	unsigned generation;
	bool upgraded; /* children of the program that we were before are among ours */
	struct child seats[SEATS];
	struct post posts[POSTS_MAX];
	size_t posts_n;
	struct storekeeper keeper;
	struct counters *counters;
	struct clients *clients;
	struct tickets *tickets;
	int counters_fd, clients_fd, tickets_fd, verified_fd;
	bool published; /* the counters */
	int alive[2]; /* a pipe: the children see its end */
	int deliver[2]; /* sending and receiving end */
	int signals;
	bool stopping;
	int64_t kill_ms, stats_ms, turn_ms; /* steady clock; turn: of the ticket keys */
	int64_t vigil_ms; /* steady clock: when the service manager is to hear of us */
};

/* Runs until told to end and the last child is gone. Returns the exit code. */
int supervisor_run(struct supervisor *s);

/* Each line of complaints as an event config.bad. */
void supervisor_log_complaints(const struct buf *complaints);

/* --- shared.c --- */

/* Makes what all children share, or takes it over from the program that we were before (NULL: from none). */
MUST_USE enum err shared_make(struct supervisor *s, const struct handon *from);
void shared_free(struct supervisor *s);

/* Once the store has made the directories: the key of salts into the children's memory; the counters to where the
 * command line finds them. Without either all goes on, and the log says so. */
void shared_publish(struct supervisor *s);

/* --- seats.c --- */

void supervisor_make_posts(struct supervisor *s);
void supervisor_fill(struct supervisor *s, int64_t now); /* the posts that are due */
void supervisor_reap(struct supervisor *s, int64_t now);
unsigned supervisor_seats_free(const struct supervisor *s);
bool supervisor_has_children(const struct supervisor *s);

/* Somebody lives who may still have mail for the deliver role. */
bool supervisor_has_senders(const struct supervisor *s);

/* Tells every child of a generation up to that one. Who delivers is not drained before those who send to
 * it are gone. */
void supervisor_tell(struct supervisor *s, int64_t up_to, int signal_number);

/* Whom the program that we were before has started. */
void supervisor_take_in(struct supervisor *s, const struct handon *from, int64_t now);

/* --- vigil.c --- */

/* Ends children that have shown no sign of life for too long, and tells the service manager that we serve, if
 * we do. For every tick. */
void vigil_keep(struct supervisor *s, int64_t now);

/* --- upgrade.c --- */

/* Makes the program that lies at s->exe now the supervisor, in this process. Returns only if it cannot be: it
 * says why in the log, and we go on. */
void upgrade_try(struct supervisor *s);

#endif
