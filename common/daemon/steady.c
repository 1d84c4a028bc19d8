/* steady.c - see steady.h. Written aside and linked into its place, so that it is there whole or not. */
#include "common/daemon/steady.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/secret.h"

#define PATH_SIZE 4200 /* octets: of a directory of the config, and of a name in it */

/* Who may write in the directory could put any file there, so who owns that is to be trusted. */
static bool is_trusted(const char *state_dir, uid_t uid)
{
	struct stat st;

	return uid == geteuid() || uid == 0 || (stat(state_dir, &st) == 0 && uid == st.st_uid);
}

static bool is_ours(const struct stat *st, const char *state_dir)
{
	return S_ISREG(st->st_mode) && is_trusted(state_dir, st->st_uid) &&
		(st->st_mode & 037) == 0;
}

static enum err read_key(const char *path, const char *state_dir, char key[STEADY_KEY])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	enum err e = ERR_NONE;
	struct stat st;

	if (fd < 0)
		return err_of_errno(errno);
	if (fstat(fd, &st) != 0 || !is_ours(&st, state_dir))
		e = ERR_DENIED;
	else if (read(fd, key, STEADY_KEY) != STEADY_KEY)
		e = ERR_DAMAGED;
	close(fd);
	return e;
}

/* A directory that gives its group to what is made in it has that of the host's programs. */
static bool has_our_group(const char *state_dir)
{
	struct stat st;

	return stat(state_dir, &st) == 0 && (st.st_mode & S_ISGID) != 0;
}

static enum err write_key(const char *path, bool shared)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	char key[STEADY_KEY];
	enum err e = ERR_NONE;

	if (fd < 0)
		return err_of_errno(errno);
	secret_random(key, sizeof(key));
	errno = ENOSPC;
	if (write(fd, key, sizeof(key)) != (ssize_t)sizeof(key) ||
		(shared && fchmod(fd, 0640) != 0) || fsync(fd) != 0)
		e = err_of_errno(errno);
	explicit_bzero(key, sizeof(key));
	close(fd);
	return e;
}

static enum err make_key(const char *path, bool shared)
{
	char aside[PATH_SIZE + 16];
	enum err e;

	snprintf(aside, sizeof(aside), "%s.%d", path, (int)getpid());
	unlink(aside); /* of a process of our number that was killed */
	e = write_key(aside, shared);
	if (e == ERR_NONE && link(aside, path) != 0 && errno != EEXIST)
		e = err_of_errno(errno);
	unlink(aside);
	return e;
}

enum err steady_read(const char *state_dir, char key[STEADY_KEY])
{
	char path[PATH_SIZE], read[STEADY_KEY];
	enum err e;

	snprintf(path, sizeof(path), "%s/" STEADY_FILE, state_dir);
	e = read_key(path, state_dir, read);
	if (e == ERR_NONE)
		memcpy(key, read, sizeof(read));
	explicit_bzero(read, sizeof(read));
	return e;
}

enum err steady_key(const char *state_dir, char key[STEADY_KEY])
{
	char path[PATH_SIZE];
	enum err e;

	snprintf(path, sizeof(path), "%s/" STEADY_FILE, state_dir);
	e = read_key(path, state_dir, key);
	if (e == ERR_ABSENT)
		e = make_key(path, has_our_group(state_dir));
	else if (e == ERR_NONE)
		return e;
	if (e == ERR_NONE)
		e = read_key(path, state_dir, key);
	if (e != ERR_NONE)
		secret_random(key, STEADY_KEY);
	return e;
}
