/* maildrop.c - opening, locking, closing. See maildrop.h.
 *
 * The lock is an open file description lock: it goes with its descriptor, so it is gone with its holder, and
 * it holds between hosts over NFSv4. The file is never unlinked, or two sessions could hold two files of one
 * name. Under a login delay its time of change is when the last session began. */
#include "pop3d/maildrop_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/base/clock.h"

#define LOCK_NAME "popgate.lock"

static const char *const dir_names[] = { "new", "cur" };

void close_if_open(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void maildrop_log(
	struct log_line *l, enum log_level level, const char *event, const struct maildrop *m)
{
	log_begin(l, level, event);
	log_text(l, "sid", m->sid);
	log_text(l, "path", m->path);
}

void spare_path(const struct maildrop *m, const char *suffix, char *dst)
{
	char digest[UIDL_MAX + 1];

	uidl_salted(str_of(m->path), 0, digest);
	snprintf(dst, 4200, "%s/%s%s", m->spare_dir, digest, suffix);
}

/* --- the lock --- */

static enum err take_lock(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &l) == 0)
		return ERR_NONE;
	return errno == EACCES || errno == EAGAIN ? ERR_BUSY : err_of_errno(errno);
}

/* Opens it, or makes it. -1 with errno for what is no regular file, too. */
static int open_lock_file(int dir, const char *name, bool *made)
{
	const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	int fd = openat(dir, name, flags);
	struct stat st;

	*made = fd < 0 && errno == ENOENT;
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
	fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	held = fd >= 0 && fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
	close_if_open(&fd);
	return held;
}

static enum err open_lock(struct maildrop *m, bool *made)
{
	char name[4200];

	if (m->root >= 0)
		m->lock = open_lock_file(m->root, LOCK_NAME, made);
	if (m->lock >= 0)
		return held_elsewhere(m) ? ERR_BUSY : ERR_NONE;
	if (m->root >= 0)
		log_elsewhere(m, errno);
	spare_path(m, ".lock", name);
	m->lock = open_lock_file(AT_FDCWD, name, made);
	return m->lock >= 0 ? ERR_NONE : err_of_errno(errno);
}

/* A clock that was set back is no reason to lock anyone out. */
static bool too_soon(const struct timespec *previous, int64_t delay_ms)
{
	int64_t since = clock_ms() - previous->tv_sec * 1000 - previous->tv_nsec / 1000000;

	return since >= 0 && since < delay_ms;
}

/* Only who holds the lock may say that a session began. */
static enum err lock(struct maildrop *m, int64_t delay_ms)
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

/* --- open and close --- */

/* The link at the end of the path itself is the operator's, and followed. */
static enum err open_root(struct maildrop *m)
{
	m->root = open(m->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	m->absent = m->root < 0 && errno == ENOENT;
	return m->root >= 0 || m->absent ? ERR_NONE : err_of_errno(errno);
}

/* On others a file that is in the caches may still have to be asked for over a network. */
static bool is_local(int dir)
{
	static const unsigned long known[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
		F2FS_SUPER_MAGIC };
	struct statfs fs;

	if (fstatfs(dir, &fs) != 0)
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((unsigned long)fs.f_type == known[i])
			return true;
	return false;
}

static enum err open_dirs(struct maildrop *m)
{
	for (int i = 0; i < 2 && m->root >= 0; i++) {
		m->dirs[i] = openat(m->root, dir_names[i],
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		if (m->dirs[i] < 0 && errno != ENOENT)
			return err_of_errno(errno);
	}
	m->local = m->root >= 0 && is_local(m->root);
	return ERR_NONE;
}

/* With copies of path and session behind it. */
static struct maildrop *make(const struct maildrop_place *place)
{
	const char *sid = place->sid != NULL ? place->sid : "";
	size_t path_n = strlen(place->path) + 1, sid_n = strlen(sid) + 1;
	struct maildrop *m = calloc(1, sizeof(*m) + path_n + sid_n);

	if (m == NULL)
		return NULL;
	m->root = m->dirs[0] = m->dirs[1] = m->lock = m->fd = m->count.fd = -1;
	m->format = place->uidl;
	m->spare_dir = place->spare_dir;
	m->path = memcpy(m->text, place->path, path_n);
	if (place->sid != NULL)
		m->sid = memcpy(m->text + path_n, sid, sid_n);
	return m;
}

static enum err open_it(
	struct maildrop **out, const struct maildrop_place *place, bool look, int64_t delay_ms)
{
	struct maildrop *m = make(place);
	enum err e;

	if (m == NULL)
		return ERR_NOMEM;
	m->look = look;
	e = open_root(m);
	if (e == ERR_NONE && !look)
		e = lock(m, delay_ms);
	if (e == ERR_NONE)
		e = open_dirs(m);
	if (e == ERR_NONE)
		*out = m;
	else
		maildrop_close(&m);
	return e;
}

enum err maildrop_open(struct maildrop **out, const struct maildrop_place *place)
{
	return open_it(out, place, false, 0);
}

enum err maildrop_open_after(
	struct maildrop **out, const struct maildrop_place *place, int64_t delay_ms)
{
	return open_it(out, place, false, delay_ms);
}

enum err maildrop_look(struct maildrop **out, const struct maildrop_place *place)
{
	return open_it(out, place, true, 0);
}

void file_free(struct file *f)
{
	if (f->own_name)
		free(f->name);
	free(f->uidl);
}

static void free_chunks(struct maildrop *m)
{
	while (m->chunks != NULL) {
		struct chunk *before = m->chunks->before;

		free(m->chunks);
		m->chunks = before;
	}
}

void maildrop_close(struct maildrop **drop)
{
	struct maildrop *m = *drop;

	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++)
		file_free(&m->files[i]);
	free(m->files);
	free_chunks(m);
	free(m->by_age);
	close_if_open(&m->count.fd);
	close_if_open(&m->fd);
	close_if_open(&m->dirs[0]);
	close_if_open(&m->dirs[1]);
	close_if_open(&m->root);
	close_if_open(&m->lock);
	free(m->file_text);
	free(m);
	*drop = NULL;
}

/* --- what was found --- */

size_t maildrop_count(const struct maildrop *m)
{
	return m->scan == SCAN_DONE ? m->n : 0;
}

uint64_t maildrop_octets(const struct maildrop *m, size_t i)
{
	return m->files[i].octets;
}

const char *maildrop_uidl(struct maildrop *m, size_t i)
{
	const struct file *f = &m->files[i];

	if (f->uidl != NULL)
		return f->uidl;
	uidl_of_name(unique_of(f), m->uidl_text);
	return m->uidl_text;
}

const char *maildrop_file(struct maildrop *m, size_t i)
{
	const struct file *f = &m->files[i];
	size_t size = MAILNAME_MAX + 8;

	if (m->file_text == NULL)
		m->file_text = malloc(size);
	if (m->file_text == NULL)
		return f->name;
	snprintf(m->file_text, size, "%s/%s", dir_names[f->place], f->name);
	return m->file_text;
}
