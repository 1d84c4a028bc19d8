/* mailfile.c - see mailfile.h. */
#include "smtpgate/mailfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/sid.h"
#include "smtpgate/mailquota.h"

#define NAME_MAX_OCTETS 255
#define PATH_SIZE 4200 /* octets */

struct mailfile {
	int tmp, new; /* directories */
	int fd;
	bool in_tmp; /* there is a file to be deleted */
	bool in_new; /* it was made visible */
	uint64_t octets, lines; /* lines: of which each gains a CR on the wire */
	bool mid_line;
	char name[NAME_MAX_OCTETS + 1]; /* in tmp */
	char final[NAME_MAX_OCTETS + 1]; /* in new, once staged */
};

/* A name is safe once the directory that holds it is synced (fsync(2)); path has one '/' at least. */
static enum err sync_parent(const char *path)
{
	char parent[PATH_SIZE];
	size_t n = (size_t)(strrchr(path, '/') - path);
	enum err e = ERR_NONE;
	int fd;

	memcpy(parent, path, n);
	memcpy(parent + n, "/", 2);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		e = err_of_errno(errno);
	if (fd >= 0)
		close(fd);
	return e;
}

static enum err make_dir(const char *path)
{
	if (mkdir(path, 0700) == 0)
		return sync_parent(path);
	return errno == EEXIST ? ERR_NONE : err_of_errno(errno);
}

/* mkdir -p, but only its last missing parts, each 0700. */
static enum err make_dirs(const char *path)
{
	char part[PATH_SIZE];
	size_t n = strlen(path);
	enum err e = ERR_NONE;

	if (n >= sizeof(part))
		return ERR_LIMIT;
	for (size_t i = 1; i <= n && e == ERR_NONE; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		e = make_dir(part);
	}
	return e;
}

static enum err open_dir(const char *maildir, const char *name, bool make, int *fd)
{
	char path[PATH_SIZE];
	enum err e;

	snprintf(path, sizeof(path), "%s/%s", maildir, name);
	e = make ? make_dir(path) : ERR_NONE;
	if (e != ERR_NONE)
		return e;
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *fd >= 0 ? ERR_NONE : err_of_errno(errno);
}

static enum err open_maildir(struct mailfile *m, const char *maildir)
{
	int cur = -1;
	enum err e = open_dir(maildir, "tmp", false, &m->tmp);

	if (e == ERR_NONE)
		return open_dir(maildir, "new", true, &m->new);
	if (e != ERR_ABSENT)
		return e;
	e = make_dirs(maildir);
	if (e == ERR_NONE)
		e = open_dir(maildir, "cur", true, &cur);
	if (cur >= 0)
		close(cur);
	if (e == ERR_NONE)
		e = open_dir(maildir, "tmp", true, &m->tmp);
	if (e == ERR_NONE)
		e = open_dir(maildir, "new", true, &m->new);
	return e;
}

/* Seconds, then what makes it unique; / and : in a host's name would mean something there. */
static void make_name(struct mailfile *m, const char *hostname)
{
	struct timespec now;
	char unique[SID_TEXT];
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	sid_make(unique);
	n = (size_t)snprintf(m->name, sizeof(m->name), "%lld.M%06ldP%ld%s.%.100s",
		(long long)now.tv_sec, now.tv_nsec / 1000, (long)getpid(), unique, hostname);
	for (size_t i = 0; i < n; i++)
		if (m->name[i] == '/' || m->name[i] == ':' || m->name[i] == ',')
			m->name[i] = '_';
}

enum err mailfile_open(struct mailfile **out, const char *maildir, const char *hostname)
{
	struct mailfile *m = calloc(1, sizeof(*m));
	enum err e;

	if (m == NULL)
		return ERR_NOMEM;
	m->tmp = m->new = m->fd = -1;
	e = open_maildir(m, maildir);
	if (e == ERR_NONE) {
		make_name(m, hostname);
		m->fd = openat(m->tmp, m->name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		m->in_tmp = m->fd >= 0;
		if (m->fd < 0)
			e = err_of_errno(errno);
	}
	if (e == ERR_NONE)
		*out = m;
	else
		mailfile_close(&m);
	return e;
}

static uint64_t count_lines(struct str s)
{
	uint64_t n = 0;

	for (size_t at = str_find(s, '\n'); at < s.n; at = str_find(s, '\n')) {
		n++;
		s = str_from(s, at + 1);
	}
	return n;
}

enum err mailfile_write(struct mailfile *m, struct str octets)
{
	m->octets += octets.n;
	m->lines += count_lines(octets);
	while (octets.n > 0) {
		ssize_t n = write(m->fd, octets.p, octets.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_of_errno(errno) : ERR_FULL;
		octets = str_from(octets, (size_t)n);
	}
	return ERR_NONE;
}

static int open_root(const struct mailfile *m)
{
	return openat(m->tmp, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void count(const struct mailfile *m, bool came)
{
	int root = open_root(m);

	if (root < 0)
		return;
	mailquota_add(root, came ? (int64_t)m->octets : -(int64_t)m->octets, came ? 1 : -1);
	close(root);
}

static enum err check_quota(int root, uint64_t octets)
{
	enum err e;

	if (root < 0)
		return err_of_errno(errno);
	e = mailquota_check(root, octets);
	close(root);
	return e;
}

enum err mailfile_fits(const char *maildir, uint64_t octets)
{
	enum err e = check_quota(open(maildir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), octets);

	return e == ERR_ABSENT ? ERR_NONE : e; /* it will be made */
}

enum err mailfile_stage(struct mailfile *m)
{
	enum err e = check_quota(open_root(m), m->octets);
	int n = snprintf(m->final, sizeof(m->final), "%.150s,S=%llu,W=%llu", m->name,
		(unsigned long long)m->octets, (unsigned long long)(m->octets + m->lines));

	if (e != ERR_NONE)
		return e;
	if (n < 0 || (size_t)n >= sizeof(m->final))
		return ERR_LIMIT;
	return fsync(m->fd) == 0 ? ERR_NONE : err_of_errno(errno);
}

/* The name is unique by its random part; all the same nothing that is there is overwritten, where the file
 * system can promise that. */
static bool make_visible(const struct mailfile *m)
{
	if (renameat2(m->tmp, m->name, m->new, m->final, RENAME_NOREPLACE) == 0)
		return true;
	return (errno == EINVAL || errno == ENOSYS) &&
		renameat(m->tmp, m->name, m->new, m->final) == 0;
}

enum err mailfile_commit(struct mailfile *m)
{
	if (!make_visible(m))
		return err_of_errno(errno);
	m->in_tmp = false;
	m->in_new = true;
	count(m, true);
	return fsync(m->new) == 0 ? ERR_NONE : err_of_errno(errno);
}

void mailfile_retract(struct mailfile *m)
{
	if (m->in_new && unlinkat(m->new, m->final, 0) == 0)
		count(m, false);
	m->in_new = false;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void mailfile_close(struct mailfile **m)
{
	if (*m == NULL)
		return;
	if ((*m)->in_tmp)
		unlinkat((*m)->tmp, (*m)->name, 0);
	close_if_open((*m)->fd);
	close_if_open((*m)->tmp);
	close_if_open((*m)->new);
	free(*m);
	*m = NULL;
}
