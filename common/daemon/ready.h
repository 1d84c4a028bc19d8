/* ready.h - telling the service manager how we are (sd_notify(3)); nothing happens without one. */
#ifndef POPGATE_READY_H
#define POPGATE_READY_H

#include "common/base/err.h"

/* state as sd_notify(3) has it: "READY=1", "RELOADING=1", "STOPPING=1". */
void ready_say(const char *state);

#endif
