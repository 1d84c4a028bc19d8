/* ready.c - the one place that knows libsystemd. */
#include "common/daemon/ready.h"

#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>

void ready_say(const char *state)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t); /* sd_notify(3) wants it with RELOADING=1 */
	sd_notifyf(0, "%s\nMONOTONIC_USEC=%lld", state,
		(long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
}
