/* salvage.c - what can be read of a damaged log: every record whose own octets are whole, wherever in the
 * file it lies. What was trimmed and still lies about has ended and is left out by whoever takes it. */
#include "common/store/salvage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DONE "salvaged" /* in a directory that was moved aside: it is not to be read again */
#define WINDOW (1 << 20) /* octets looked at at a time */
#define BLOCK 4096 /* what is left out around an octet that the device does not give */

struct salvage {
	enum err (*fn)(void *owner, const struct record *r);
	void *owner;
	size_t n; /* records given to fn */
};

/* Reads up to n octets; what the device does not give is zero. Returns how many the file has there. */
static size_t read_window(int fd, off_t at, char *to, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = pread(fd, to + got, n - got, at + (off_t)got);
		size_t block = BLOCK - (size_t)(at + (off_t)got) % BLOCK;

		if (r == 0)
			break;
		if (r < 0) {
			r = (ssize_t)(block < n - got ? block : n - got);
			memset(to + got, 0, (size_t)r);
		}
		got += (size_t)r;
	}
	return got;
}

/* Windows overlap, so that a record is whole in one of them. */
static enum err scan(int fd, off_t size, struct salvage *s)
{
	char *window = malloc(WINDOW + RECORD_MAX);
	enum err e = window != NULL ? ERR_NONE : ERR_NOMEM;

	for (off_t at = 0; at < size && e == ERR_NONE; at += WINDOW) {
		struct str rest = { window, read_window(fd, at, window, WINDOW + RECORD_MAX) };
		struct record r;

		while (e == ERR_NONE && record_find(&rest, &r)) {
			e = s->fn(s->owner, &r);
			s->n += e == ERR_NONE;
		}
	}
	free(window);
	return e;
}

static enum err scan_file(const char *path, struct salvage *s)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	enum err e;

	if (fd < 0)
		return errno == ENOENT ? ERR_NONE : err_of_errno(errno);
	e = fstat(fd, &st) == 0 ? scan(fd, st.st_size, s) : err_of_errno(errno);
	close(fd);
	return e;
}

enum err salvage_file(const char *path, enum err (*fn)(void *owner, const struct record *r),
	void *owner, size_t *n)
{
	struct salvage s = { fn, owner, 0 };
	enum err e = scan_file(path, &s);

	*n += s.n;
	return e;
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Calls fn for each log moved aside and not yet salvaged. */
static enum err each_aside(
	const char *state_dir, enum err (*fn)(const char *dir, void *owner), void *owner)
{
	DIR *dir = opendir(state_dir);
	const struct dirent *d;
	char path[4600], done[4700];
	enum err e = dir != NULL ? ERR_NONE : err_of_errno(errno);

	while (e == ERR_NONE && (d = readdir(dir)) != NULL) {
		if (strncmp(d->d_name, DURABLE_ASIDE, sizeof(DURABLE_ASIDE) - 1) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", state_dir, d->d_name);
		snprintf(done, sizeof(done), "%s/" DONE, path);
		if (!exists(done))
			e = fn(path, owner);
	}
	if (dir != NULL)
		closedir(dir);
	return e;
}

static enum err say_yes(const char *dir, void *owner)
{
	(void)dir;
	*(bool *)owner = true;
	return ERR_NONE;
}

bool salvage_waits(const char *state_dir)
{
	bool waits = false;

	return each_aside(state_dir, say_yes, &waits) == ERR_NONE && waits;
}

static enum err read_aside(const char *dir, void *owner)
{
	struct salvage *s = owner;
	char path[4700];

	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	return scan_file(path, s);
}

enum err salvage_logs(const char *state_dir, enum err (*fn)(void *owner, const struct record *r),
	void *owner, size_t *n)
{
	struct salvage s = { fn, owner, 0 };
	enum err e = each_aside(state_dir, read_aside, &s);

	*n += s.n;
	return e;
}

static enum err mark(const char *dir, void *owner)
{
	char path[4700];
	int fd;

	(void)owner;
	snprintf(path, sizeof(path), "%s/" DONE, dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return err_of_errno(errno);
	close(fd);
	return ERR_NONE;
}

enum err salvage_done(const char *state_dir)
{
	return each_aside(state_dir, mark, NULL);
}
