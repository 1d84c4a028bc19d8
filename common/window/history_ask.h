/* history_ask.h - asks the store what the history knows. Blocks: for the command line.
 *
 * The history is private: its files are the store's alone. Who may ask is decided by the store, by uid
 * (common/store/peers.c): root, and members of the group that are none of the daemons' users. */
#ifndef POPGATE_HISTORY_ASK_H
#define POPGATE_HISTORY_ASK_H

#include "common/window/wire.h"

struct history_ask;

/* Sends the question; kind is WIRE_WHO or WIRE_REPORT. ERR_AWAY: no store listens; ERR_DENIED: it, or the
 * kernel, does not want us. */
MUST_USE enum err history_ask_open(struct history_ask **out, const char *run_dir,
	enum wire_kind kind, const struct history_question *q);
void history_ask_close(struct history_ask **h);

/* The next row, or the end, after which nothing comes. ERR_TIMEOUT after wait_ms; ERR_AWAY: the store hung up
 * before the end, because it ended or because we may not ask. */
MUST_USE enum err history_ask_next(struct history_ask *h, int wait_ms, struct history_answer *out);

#endif
