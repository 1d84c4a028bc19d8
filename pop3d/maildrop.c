/* maildrop.c - see maildrop.h. */
#include "pop3d/maildrop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/line/dot.h"
#include "pop3d/mailname.h"

#define LOCK_NAME "popgate.lock"
#define READ_SIZE 65536

enum place {
	IN_NEW,
	IN_CUR
};
static const char *const places[] = { "new", "cur" };

struct file {
	char *name; /* owned; as it stands in its directory */
	uint16_t unique_n; /* octets of name that are its unique part */
	enum place place;
	uint64_t time; /* sorts by it */
	bool sized;
	uint64_t octets;
	char uidl[UIDL_MAX + 1];
};

struct maildrop {
	int dirs[2]; /* new and cur; -1 where there is none */
	int lock; /* held while open */
	struct file *files; /* owned */
	size_t n, cap;
	int fd; /* of the message that is being read; -1 */
	size_t reading;
	uint64_t reading_size; /* of the file when it was opened */
};

/* --- opening and locking --- */

/* An OFD lock goes with the descriptor, so it is gone with its holder, and holds over NFSv4. */
static enum err lock(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &l) == 0)
		return ERR_NONE;
	return errno == EACCES || errno == EAGAIN ? ERR_BUSY : err_of_errno(errno);
}

/* A name for path's lock elsewhere: its digest. */
static void digest(const void *data, size_t n, char *hex, size_t hex_n)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned sum_n = 0;

	if (EVP_Digest(data, n, sum, &sum_n, EVP_sha256(), NULL) != 1)
		memset(sum, 0, sizeof(sum));
	for (size_t i = 0; i + 1 < hex_n; i++)
		hex[i] = "0123456789abcdef"[(sum[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 15];
	hex[hex_n - 1] = '\0';
}

static int open_lock(const char *path, const char *lock_dir)
{
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	char name[4200], hex[41];
	struct stat st;
	int fd;

	snprintf(name, sizeof(name), "%s/%s", path, LOCK_NAME);
	fd = open(name, flags, 0600);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		return fd;
	digest(path, strlen(path), hex, sizeof(hex));
	snprintf(name, sizeof(name), "%s/%s.lock", lock_dir, hex);
	return open(name, flags, 0600);
}

static enum err open_dirs(struct maildrop *m, const char *path)
{
	for (int i = 0; i < 2; i++) {
		char name[4200];

		snprintf(name, sizeof(name), "%s/%s", path, places[i]);
		m->dirs[i] = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (m->dirs[i] < 0 && errno != ENOENT)
			return err_of_errno(errno);
	}
	return ERR_NONE;
}

enum err maildrop_open(struct maildrop **out, const char *path, const char *lock_dir)
{
	struct maildrop *m = calloc(1, sizeof(*m));
	enum err e = ERR_NONE;

	if (m == NULL)
		return ERR_NOMEM;
	m->dirs[0] = m->dirs[1] = m->fd = -1;
	m->lock = open_lock(path, lock_dir);
	if (m->lock < 0)
		e = err_of_errno(errno);
	if (e == ERR_NONE)
		e = lock(m->lock);
	if (e == ERR_NONE)
		e = open_dirs(m, path);
	if (e == ERR_NONE)
		*out = m;
	else
		maildrop_close(&m);
	return e;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void maildrop_close(struct maildrop **m)
{
	if (*m == NULL)
		return;
	for (size_t i = 0; i < (*m)->n; i++)
		free((*m)->files[i].name);
	free((*m)->files);
	close_if_open((*m)->dirs[0]);
	close_if_open((*m)->dirs[1]);
	close_if_open((*m)->fd);
	close_if_open((*m)->lock);
	free(*m);
	*m = NULL;
}

/* --- the snapshot --- */

static struct str unique_of(const struct file *f)
{
	return (struct str){ f->name, f->unique_n };
}

static bool add_file(struct maildrop *m, const char *name, enum place place)
{
	struct mailname parsed;
	struct file f = { .place = place };

	if (!mailname_read(str_of(name), &parsed))
		return true;
	if (m->n == m->cap) {
		size_t cap = m->cap == 0 ? 64 : m->cap * 2;
		struct file *more = realloc(m->files, cap * sizeof(*more));

		if (more == NULL)
			return false;
		m->files = more;
		m->cap = cap;
	}
	f.name = strdup(name);
	f.unique_n = (uint16_t)parsed.unique.n;
	f.time = parsed.time;
	f.sized = parsed.has_wire_size;
	f.octets = parsed.wire_size;
	if (f.name == NULL)
		return false;
	m->files[m->n++] = f;
	return true;
}

static bool is_regular(int dir, const struct dirent *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_REG;
	return fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static enum err list_dir(struct maildrop *m, enum place place)
{
	int fd = m->dirs[place] >= 0
		? openat(m->dirs[place], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
		: -1;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;
	bool room = true;

	if (m->dirs[place] < 0)
		return ERR_NONE;
	if (dir == NULL) {
		close_if_open(fd);
		return err_of_errno(errno);
	}
	while (room && (d = readdir(dir)) != NULL)
		if (is_regular(m->dirs[place], d))
			room = add_file(m, d->d_name, place);
	closedir(dir);
	return room ? ERR_NONE : ERR_NOMEM;
}

/* By delivery time, then by unique part; a message seen in new and again in cur stands behind itself. */
static int by_age(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	struct str u = unique_of(x), v = unique_of(y);
	int order;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	order = memcmp(u.p, v.p, u.n < v.n ? u.n : v.n);
	if (order != 0)
		return order;
	if (u.n != v.n)
		return u.n < v.n ? -1 : 1;
	return (int)y->place - (int)x->place;
}

/* Of two names for one message, moved while we looked, the one in cur stays. */
static void drop_doubles(struct maildrop *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (kept > 0 && str_eq(unique_of(&m->files[kept - 1]), unique_of(&m->files[i])))
			free(m->files[i].name);
		else
			m->files[kept++] = m->files[i];
	}
	m->n = kept;
}

static void name_uidl(struct file *f)
{
	struct str unique = unique_of(f);

	if (mailname_is_uidl(unique))
		memcpy(f->uidl, unique.p, unique.n);
	else
		digest(unique.p, unique.n, f->uidl, 41);
}

/* The file's size on the wire, by reading it. */
static enum err measure(int fd, uint64_t *octets)
{
	struct dot_out d = { 0 };
	char piece[READ_SIZE];
	ssize_t got;

	*octets = 0;
	while ((got = read(fd, piece, sizeof(piece))) > 0)
		*octets += dot_size_add(&d, (struct str){ piece, (size_t)got });
	*octets += dot_size_end(&d);
	return got == 0 ? ERR_NONE : err_of_errno(errno);
}

static int open_file(const struct maildrop *m, const struct file *f, uint64_t *size)
{
	struct stat st;
	int fd = openat(m->dirs[f->place], f->name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		errno = ENOENT;
		return -1;
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

/* A message that cannot be read is no message of this session: what has no size cannot be listed. */
static void size_files(struct maildrop *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n; i++) {
		struct file *f = &m->files[i];
		uint64_t size;
		int fd = f->sized ? -1 : open_file(m, f, &size);

		if (fd >= 0) {
			f->sized = measure(fd, &f->octets) == ERR_NONE;
			close(fd);
		}
		if (!f->sized) {
			free(f->name);
			continue;
		}
		name_uidl(f);
		if (kept != i)
			m->files[kept] = *f;
		kept++;
	}
	m->n = kept;
}

enum err maildrop_scan(struct maildrop *m)
{
	enum err e = list_dir(m, IN_NEW);

	if (e == ERR_NONE)
		e = list_dir(m, IN_CUR);
	if (e != ERR_NONE)
		return e;
	if (m->n > 0)
		qsort(m->files, m->n, sizeof(*m->files), by_age);
	drop_doubles(m);
	size_files(m);
	return ERR_NONE;
}

size_t maildrop_count(const struct maildrop *m)
{
	return m->n;
}

struct message maildrop_message(const struct maildrop *m, size_t i)
{
	return (struct message){ m->files[i].octets, m->files[i].uidl };
}

/* --- reading --- */

/* Another program has renamed it: from new to cur, or with other flags. */
static bool find_again_in(struct maildrop *m, struct file *f, enum place place)
{
	int fd = m->dirs[place] >= 0
		? openat(m->dirs[place], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
		: -1;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;
	char *found = NULL;

	if (dir == NULL) {
		close_if_open(fd);
		return false;
	}
	while (found == NULL && (d = readdir(dir)) != NULL) {
		struct mailname parsed;

		if (mailname_read(str_of(d->d_name), &parsed) &&
			str_eq(parsed.unique, unique_of(f)))
			found = strdup(d->d_name);
	}
	closedir(dir);
	if (found == NULL)
		return false;
	free(f->name);
	f->name = found;
	f->place = place;
	return true;
}

static bool find_again(struct maildrop *m, struct file *f)
{
	return find_again_in(m, f, IN_CUR) || find_again_in(m, f, IN_NEW);
}

static enum err start_reading(struct maildrop *m, size_t i)
{
	struct file *f = &m->files[i];

	close_if_open(m->fd);
	m->fd = open_file(m, f, &m->reading_size);
	if (m->fd < 0 && errno == ENOENT && find_again(m, f))
		m->fd = open_file(m, f, &m->reading_size);
	m->reading = i;
	return m->fd >= 0 ? ERR_NONE : err_of_errno(errno);
}

enum err maildrop_read(struct maildrop *m, size_t i, uint64_t offset, char *dst, size_t size,
	size_t *n, bool *last)
{
	enum err e = ERR_NONE;
	size_t want = size;
	ssize_t got;

	if (offset == 0 || m->fd < 0 || m->reading != i)
		e = start_reading(m, i);
	if (e != ERR_NONE)
		return e;
	if (offset > m->reading_size)
		return ERR_DAMAGED;
	if (m->reading_size - offset < want)
		want = (size_t)(m->reading_size - offset);
	got = want > 0 ? pread(m->fd, dst, want, (off_t)offset) : 0;
	if (got < 0)
		return err_of_errno(errno);
	if (got == 0 && want > 0)
		return ERR_DAMAGED;
	*n = (size_t)got;
	*last = offset + (uint64_t)got == m->reading_size;
	if (*last) {
		close(m->fd);
		m->fd = -1;
	}
	return ERR_NONE;
}

/* --- deleting --- */

static bool delete_file(struct maildrop *m, struct file *f)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		if (unlinkat(m->dirs[f->place], f->name, 0) == 0)
			return true;
		if (errno != ENOENT)
			return false;
		if (!find_again(m, f))
			return true;
	}
	return false;
}

size_t maildrop_delete(struct maildrop *m, const bool *doomed)
{
	size_t stayed = 0;

	for (size_t i = 0; i < m->n; i++)
		if (doomed[i] && !delete_file(m, &m->files[i]))
			stayed++;
	return stayed;
}
