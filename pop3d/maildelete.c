/* maildelete.c - deleting messages, and taking them off the quota. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "pop3d/maildrop_private.h"
#include "pop3d/quota.h"

#define QUOTA_NAME "maildirsize"
#define QUOTA_FILE_MAX (1 << 20) /* octets of a quota file that nobody has summed up for too long */

struct deletion {
	struct maildrop *m;
	int quota; /* the quota file; -1 where there is none to be kept */
	uint64_t octets, messages; /* to be taken off it */
	size_t missed; /* not where they were */
	size_t stayed;
	bool *left; /* owned: still to be deleted */
};

/* Only what is a quota, and a file by that one name: not another's that was linked here. */
static int open_quota(const struct maildrop *m)
{
	int fd = m->root < 0 ? -1
			     : openat(m->root, QUOTA_NAME,
				       O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	char head[64];
	ssize_t n;

	if (fd < 0)
		return -1;
	n = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
			st.st_size <= QUOTA_FILE_MAX
		? pread(fd, head, sizeof(head), 0)
		: -1;
	if (n <= 0 || !quota_begins((struct str){ head, (size_t)n }))
		close_if_open(&fd);
	return fd;
}

/* What it counts for in the quota, before it is gone. */
static uint64_t quota_octets(const struct deletion *d, const struct file *f, bool *counts)
{
	struct mailname name;
	struct stat st = { 0 };

	*counts = d->quota >= 0 && mailname_read(str_of(f->name), &name) && !name.trashed;
	if (!*counts || name.has_file_size)
		return *counts ? name.file_size : 0;
	*counts = fstatat(d->m->dirs[f->place], f->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	return (uint64_t)st.st_size;
}

static void delete_one(struct deletion *d, size_t i)
{
	struct file *f = &d->m->files[i];
	bool counts;
	uint64_t octets = quota_octets(d, f, &counts);

	if (unlinkat(d->m->dirs[f->place], f->name, 0) == 0) {
		d->octets += counts ? octets : 0;
		d->messages += counts;
		d->left[i] = false;
	} else if (errno == ENOENT) {
		d->missed++;
	} else {
		d->stayed++;
		d->left[i] = false;
	}
}

/* One round: all that are left; those that were not where they were stay left. */
static void delete_round(struct deletion *d)
{
	d->missed = 0;
	for (size_t i = 0; i < d->m->n; i++)
		if (d->left[i])
			delete_one(d, i);
}

static void forget_gone(struct deletion *d)
{
	for (size_t i = 0; i < d->m->n; i++)
		d->left[i] = d->left[i] && !d->m->files[i].gone;
}

static void keep_quota(struct deletion *d)
{
	char text[QUOTA_LINE_MAX];
	struct str line = quota_line(d->octets, d->messages, text);

	if (d->quota >= 0 && d->messages > 0 && write(d->quota, line.p, line.n) < 0)
		log_say(LOG_LEVEL_WARN, "maildrop.quota_failed", "%s/" QUOTA_NAME, d->m->path);
	close_if_open(&d->quota);
}

size_t maildrop_delete(struct maildrop *m, const bool *doomed)
{
	struct deletion d = { .m = m, .left = calloc(m->n + 1, sizeof(bool)) };
	size_t wanted = 0;

	for (size_t i = 0; i < m->n; i++)
		wanted += doomed[i];
	if (d.left == NULL)
		return wanted;
	memcpy(d.left, doomed, m->n * sizeof(bool));
	stop_reading(m);
	d.quota = open_quota(m);
	delete_round(&d);
	for (int again = 0; d.missed > 0 && again < 3 && find_all_again(m); again++) {
		forget_gone(&d);
		delete_round(&d);
	}
	keep_quota(&d);
	sizes_save(m, true);
	free(d.left);
	return d.stayed + d.missed;
}
