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

static bool is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & 077) == 0;
}

static enum err read_key(const char *path, char key[STEADY_KEY])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	enum err e = ERR_NONE;
	struct stat st;

	if (fd < 0)
		return err_of_errno(errno);
	if (fstat(fd, &st) != 0 || !is_ours(&st))
		e = ERR_DENIED;
	else if (read(fd, key, STEADY_KEY) != STEADY_KEY)
		e = ERR_DAMAGED;
	close(fd);
	return e;
}

static enum err write_key(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	char key[STEADY_KEY];
	enum err e = ERR_NONE;

	if (fd < 0)
		return err_of_errno(errno);
	secret_random(key, sizeof(key));
	errno = ENOSPC;
	if (write(fd, key, sizeof(key)) != (ssize_t)sizeof(key) || fsync(fd) != 0)
		e = err_of_errno(errno);
	explicit_bzero(key, sizeof(key));
	close(fd);
	return e;
}

static enum err make_key(const char *path)
{
	char aside[PATH_SIZE + 16];
	enum err e;

	snprintf(aside, sizeof(aside), "%s.%d", path, (int)getpid());
	unlink(aside); /* of a process of our number that was killed */
	e = write_key(aside);
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
	e = read_key(path, read);
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
	e = read_key(path, key);
	if (e == ERR_ABSENT)
		e = make_key(path);
	else if (e == ERR_NONE)
		return e;
	if (e == ERR_NONE)
		e = read_key(path, key);
	if (e != ERR_NONE)
		secret_random(key, STEADY_KEY);
	return e;
}
