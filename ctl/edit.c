/* edit.c - see edit.h. */
#include "ctl/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "common/users/passwdfile.h"

#define FILE_MAX_OCTETS ((size_t)1 << 30)

static bool is_of(struct str line, const struct subscriber *who, struct str default_domain)
{
	struct passwd_line l;
	struct subscriber name;

	return line.n > 0 && line.p[0] != '#' && passwd_line_read(line, &l) &&
		subscriber_fold(l.name, default_domain, &name) && subscriber_eq(&name, who);
}

/* name:NEW:rest */
static void put_replaced(struct buf *to, struct str line, struct str stored)
{
	struct str name, rest, password;
	bool more;

	(void)str_split(line, ':', &name, &rest);
	more = str_split(rest, ':', &password, &rest);
	buf_add(to, name);
	buf_add(to, STR(":"));
	buf_add(to, stored);
	if (more) {
		buf_add(to, STR(":"));
		buf_add(to, rest);
	}
}

static enum err rewrite(struct buf *to, struct str from, enum edit what,
	const struct subscriber *who, struct str default_domain, struct str line)
{
	bool found = false;
	struct str old;

	while (from.n > 0) {
		bool ended = str_split(from, '\n', &old, &from);
		bool mine = is_of(old, who, default_domain);

		found = found || mine;
		if (mine && what == EDIT_REMOVE)
			continue;
		if (mine && what == EDIT_REPLACE)
			put_replaced(to, old, line);
		else
			buf_add(to, old);
		if (ended || what == EDIT_ADD)
			buf_add(to, STR("\n"));
	}
	if (what == EDIT_ADD && found)
		return ERR_EXISTS;
	if (what != EDIT_ADD && !found)
		return ERR_ABSENT;
	if (what == EDIT_ADD) {
		buf_add(to, line);
		buf_add(to, STR("\n"));
	}
	return to->broken ? ERR_NOMEM : ERR_NONE;
}

static enum err write_all(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n <= 0)
			return err_of_errno(errno);
		s = str_from(s, (size_t)n);
	}
	return fsync(fd) == 0 ? ERR_NONE : err_of_errno(errno);
}

static enum err replace(const char *path, struct str bytes, const struct stat *old, int dir)
{
	char aside[4200];
	enum err e;
	int fd;

	snprintf(aside, sizeof(aside), "%s.XXXXXX", path);
	fd = mkstemp(aside);
	if (fd < 0)
		return err_of_errno(errno);
	e = write_all(fd, bytes);
	if (e == ERR_NONE &&
		(fchmod(fd, old->st_mode & 07777) != 0 ||
			(geteuid() == 0 && fchown(fd, old->st_uid, old->st_gid) != 0)))
		e = err_of_errno(errno);
	close(fd);
	if (e == ERR_NONE && rename(aside, path) != 0)
		e = err_of_errno(errno);
	if (e != ERR_NONE)
		unlink(aside);
	else if (fsync(dir) != 0)
		e = err_of_errno(errno);
	return e;
}

static int lock_dir(const char *path)
{
	char copy[4200];
	int dir;

	snprintf(copy, sizeof(copy), "%s", path);
	dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && flock(dir, LOCK_EX) != 0) {
		close(dir);
		return -1;
	}
	return dir;
}

enum err edit_file(const char *path, enum edit what, const struct subscriber *who,
	struct str default_domain, struct str line, gid_t reader)
{
	bool shared = reader != (gid_t)-1;
	struct stat old = { .st_mode = shared ? 0640 : 0600,
		.st_uid = geteuid(),
		.st_gid = shared ? reader : getegid() };
	struct buf from, to;
	enum err e = ERR_NONE;
	int dir = lock_dir(path);

	if (dir < 0)
		return err_of_errno(errno);
	buf_init(&from, FILE_MAX_OCTETS);
	buf_init(&to, FILE_MAX_OCTETS);
	if (stat(path, &old) == 0)
		e = conf_read_file(path, &from);
	else if (errno != ENOENT)
		e = err_of_errno(errno);
	if (e == ERR_NONE)
		e = rewrite(&to, buf_str(&from), what, who, default_domain, line);
	if (e == ERR_NONE)
		e = replace(path, buf_str(&to), &old, dir);
	buf_free(&from);
	buf_free(&to);
	close(dir);
	return e;
}
