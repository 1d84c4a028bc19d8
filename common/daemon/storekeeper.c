/* storekeeper.c - see storekeeper.h. */
#include "common/daemon/storekeeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"

#define DELAY_MIN_MS 250
#define DELAY_MAX_MS 10000

static bool somebody_holds_the_lock(const struct site *site)
{
	char path[4200];
	bool held;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", site->state_dir, SITE_STORE_LOCK);
	fd = open(path,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); /* the store's user made it */
	if (fd < 0)
		return false; /* never ran here, or we may not look: the store itself will tell */
	held = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

static void run_store(const struct storekeeper *k)
{
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl(k->program, k->program, "-c", k->conf_path, (char *)NULL);
	_exit(127);
}

/* A grandchild, so that it is nobody's here to reap. */
static enum err start(const struct storekeeper *k)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return err_of_errno(errno);
	if (child == 0) {
		pid_t store = fork();

		if (store == 0)
			run_store(k);
		_exit(store < 0 ? 1 : 0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ERR_NONE : ERR_NOMEM;
}

void storekeeper_look(struct storekeeper *k, const struct site *site, int64_t now_ms)
{
	int64_t delay;
	struct log_line l;
	enum err e;

	if (now_ms < k->next_ms)
		return;
	if (somebody_holds_the_lock(site)) {
		k->failures = 0;
		return;
	}
	e = start(k);
	delay = (int64_t)DELAY_MIN_MS << (k->failures < 6 ? k->failures : 6);
	k->next_ms = now_ms + (delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS);
	k->failures++;
	log_begin(&l, k->failures > 1 || e != ERR_NONE ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
		"store.starting");
	log_text(&l, "path", k->program);
	log_int(&l, "attempt", k->failures);
	if (e != ERR_NONE)
		log_err(&l, e);
	log_end(&l);
}

static bool answers(const struct site *site)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool yes;

	if (fd < 0)
		return false;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.80s/%s", site->run_dir, SITE_STORE_SOCKET);
	yes = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;
	close(fd);
	return yes;
}

bool storekeeper_wait(const struct site *site, int wait_ms)
{
	int64_t until = clock_steady_ms() + wait_ms;

	while (!answers(site)) {
		if (clock_steady_ms() >= until)
			return false;
		poll(NULL, 0, 20);
	}
	return true;
}
