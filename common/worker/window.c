/* window.c - see window.h. */
#include "common/worker/window.h"

#include <stdlib.h>

#include "common/base/log.h"

#define LOOK_MS 1000

struct window {
	const char *state_dir; /* borrowed */
	struct view *view; /* owned; NULL: away */
	struct view_judge judge;
	bool reported; /* that it is away */
};

/* Said once, and again when it is back. */
static void look(void *owner)
{
	struct window *w = owner;
	enum err e = w->view == NULL ? view_open(&w->view, w->state_dir) : view_refresh(w->view);

	if (e != ERR_NONE && !w->reported)
		log_say(LOG_LEVEL_ERROR, "window.unknown", "the view cannot be read: %s",
			err_text(e));
	if (e == ERR_NONE && w->reported)
		log_say(LOG_LEVEL_WARN, "window.known", "the view can be read again");
	w->reported = e != ERR_NONE;
	if (w->view != NULL)
		view_set_judge(w->view, &w->judge);
}

void window_set_judge(struct window *w, const struct view_judge *judge)
{
	w->judge = *judge;
	if (w->view != NULL)
		view_set_judge(w->view, judge);
}

enum err window_open(struct window **out, struct loop *l, const char *state_dir)
{
	struct window *w = calloc(1, sizeof(*w));
	enum err e;

	if (w == NULL)
		return ERR_NOMEM;
	w->state_dir = state_dir;
	look(w);
	e = loop_every(l, LOOK_MS, look, w);
	if (e == ERR_NONE)
		*out = w;
	else
		window_close(&w);
	return e;
}

void window_close(struct window **w)
{
	if (*w == NULL)
		return;
	view_close(&(*w)->view);
	free(*w);
	*w = NULL;
}

struct view *window_view(struct window *w)
{
	return w->view;
}
