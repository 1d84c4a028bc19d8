/* loop.h - one worker's event loop: periodic work, descriptors to watch, signals, drain.
 *
 * A worker is one thread. It makes its loop after fork+exec, opens listeners, and loop_run() returns
 * when the worker has been told to end and its last connection is gone. All call-backs run on that
 * thread, never inside each other's caller unless a header says so. */
#ifndef POPGATE_LOOP_H
#define POPGATE_LOOP_H

#include "common/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

MUST_USE enum err loop_open(struct loop **out);

/* Nothing may be left on it: call after loop_run(). */
void loop_close(struct loop **l);

/* Runs until drained. SIGTERM drains as for a shutdown, SIGHUP as for a reload. */
void loop_run(struct loop *l);

/* Stops accepting. As for a reload every session goes on to its own end. As for a shutdown those that
 * are not busy get their farewell at once, the others when they no longer are, all after deadline_ms. */
void loop_drain(struct loop *l, bool shutdown);
bool loop_draining(const struct loop *l);

/* Another number with each turn: of those who do much in one, the others wait for the next. */
uint64_t loop_turn(const struct loop *l);

/* How long a shutdown lets busy sessions go on; ms. */
void loop_set_deadline(struct loop *l, int64_t deadline_ms);

/* Calls fn(owner) every ms milliseconds until the loop ends; the first time after ms. */
MUST_USE enum err loop_every(struct loop *l, uint64_t ms, void (*fn)(void *owner), void *owner);

/* Calls fn(owner) whenever fd can be read or has ended, until watch_close(); fd stays the caller's. */
struct watch;
MUST_USE enum err watch_open(
	struct watch **out, struct loop *l, int fd, void (*fn)(void *owner), void *owner);
void watch_close(struct watch **w); /* before fd is closed; takes NULL */

/* When the supervisor's pipe ends, the worker drains as for a shutdown. */
MUST_USE enum err loop_watch_alive(struct loop *l, int fd);

#endif
