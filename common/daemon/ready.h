/* ready.h - telling the service manager how we are (sd_notify(3)); nothing happens without one. */
#ifndef POPGATE_READY_H
#define POPGATE_READY_H

#include <stdint.h>

/* state as sd_notify(3) has it: "READY=1", "RELOADING=1", "STOPPING=1". */
void ready_say(const char *state);

/* How often the service manager wants to hear "WATCHDOG=1" of this process at least; 0: never. */
int64_t ready_watchdog_ms(void);

/* Says it, if it does. */
void ready_alive(void);

/* For a child of ours that is no part of the service: it shall not speak for us. */
void ready_forget(void);

#endif
