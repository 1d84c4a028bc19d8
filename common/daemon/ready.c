/* ready.c - the one place that knows libsystemd. */
#include "common/daemon/ready.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

void ready_say(const char *state)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t); /* sd_notify(3) wants it with RELOADING=1 */
	if (strcmp(state, "RELOADING=1") == 0)
		sd_notifyf(0, "%s\nMONOTONIC_USEC=%lld", state,
			(long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	else
		sd_notify(0, state);
}

int64_t ready_watchdog_ms(void)
{
	uint64_t usec;

	return sd_watchdog_enabled(0, &usec) > 0 ? (int64_t)(usec / 1000) : 0;
}

void ready_alive(void)
{
	if (ready_watchdog_ms() > 0)
		ready_say("WATCHDOG=1");
}

void ready_forget(void)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}
