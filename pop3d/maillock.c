/* maillock.c - one session a maildrop.
 *
 * The lock is an open file description lock: it goes with its descriptor, so it is gone with its holder, and
 * it holds between hosts over NFSv4. The file is never unlinked, or two sessions could hold two files of one
 * name. Under a login delay its time of change is when the last session began. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "pop3d/maildrop_private.h"

#define LOCK_NAME "popgate.lock"

static enum err take_lock(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &l) == 0)
		return ERR_NONE;
	return errno == EACCES || errno == EAGAIN ? ERR_BUSY : err_of_errno(errno);
}

/* Opens it, or makes it. -1 with errno for what is no regular file, too. */
static int open_lock_file(const struct maildrop *m, int dir, const char *name, bool *made)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	int fd = open_below(m, dir, name, flags);
	struct stat st;

	*made = fd < 0 && errno == ENOENT && m->now == NULL;
	if (*made)
		fd = openat(dir, name, flags | O_CREAT, 0600);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		close_if_open(&fd);
		errno = EACCES;
	}
	return fd;
}

static void log_elsewhere(const struct maildrop *m, int code)
{
	struct log_line l;

	maildrop_log(&l, LOG_LEVEL_WARN, "maildrop.elsewhere", m);
	log_text(&l, "what", "lock");
	log_text(&l, "in", m->spare_dir);
	log_err(&l, err_of_errno(code));
	log_end(&l);
}

/* A session from when nothing could be written here, or nothing was here, holds the other lock. */
static bool held_elsewhere(const struct maildrop *m)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char name[4200];
	bool held;
	int fd;

	spare_path(m, ".lock", name);
	fd = open_below(m, AT_FDCWD, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	held = fd >= 0 ? fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK
		       : m->now != NULL && errno != ENOENT;
	close_if_open(&fd);
	return held;
}

static enum err open_lock(struct maildrop *m, bool *made)
{
	char name[4200];

	if (m->root >= 0)
		m->lock = open_lock_file(m, m->root, LOCK_NAME, made);
	if (m->lock >= 0)
		return held_elsewhere(m) ? ERR_BUSY : ERR_NONE;
	if (m->now != NULL)
		return ERR_BUSY;
	if (m->root >= 0)
		log_elsewhere(m, errno);
	spare_path(m, ".lock", name);
	m->lock = open_lock_file(m, AT_FDCWD, name, made);
	m->spare = true;
	return m->lock >= 0 ? ERR_NONE : err_of_errno(errno);
}

/* A clock that was set back is no reason to lock anyone out. */
static bool too_soon(const struct timespec *previous, int64_t delay_ms)
{
	int64_t since = clock_ms() - previous->tv_sec * 1000 - previous->tv_nsec / 1000000;

	return since >= 0 && since < delay_ms;
}

/* Only who holds the lock may say that a session began. */
enum err lock(struct maildrop *m, int64_t delay_ms)
{
	bool made = false;
	struct stat st;
	enum err e = open_lock(m, &made);

	if (e == ERR_NONE)
		e = take_lock(m->lock);
	if (e != ERR_NONE)
		return e;
	if (delay_ms == 0) /* then nobody asks when it began */
		return ERR_NONE;
	if (!made && fstat(m->lock, &st) == 0 && too_soon(&st.st_mtim, delay_ms))
		return ERR_LIMIT;
	(void)futimens(m->lock, NULL);
	return ERR_NONE;
}
