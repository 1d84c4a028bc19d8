/* window.h - a worker's look at the window: the view, opened once there is one, followed when the store
 * makes a new one.
 *
 * A process has one of these at most: LMDB must not open an environment twice in a process. */
#ifndef POPGATE_WORKER_WINDOW_H
#define POPGATE_WORKER_WINDOW_H

#include "common/net/loop.h"
#include "common/window/view.h"

struct window;

/* Looks at once and then each second. state_dir is borrowed. A view that cannot be read is no failure: it
 * is logged (window.unknown, and window.known when it is back). */
MUST_USE enum err window_open(struct window **out, struct loop *l, const char *state_dir);

/* Who says whether an account has changed; see view.h. */
void window_set_judge(struct window *w, const struct view_judge *judge);

/* After loop_close(). */
void window_close(struct window **w);

/* NULL: there is none, and the window is unknown; every call of view.h that may be asked then says so.
 * Good until the next turn of the loop: ask each time. */
struct view *window_view(struct window *w);

#endif
