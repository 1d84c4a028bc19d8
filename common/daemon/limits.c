/* limits.c - getrlimit(2), with some descriptors kept back for files, the store and the log. */
#include "common/daemon/limits.h"

#include <sys/resource.h>

#include "common/base/log.h"

#define KEPT_BACK 128 /* descriptors a process needs besides its connections */

void limits_raise(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return;
	l.rlim_cur = l.rlim_max;
	(void)!setrlimit(RLIMIT_NOFILE, &l);
}

unsigned limits_connections(unsigned wanted, unsigned processes, unsigned fds)
{
	struct rlimit l;
	uint64_t possible;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return wanted;
	possible = l.rlim_cur > KEPT_BACK ? (l.rlim_cur - KEPT_BACK) / fds : 1;
	if (possible > CLIENTS_PER_PROCESS)
		possible = CLIENTS_PER_PROCESS;
	possible *= processes;
	if (possible >= wanted)
		return wanted;
	log_say(LOG_LEVEL_WARN, "limits.lowered",
		"max_connections %u lowered to %llu: the limit of open files is %llu a process",
		wanted, (unsigned long long)possible, (unsigned long long)l.rlim_cur);
	return (unsigned)possible;
}
