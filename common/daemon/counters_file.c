/* counters_file.c - the file that counters are published in: made by a daemon, read by the command line.
 *
 * It is read with read(2), not mapped: a file that somebody cuts short is then an error and no SIGBUS. For
 * the same reason its blocks are there before anybody counts in them. It lies in a directory of its daemon's,
 * because a daemon that does not run as root may not write in the store's. */
#include "common/daemon/counters_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS 10 /* at an unused name beside it */

/* --- publishing --- */

/* What the store's user put there in the place of ours is not believed: root would write where it points. */
static enum err open_dir(const char *run_dir, const char *program, int *dir)
{
	char path[4200];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", run_dir, program);
	if (mkdir(path, 0755) == 0)
		(void)!chmod(path, 0755); /* whatever our umask */
	else if (errno != EEXIST)
		return err_of_errno(errno);
	*dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*dir < 0)
		return err_of_errno(errno);
	if (fstat(*dir, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0)
		return ERR_NONE;
	close(*dir);
	return ERR_DENIED;
}

static enum err open_beside(int dir, char *beside, size_t size, int *fd)
{
	*fd = -1;
	for (int attempt = 0; attempt < ATTEMPTS && *fd < 0; attempt++) {
		snprintf(beside, size, COUNTERS_FILE ".%d.%d", (int)getpid(), attempt);
		*fd = openat(dir, beside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (*fd < 0 && errno != EEXIST)
			break;
	}
	return *fd >= 0 ? ERR_NONE : err_of_errno(errno);
}

static enum err prepare(int fd, gid_t group)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int code = posix_fallocate(fd, 0, sizeof(struct counters_table));
	struct stat st;

	if (code != 0)
		return err_of_errno(code);
	if (fstat(fd, &st) != 0 || fchmod(fd, 0640) != 0 || fcntl(fd, F_SETLK, &lock) != 0)
		return err_of_errno(errno);
	if (group != (gid_t)-1 && group != st.st_gid && /* a service may not be allowed the call */
		fchown(fd, (uid_t)-1, group) != 0)
		return err_of_errno(errno);
	return ERR_NONE;
}

static enum err copy_into(
	struct counters **fresh, const struct counters *c, const char *program, int fd)
{
	enum err e = counters_map(fresh, c->names, fd, c->slot);

	if (e != ERR_NONE)
		return e;
	memcpy((*fresh)->table, c->table, sizeof(*c->table));
	snprintf((*fresh)->table->head.program, COUNTERS_ROLE, "%s", program);
	return ERR_NONE;
}

static enum err publish_in(int dir, struct counters *c, const char *program, gid_t group, int *fd)
{
	struct counters *fresh = NULL;
	char beside[64];
	int file;
	enum err e = open_beside(dir, beside, sizeof(beside), &file);

	if (e != ERR_NONE)
		return e;
	e = prepare(file, group);
	if (e == ERR_NONE)
		e = copy_into(&fresh, c, program, file);
	if (e == ERR_NONE && renameat(dir, beside, dir, COUNTERS_FILE) != 0)
		e = err_of_errno(errno);
	if (e == ERR_NONE) { /* what is closed below is what we had before */
		struct counters_table *old = c->table;
		int memory = *fd;

		c->table = fresh->table;
		fresh->table = old;
		*fd = file;
		file = memory;
	} else {
		(void)!unlinkat(dir, beside, 0);
	}
	counters_close(&fresh);
	close(file);
	return e;
}

enum err counters_publish(
	struct counters *c, const char *run_dir, const char *program, gid_t group, int *fd)
{
	int dir;
	enum err e = open_dir(run_dir, program, &dir);

	if (e != ERR_NONE)
		return e;
	e = publish_in(dir, c, program, group, fd);
	close(dir);
	return e;
}

/* --- reading --- */

/* Whose lock lies on it; 0: nobody's. */
static pid_t holder(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}

static enum err read_all(int fd, struct counters_table *to)
{
	char *at = (char *)to;
	size_t n = 0;

	while (n < sizeof(*to)) {
		ssize_t got = pread(fd, at + n, sizeof(*to) - n, (off_t)n);

		if (got <= 0)
			return got < 0 ? err_of_errno(errno) : ERR_DAMAGED;
		n += (size_t)got;
	}
	if (memcmp(to->head.magic, COUNTERS_MAGIC, sizeof(to->head.magic)) != 0 ||
		to->head.layout != COUNTERS_LAYOUT || to->head.size != sizeof(*to) ||
		to->head.names_n > COUNTERS_MAX)
		return ERR_DAMAGED;
	return ERR_NONE;
}

static void copy_text(char *dst, size_t size, const char *from)
{
	size_t n = strnlen(from, size - 1);

	memcpy(dst, from, n);
	dst[n] = '\0';
}

static void copy_seats(struct counters_seen *s, struct counters_table *t)
{
	for (size_t i = 0; i < COUNTERS_SLOTS; i++) {
		struct counters_seat *seat = &s->seats[s->seats_n];

		if (t->seats[i].pid <= 0)
			continue;
		seat->pid = (pid_t)t->seats[i].pid;
		copy_text(seat->role, sizeof(seat->role), t->seats[i].role);
		seat->slot = t->seats[i].slot;
		seat->generation = t->seats[i].generation;
		seat->since_ms = t->seats[i].since_ms;
		seat->draining = t->seats[i].draining != 0;
		s->seats_n++;
	}
}

static void copy_numbers(struct counters_seen *s, struct counters_table *t)
{
	const struct counters head = { .table = t };

	s->n = t->head.names_n;
	for (unsigned i = 0; i < s->n; i++) {
		copy_text(s->at[i].name, COUNTERS_NAME, t->head.names[i].name);
		copy_text(s->at[i].help, COUNTERS_HELP, t->head.names[i].help);
		s->at[i].gauge = t->head.names[i].gauge != 0;
		s->at[i].value = counters_sum(&head, i);
	}
}

static void copy_all(struct counters_seen *s, struct counters_table *t, pid_t held_by)
{
	copy_text(s->program, sizeof(s->program), t->head.program);
	copy_text(s->version, sizeof(s->version), t->head.version);
	copy_text(s->conf_path, sizeof(s->conf_path), t->conf_path);
	s->alive = held_by != 0;
	s->pid = (pid_t)t->head.pid;
	s->since_ms = t->head.since_ms;
	s->generation = t->generation;
	s->loaded_ms = t->loaded_ms;
	copy_seats(s, t);
	copy_numbers(s, t);
}

static enum err open_file(const char *run_dir, const char *program, int *fd)
{
	char path[4200];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s/" COUNTERS_FILE, run_dir, program);
	*fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0)
		return err_of_errno(errno);
	if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode))
		return ERR_NONE;
	close(*fd);
	return ERR_DAMAGED;
}

enum err counters_read(struct counters_seen **out, const char *run_dir, const char *program)
{
	struct counters_table *t;
	struct counters_seen *s;
	int fd;
	enum err e = open_file(run_dir, program, &fd);

	if (e != ERR_NONE)
		return e;
	t = calloc(1, sizeof(*t));
	s = calloc(1, sizeof(*s));
	e = t != NULL && s != NULL ? read_all(fd, t) : ERR_NOMEM;
	if (e == ERR_NONE) {
		copy_all(s, t, holder(fd));
		*out = s;
	} else {
		free(s);
	}
	free(t);
	close(fd);
	return e;
}
