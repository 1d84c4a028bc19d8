/* mailread.c - giving out messages, and deleting them.
 *
 * A file in a Maildir is not written to once it is there, but nobody can be made to keep to that. So what is
 * given out is counted, and the file's length and time are looked at before and after: a message that is not
 * what was announced ends in ERR_DAMAGED, never as if it were whole. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "pop3d/maildrop_private.h"
#include "pop3d/quota.h"

#define QUOTA_NAME "maildirsize"
#define QUOTA_FILE_MAX (1 << 20) /* octets of a quota file that nobody has summed up for too long */
#define READ_SIZE 65536
#define COUNT_TRIES 3
#define SETTLED_S \
	2 /* a directory that was changed later than this may be changed again unnoticed */

/* --- finding again what another program has renamed: from new to cur, or with other flags --- */

/* The first file that is not older than that name. */
static size_t first_of(const struct maildrop *m, const struct mailname *name)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct file *f = nth_by_age(m, mid);

		if (mailname_compare(f->time, unique_of(f), name->time, name->unique) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void rename_file(struct file *f, const char *name, enum place place)
{
	if (strcmp(f->name, name) != 0) {
		char *copy = strdup(name);

		if (copy == NULL)
			return;
		if (f->own_name)
			free(f->name);
		f->name = copy;
		f->own_name = true;
	}
	f->place = (uint8_t)place;
	f->gone = false;
}

static enum err place_entry(struct maildrop *m, const struct dirent *d, enum place place)
{
	struct mailname name;

	if (!mailname_read(str_of(d->d_name), &name))
		return ERR_NONE;
	for (size_t i = first_of(m, &name); i < m->n; i++) {
		struct file *f = nth_by_age(m, i);

		if (!str_eq(unique_of(f), name.unique))
			return ERR_NONE;
		if (!f->twin || f->inode == d->d_ino)
			rename_file(f, d->d_name, place);
	}
	return ERR_NONE;
}

static bool list_again(struct maildrop *m, enum place place)
{
	bool end = m->dirs[place] < 0;
	enum err e = end ? ERR_NONE : list_rewind(m, place);

	while (e == ERR_NONE && !end)
		e = list_next(m, place, place_entry, &end);
	return e == ERR_NONE;
}

static struct timespec changed(const struct maildrop *m, enum place place)
{
	struct stat st = { 0 };

	if (m->dirs[place] >= 0)
		(void)!fstat(m->dirs[place], &st);
	return st.st_mtim;
}

/* Nothing was moved since the directories were last read again? */
static bool up_to_date(const struct maildrop *m)
{
	for (int i = 0; i < 2; i++) {
		struct timespec t = changed(m, (enum place)i);

		if (t.tv_sec != m->listed[i].tv_sec || t.tv_nsec != m->listed[i].tv_nsec)
			return false;
	}
	return m->settled;
}

/* Where all files are now. False: that could not be found out. */
static bool find_all_again(struct maildrop *m)
{
	int64_t now_s = clock_ms() / 1000;
	bool whole;

	m->settled = true;
	for (int i = 0; i < 2; i++) {
		m->listed[i] = changed(m, (enum place)i);
		m->settled = m->settled && m->listed[i].tv_sec + SETTLED_S < now_s;
	}
	for (size_t i = 0; i < m->n; i++)
		m->files[i].gone = true;
	whole = list_again(m, IN_NEW) && list_again(m, IN_CUR);
	m->settled = m->settled && whole;
	return whole;
}

static int open_where_it_was(const struct maildrop *m, const struct file *f, struct stat *st)
{
	int fd = openat(m->dirs[f->place], f->name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -1;
	if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode)) {
		close_if_open(&fd);
		errno = ENOENT;
	}
	return fd;
}

int open_message(struct maildrop *m, struct file *f, struct stat *st)
{
	int fd = -1;

	if (f->gone && up_to_date(m)) {
		errno = ENOENT;
		return -1;
	}
	fd = open_where_it_was(m, f, st);
	if (fd >= 0 || errno != ENOENT || up_to_date(m))
		return fd;
	if (!find_all_again(m) || f->gone) {
		errno = ENOENT;
		return -1;
	}
	return open_where_it_was(m, f, st);
}

/* --- counting --- */

/* From the start; the file has changed under us. */
static enum err count_again(struct count *c)
{
	if (++c->tries >= COUNT_TRIES || fstat(c->fd, &c->before) != 0)
		return ERR_DAMAGED;
	c->dot = (struct dot_out){ 0 };
	c->offset = c->octets = 0;
	return ERR_NONE;
}

static enum err count_end(struct count *c, bool *done)
{
	struct stat now;

	if (fstat(c->fd, &now) != 0 || !same_file(&now, &c->before))
		return count_again(c);
	c->octets += dot_size_end(&c->dot);
	*done = true;
	return ERR_NONE;
}

enum err count_some(struct count *c, int64_t until_ms, bool *done)
{
	char piece[READ_SIZE];
	enum err e = ERR_NONE;

	for (*done = false; e == ERR_NONE && !*done;) {
		uint64_t left = (uint64_t)c->before.st_size - c->offset;
		size_t want = left < sizeof(piece) ? (size_t)left : sizeof(piece);
		ssize_t got = want > 0 ? pread(c->fd, piece, want, (off_t)c->offset) : 0;

		if (got < 0)
			return err_of_errno(errno);
		c->octets += dot_size_add(&c->dot, (struct str){ piece, (size_t)got });
		c->offset += (uint64_t)got;
		if (got == 0)
			e = count_end(c, done);
		else if (got < (ssize_t)left && clock_steady_ms() >= until_ms)
			return ERR_NONE;
	}
	return e;
}

static void log_changed(const struct maildrop *m, const struct file *f, uint64_t octets)
{
	struct log_line l;

	maildrop_log(&l, LOG_LEVEL_WARN, "maildrop.size_wrong", m);
	log_text(&l, "file", f->name);
	log_int(&l, "announced", (int64_t)f->octets);
	log_int(&l, "octets", (int64_t)octets);
	log_end(&l);
}

void learn(struct maildrop *m, struct file *f, const struct count *c)
{
	if (f->sized && f->octets != c->octets)
		log_changed(m, f, c->octets);
	f->octets = c->octets;
	f->stamp = stamp_of(&c->before);
	f->sized = f->sure = true;
	m->unsaved++;
	m->unsaved_octets += c->octets;
}

/* --- reading --- */

static void stop_reading(struct maildrop *m)
{
	close_if_open(&m->fd);
	close_if_open(&m->count.fd);
}

static bool known(const struct file *f, const struct stat *st)
{
	return f->sure && f->stamp == stamp_of(st);
}

/* Counts on, or for the first time; *done once the size is what is announced. */
static enum err make_sure(struct maildrop *m, struct file *f, bool *done)
{
	uint64_t announced = f->octets;
	enum err e = count_some(&m->count, clock_steady_ms() + MAILDROP_SLICE_MS, done);

	if (e == ERR_NONE && !*done)
		return ERR_NONE;
	if (e == ERR_NONE) {
		learn(m, f, &m->count);
		sizes_save(m, f->octets != announced);
		m->reading_st = m->count.before;
	} else {
		f->sure = false;
	}
	close_if_open(&m->count.fd);
	return e == ERR_NONE && f->octets != announced ? ERR_DAMAGED : e;
}

/* Opens it; *sure if its size is known to be what was announced, else counting it has begun. */
static enum err start_reading(struct maildrop *m, size_t i, bool *sure)
{
	struct file *f = &m->files[i];

	stop_reading(m);
	m->fd = open_message(m, f, &m->reading_st);
	if (m->fd < 0)
		return err_of_errno(errno);
	m->reading = i;
	m->reading_dot = (struct dot_out){ 0 };
	m->read_offset = m->read_octets = 0;
	*sure = known(f, &m->reading_st);
	if (*sure)
		return ERR_NONE;
	m->count =
		(struct count){ .fd = fcntl(m->fd, F_DUPFD_CLOEXEC, 0), .before = m->reading_st };
	return m->count.fd >= 0 ? ERR_NONE : err_of_errno(errno);
}

/* All was given out: was it what was announced? */
static enum err end_reading(struct maildrop *m, struct file *f)
{
	struct stat now;
	struct count c = { .before = m->reading_st };
	bool same = fstat(m->fd, &now) == 0 && same_file(&now, &m->reading_st);

	stop_reading(m);
	c.octets = m->read_octets + dot_size_end(&m->reading_dot);
	if (same && c.octets == f->octets)
		return ERR_NONE;
	f->sure = false;
	if (same) { /* the cache was wrong about this file */
		learn(m, f, &c);
		sizes_save(m, true);
	}
	return ERR_DAMAGED;
}

static enum err give_out(
	struct maildrop *m, struct file *f, char *dst, size_t size, size_t *n, bool *last)
{
	uint64_t left = (uint64_t)m->reading_st.st_size - m->read_offset;
	size_t want = left < size ? (size_t)left : size;
	ssize_t got = want > 0 ? pread(m->fd, dst, want, (off_t)m->read_offset) : 0;
	enum err e = ERR_NONE;

	if (got <= 0 && want > 0) {
		f->sure = false;
		return got == 0 ? ERR_DAMAGED : err_of_errno(errno);
	}
	m->read_offset += (uint64_t)got;
	m->read_octets += dot_size_add(&m->reading_dot, (struct str){ dst, (size_t)got });
	if (m->read_offset == (uint64_t)m->reading_st.st_size) {
		e = end_reading(m, f);
		*last = e == ERR_NONE;
	}
	*n = e == ERR_NONE ? (size_t)got : 0;
	return e;
}

enum err maildrop_read(struct maildrop *m, size_t i, uint64_t offset, char *dst, size_t size,
	size_t *n, bool *last)
{
	bool counting = m->count.fd >= 0 && m->reading == i && offset == 0, sure = true;
	enum err e = ERR_NONE;

	*n = 0;
	*last = false;
	if (offset == 0 && !counting) {
		e = start_reading(m, i, &sure);
		counting = !sure;
	}
	if (e == ERR_NONE && counting) {
		e = make_sure(m, &m->files[i], &sure);
		if (e == ERR_NONE && !sure)
			return ERR_NONE;
	}
	if (e == ERR_NONE && (m->fd < 0 || m->reading != i || m->read_offset != offset))
		e = ERR_DAMAGED;
	if (e == ERR_NONE)
		e = give_out(m, &m->files[i], dst, size, n, last);
	if (e != ERR_NONE)
		stop_reading(m);
	return e;
}

/* --- deleting --- */

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
