/* maildrop.c - opening and closing. See maildrop.h. */
#include "pop3d/maildrop_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

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

const char *spare_digest(const struct maildrop *m, char *dst)
{
	uidl_salted(str_of(m->path), 0, dst);
	return dst;
}

void spare_path(const struct maildrop *m, const char *suffix, char *dst)
{
	char digest[UIDL_MAX + 1];

	snprintf(dst, 4200, "%s/%s%s", m->spare_dir,
		m->now != NULL ? snapshot_digest(m->now) : spare_digest(m, digest), suffix);
}

/* --- open and close --- */

/* As io_uring(7) opens before it takes a thread: only what the caches of the kernel know (Linux 5.12). */
int open_cached(int dir, const char *name, int flags)
{
	struct open_how how = { .flags = (unsigned)flags, .resolve = RESOLVE_CACHED };

	return (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
}

int open_below(const struct maildrop *m, int dir, const char *name, int flags)
{
	return m->now != NULL ? open_cached(dir, name, flags) : openat(dir, name, flags);
}

/* The link at the end of the path itself is the operator's, and followed. */
static enum err open_root(struct maildrop *m)
{
	m->root = open_below(m, AT_FDCWD, m->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	m->absent = m->root < 0 && errno == ENOENT;
	if (m->now != NULL && !snapshot_fits(m->now, 0, m->root))
		return ERR_BUSY;
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
	/* Again: the session that held the lock just before may have written sizes. */
	if (m->now != NULL && !snapshot_fits(m->now, 0, m->root))
		return ERR_BUSY;
	for (int i = 0; i < 2 && m->root >= 0; i++) {
		m->dirs[i] = open_below(m, m->root, dir_names[i],
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		if (m->now != NULL && !snapshot_fits(m->now, i + 1, m->dirs[i]))
			return ERR_BUSY;
		if (m->dirs[i] < 0 && errno != ENOENT)
			return err_of_errno(errno);
	}
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

static enum err open_all(struct maildrop *m, int64_t delay_ms)
{
	enum err e = open_root(m);

	if (e == ERR_NONE && !m->look)
		e = lock(m, delay_ms);
	if (e == ERR_NONE)
		e = open_dirs(m);
	if (e == ERR_NONE && m->now == NULL) {
		m->local = m->root >= 0 && is_local(m->root);
		note_state(m);
	}
	return e;
}

enum err maildrop_open_after(
	struct maildrop **out, const struct maildrop_place *place, int64_t delay_ms)
{
	struct maildrop *m = make(place);
	enum err e = m != NULL ? open_all(m, delay_ms) : ERR_NOMEM;

	if (e == ERR_NONE)
		*out = m;
	else
		maildrop_close(&m);
	return e;
}

enum err maildrop_open(struct maildrop **out, const struct maildrop_place *place)
{
	return maildrop_open_after(out, place, 0);
}

enum err maildrop_look(struct maildrop **out, const struct maildrop_place *place)
{
	struct maildrop *m = make(place);
	enum err e = ERR_NOMEM;

	if (m != NULL) {
		m->look = true;
		e = open_all(m, 0);
	}
	if (e == ERR_NONE)
		*out = m;
	else
		maildrop_close(&m);
	return e;
}

bool maildrop_open_now(
	struct maildrop **out, const struct maildrop_place *place, const struct snapshot *s)
{
	struct maildrop *m = make(place);

	if (m == NULL)
		return false;
	m->now = s;
	if (open_all(m, 0) == ERR_NONE && snapshot_give(s, m)) {
		m->now = NULL;
		*out = m;
		return true;
	}
	maildrop_close(&m);
	return false;
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
	free(m->found);
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
