/* maillist.c - the regular files in new and cur, as the kernel gives them: a buffer a call, on the
 * descriptor that is open already. opendir(3) would open it a second time, with four calls more. */
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <unistd.h>

#include "pop3d/maildrop_private.h"

#define LIST_SIZE 32768 /* octets of entries at a time: some 400 */

static bool is_regular(int dir, const struct dirent *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_REG;
	return fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

enum err list_rewind(const struct maildrop *m, enum place place)
{
	return lseek(m->dirs[place], 0, SEEK_SET) == 0 ? ERR_NONE : err_of_errno(errno);
}

enum err list_next(struct maildrop *m, enum place place, list_entry *take, bool *end)
{
	alignas(struct dirent) char entries[LIST_SIZE];
	ssize_t n = getdents64(m->dirs[place], entries, sizeof(entries));
	const struct dirent *d;
	enum err e = ERR_NONE;

	if (n < 0)
		return err_of_errno(errno);
	*end = n == 0;
	for (ssize_t at = 0; at < n && e == ERR_NONE; at += d->d_reclen) {
		d = (const struct dirent *)(const void *)(entries + at);
		if (is_regular(m->dirs[place], d))
			e = take(m, d, place);
	}
	return e;
}
