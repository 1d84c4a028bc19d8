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
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/daemon/heartbeat.h"
#include "common/daemon/privilege.h"
#include "common/daemon/ready.h"

#define DELAY_MIN_MS 250
#define DELAY_MAX_MS 10000
#define HUNG_MS 10000 /* without a sign of life */
#define END_MS 3000 /* for a store that was told to end, and for the next one to answer */
#define FIND_MS 2000 /* for a store that waits for its disk */
#define SURE_MS 2000 /* and as long under our eyes: it may be we who slept */

/* -1: it was never there, or we may not look; then the store itself will tell. */
static int open_lock(const struct site *site)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", site->state_dir, SITE_STORE_LOCK);
	return open(path,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); /* the store's user made it */
}

static bool held(int lock)
{
	return lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

static uid_t uid_of_store(const struct site *site)
{
	struct identity who = { geteuid(), getegid() };

	if (geteuid() == 0 && site->run_as_store[0] != '\0' &&
		identity_find(site->run_as_store, &who) != ERR_NONE)
		who.uid = geteuid();
	return who.uid;
}

static bool silent(struct storekeeper *k, int lock, int64_t now_ms)
{
	int64_t beat;

	if (!heartbeat_read(lock, &beat) || now_ms - beat < HUNG_MS) {
		k->hung_ms = 0;
		return false;
	}
	if (k->hung_ms == 0 || beat != k->beat_ms)
		k->hung_ms = now_ms;
	k->beat_ms = beat;
	return now_ms - k->hung_ms >= SURE_MS;
}

static void end_if_silent(struct storekeeper *k, const struct site *site, int lock, int64_t now_ms)
{
	struct log_line l;
	pid_t pid;

	if (!silent(k, lock, now_ms))
		return;
	k->hung_ms = now_ms; /* said and done again only after a while */
	pid = heartbeat_holder(lock, uid_of_store(site));
	if (pid == 0 && !held(lock))
		return; /* the other daemon's supervisor was faster */
	log_begin(&l, LOG_LEVEL_ERROR, "store.hung");
	log_int(&l, "silent_ms", now_ms - k->beat_ms);
	log_int(&l, "store", pid);
	log_bool(&l, "killed", pid != 0 && kill(pid, SIGKILL) == 0);
	log_end(&l);
}

static void run_store(const struct storekeeper *k)
{
	sigset_t none;

	setsid();
	ready_forget();
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

static void start_another(struct storekeeper *k, int64_t now_ms)
{
	int64_t delay = (int64_t)DELAY_MIN_MS << (k->failures < 6 ? k->failures : 6);
	struct log_line l;
	enum err e = start(k);

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

void storekeeper_look(struct storekeeper *k, const struct site *site, int64_t now_ms)
{
	int lock;
	bool somebody;

	if (k->others || now_ms < k->next_ms)
		return;
	lock = open_lock(site);
	somebody = held(lock);
	if (somebody) {
		k->failures = 0;
		end_if_silent(k, site, lock, now_ms);
	}
	if (lock >= 0)
		close(lock);
	if (!somebody)
		start_another(k, now_ms);
}

/* Is what runs there the program that lies at path? In doubt not: to be started anew costs a store little. */
static bool runs(pid_t pid, const char *path)
{
	char exe[64];
	struct stat running, lying;

	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)pid);
	return stat(exe, &running) == 0 && stat(path, &lying) == 0 &&
		running.st_dev == lying.st_dev && running.st_ino == lying.st_ino;
}

static void wait_until_free(int lock)
{
	int64_t until = clock_steady_ms() + END_MS;

	while (held(lock) && clock_steady_ms() < until)
		poll(NULL, 0, 2);
}

/* One that works is waiting for its disk most of the time, and not to be found then. */
static pid_t patient_holder(int lock, uid_t uid)
{
	int64_t until = clock_steady_ms() + FIND_MS;
	pid_t pid;

	while ((pid = heartbeat_holder(lock, uid)) == 0 && clock_steady_ms() < until)
		poll(NULL, 0, 3);
	return pid;
}

void storekeeper_renew(struct storekeeper *k, const struct site *site)
{
	int lock = k->others ? -1 : open_lock(site);
	pid_t pid = lock >= 0 && held(lock) ? patient_holder(lock, uid_of_store(site)) : 0;

	if (pid != 0 && !runs(pid, k->program) && kill(pid, SIGTERM) == 0) {
		wait_until_free(lock);
		close(lock);
		lock = -1;
		start_another(k, clock_steady_ms());
		(void)!storekeeper_wait(site, END_MS);
	}
	if (lock >= 0)
		close(lock);
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
