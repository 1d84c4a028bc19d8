/* away.h - between who.c and report.c: when the history gave no answer. */
#ifndef POPGATE_CTL_AWAY_H
#define POPGATE_CTL_AWAY_H

#include "common/window/history_wire.h"
#include "ctl/ctl.h"

/* EXIT_YES if there was an answer: e is how the asking went, end what came last. Says why otherwise. */
int ctl_history_away(const struct ctl *c, enum err e, const struct history_end *end);

#endif
