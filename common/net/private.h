/* private.h - what the files of common/net share; nobody else includes it. */
#ifndef POPGATE_NET_PRIVATE_H
#define POPGATE_NET_PRIVATE_H

#include <uv.h>

#include "common/base/list.h"
#include "common/net/loop.h"

#define SCRATCH_SIZE 65536 /* octets: one read buffer for all connections of a loop */

/* Connections by how long their peer may be silent: an intrusive list for each length, the longest
 * silent first, and one timer for all. 50,000 uv_timers cost 18 times as much. */
#define PATIENCE_CLASSES 16
struct patience {
	int64_t ms;
	struct node waiting;
};

struct loop {
	uv_loop_t uv;
	uv_timer_t tick; /* looks at the heads of the patience lists */
	uv_timer_t deadline; /* of a shutdown */
	uv_pipe_t first; /* never opened: see init_handles() */
	uv_prepare_t turned; /* a turn is over: what it logged goes out */
	uint64_t turns; /* over so far */
	uv_signal_t on_term, on_hup;
	struct patience patience[PATIENCE_CLASSES];
	size_t patience_n;
	struct patience delays[PATIENCE_CLASSES]; /* delay.c */
	size_t delays_n;
	struct node conns; /* every conn until it is freed */
	struct node listeners, timers, watches;
	struct crew *crew; /* owned; NULL: none */
	size_t jobs; /* under way in the pool and the crew */
	size_t heads; /* connections whose PROXY header is awaited */
	bool unheard; /* some conn is */
	int64_t deadline_ms;
	bool draining, shutdown;
	char scratch[SCRATCH_SIZE];
};

/* The class for ms; with all taken, the nearest longer one. */
struct patience *loop_patience(struct loop *l, int64_t ms);

/* Ends loop_run() if the loop drains and nothing is under way any more. */
void loop_check_end(struct loop *l);

/* patience.c: for each tick, and for a drain. */
void conn_expire_silent(struct loop *l);
void conn_end_idle(struct loop *l);
void conn_end_all(struct loop *l);

/* conn_tls.c: for each tick. */
void conn_hear_unheard(struct loop *l);

/* delay.c: for each tick, and at the end. */
void delay_expire(struct loop *l);
void delay_drop_all(struct loop *l);

/* crew.c: sends its threads home, who must be idle. Takes a loop without a crew. */
void crew_close(struct loop *l);

/* listen.c */
void listen_stop(struct loop *l);

enum err err_of_uv(int code);

#endif
