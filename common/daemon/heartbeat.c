/* heartbeat.c - see heartbeat.h. The pid is asked of the kernel, not read from the file: whoever runs as the
 * store could write any there, and root would end it. */
#include "common/daemon/heartbeat.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"

#define WIDTH 21 /* octets of the number and its line end, always all of them */

void heartbeat_write(int fd)
{
	char text[WIDTH + 1];

	snprintf(text, sizeof(text), "%020" PRId64 "\n", clock_steady_ms());
	(void)!pwrite(fd, text, WIDTH, 0);
}

bool heartbeat_read(int fd, int64_t *steady_ms)
{
	char text[WIDTH + 1] = "", *end;

	if (pread(fd, text, WIDTH, 0) != WIDTH)
		return false;
	*steady_ms = strtoll(text, &end, 10);
	return *end == '\n' && *steady_ms > 0;
}

/* The letter of proc_pid_stat(5); it stands behind the name, which may hold anything. */
static char state_of(pid_t pid)
{
	char path[64], line[512] = "";
	const char *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return '\0';
	(void)!fgets(line, sizeof(line), f);
	fclose(f);
	end = strrchr(line, ')');
	return end != NULL && end[1] == ' ' ? end[2] : '\0';
}

static bool may_end(pid_t pid, uid_t uid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return pid > 1 && stat(path, &st) == 0 && st.st_uid == uid && state_of(pid) != 'D';
}

/* A line of proc_locks(5): "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF". */
pid_t heartbeat_holder(int fd, uid_t uid)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[256];
	struct stat st;
	pid_t found = 0;

	if (f == NULL)
		return 0;
	while (fstat(fd, &st) == 0 && found == 0 && fgets(line, sizeof(line), f) != NULL) {
		unsigned long inode;
		int pid;

		if (sscanf(line, "%*s FLOCK %*s WRITE %d %*x:%*x:%lu", &pid, &inode) == 2 &&
			inode == st.st_ino && may_end(pid, uid))
			found = pid;
	}
	fclose(f);
	return found;
}
