/* mailread.c - giving out messages.
 *
 * A file in a Maildir is not written to once it is there, but nobody can be made to keep to that. So what is
 * given out is counted, and the file's length and time are looked at before and after: a message that is not
 * what was announced ends in ERR_DAMAGED, never as if it were whole. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "pop3d/maildrop_private.h"

#define READ_SIZE 65536
#define MESSAGE_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
#define COUNT_TRIES 3

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

bool find_all_again(struct maildrop *m)
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

bool version_of(int fd, struct version *out)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	*out = (struct version){ (uint64_t)st.st_size, st.st_mtim };
	return true;
}

static int open_where_it_was(const struct maildrop *m, const struct file *f, struct version *v)
{
	int fd = openat(m->dirs[f->place], f->name, MESSAGE_FLAGS);

	if (fd < 0)
		return -1;
	if (!version_of(fd, v)) {
		close_if_open(&fd);
		errno = ENOENT;
	}
	return fd;
}

int open_message(struct maildrop *m, struct file *f, struct version *v)
{
	int fd = -1;

	if (f->gone && up_to_date(m)) {
		errno = ENOENT;
		return -1;
	}
	fd = open_where_it_was(m, f, v);
	if (fd >= 0 || errno != ENOENT || up_to_date(m))
		return fd;
	if (!find_all_again(m) || f->gone) {
		errno = ENOENT;
		return -1;
	}
	return open_where_it_was(m, f, v);
}

/* --- counting --- */

/* From the start; the file has changed under us. */
static enum err count_again(struct count *c)
{
	if (++c->tries >= COUNT_TRIES || !version_of(c->fd, &c->before))
		return ERR_DAMAGED;
	c->dot = (struct dot_out){ 0 };
	c->offset = c->octets = 0;
	return ERR_NONE;
}

static enum err count_end(struct count *c, bool *done)
{
	struct version now;

	if (!version_of(c->fd, &now) || !same_version(&now, &c->before))
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
		uint64_t left = c->before.size - c->offset;
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

void stop_reading(struct maildrop *m)
{
	close_if_open(&m->fd);
	close_if_open(&m->count.fd);
}

static bool known(const struct file *f, const struct version *v)
{
	return f->sure && f->stamp == stamp_of(v);
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
		m->opened = m->count.before;
	} else {
		f->sure = false;
	}
	close_if_open(&m->count.fd);
	return e == ERR_NONE && f->octets != announced ? ERR_DAMAGED : e;
}

static void begin_reading(struct maildrop *m, size_t i)
{
	m->reading = i;
	m->reading_dot = (struct dot_out){ 0 };
	m->read_offset = m->read_octets = 0;
}

static enum err begin_counting(struct maildrop *m)
{
	m->count = (struct count){ .fd = fcntl(m->fd, F_DUPFD_CLOEXEC, 0), .before = m->opened };
	return m->count.fd >= 0 ? ERR_NONE : err_of_errno(errno);
}

static bool fits(const struct version *v, size_t size)
{
	return v->size <= size;
}

/* Reads what is open into dst, which it fits, and counts what it reads: most messages are small, and so they
 * are read once. False: it is not what was announced, or not all there without waiting, or it is being
 * changed. */
static bool read_at_once(struct maildrop *m, struct file *f, char *dst, int how)
{
	size_t n = (size_t)m->opened.size;
	struct iovec to = { dst, n };
	struct count c = { .before = m->opened };
	struct version now;

	if (n > 0 && preadv2(m->fd, &to, 1, 0, how) != (ssize_t)n)
		return false;
	c.octets = dot_size_add(&c.dot, (struct str){ dst, n });
	c.octets += dot_size_end(&c.dot);
	if (c.octets != f->octets || !version_of(m->fd, &now) || !same_version(&now, &c.before))
		return false;
	if (!known(f, &c.before))
		learn(m, f, &c);
	return true;
}

/* All was given out: was it what was announced? */
static enum err end_reading(struct maildrop *m, struct file *f)
{
	struct version now;
	struct count c = { .before = m->opened };
	bool same = version_of(m->fd, &now) && same_version(&now, &m->opened);

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

/* The octets of a piece that was read, as they count on the wire with those before it. */
static uint64_t with_piece(const struct maildrop *m, struct str piece, struct dot_out *dot)
{
	*dot = m->reading_dot;
	return m->read_octets + dot_size_add(dot, piece);
}

/* The next piece. Under RWF_NOWAIT ERR_BUSY, and nothing has changed, for what has to be waited for or be put
 * right. */
static enum err give_out(
	struct maildrop *m, struct file *f, char *dst, size_t size, int how, size_t *n, bool *last)
{
	uint64_t left = m->opened.size - m->read_offset, octets;
	struct iovec to = { dst, left < size ? (size_t)left : size };
	ssize_t got = to.iov_len > 0 ? preadv2(m->fd, &to, 1, (off_t)m->read_offset, how) : 0;
	bool ends = (uint64_t)got == left;
	struct dot_out dot;
	enum err e = ERR_NONE;

	if (how != 0 && got < (ssize_t)to.iov_len)
		return ERR_BUSY;
	if (got <= 0 && to.iov_len > 0) {
		f->sure = false;
		return got == 0 ? ERR_DAMAGED : err_of_errno(errno);
	}
	octets = with_piece(m, (struct str){ dst, (size_t)got }, &dot);
	if (how != 0 && ends && octets + dot_size_end(&dot) != f->octets)
		return ERR_BUSY;
	m->read_offset += (uint64_t)got;
	m->read_octets = octets;
	m->reading_dot = dot;
	if (ends)
		e = end_reading(m, f);
	*last = ends && e == ERR_NONE;
	*n = e == ERR_NONE ? (size_t)got : 0;
	return e;
}

/* From the start. *whole: all of it was given out; else *sure if its size is known to be what was announced, or
 * counting it has begun. */
static enum err start_reading(
	struct maildrop *m, size_t i, char *dst, size_t size, bool *whole, bool *sure)
{
	struct file *f = &m->files[i];

	stop_reading(m);
	m->fd = open_message(m, f, &m->opened);
	if (m->fd < 0)
		return err_of_errno(errno);
	begin_reading(m, i);
	*whole = fits(&m->opened, size) && read_at_once(m, f, dst, 0);
	*sure = known(f, &m->opened);
	if (*whole) {
		stop_reading(m);
		sizes_save(m, false);
	}
	return *whole || *sure ? ERR_NONE : begin_counting(m);
}

enum err maildrop_read(struct maildrop *m, size_t i, uint64_t offset, char *dst, size_t size,
	size_t *n, bool *last)
{
	bool counting = m->count.fd >= 0 && m->reading == i && offset == 0, sure = true;
	enum err e = ERR_NONE;

	*n = 0;
	*last = false;
	if (offset == 0 && !counting) {
		e = start_reading(m, i, dst, size, last, &sure);
		*n = *last ? (size_t)m->opened.size : 0;
		counting = !sure;
	}
	if (*last)
		return ERR_NONE;
	if (e == ERR_NONE && counting) {
		e = make_sure(m, &m->files[i], &sure);
		if (e == ERR_NONE && !sure)
			return ERR_NONE;
	}
	if (e == ERR_NONE && (m->fd < 0 || m->reading != i || m->read_offset != offset))
		e = ERR_DAMAGED;
	if (e == ERR_NONE)
		e = give_out(m, &m->files[i], dst, size, 0, n, last);
	if (e != ERR_NONE)
		stop_reading(m);
	return e;
}

/* --- without waiting --- */

static bool open_now(struct maildrop *m, const struct file *f)
{
	m->fd = open_cached(m->dirs[f->place], f->name, MESSAGE_FLAGS);
	return m->fd >= 0 && version_of(m->fd, &m->opened);
}

static enum err start_now(
	struct maildrop *m, size_t i, char *dst, size_t size, size_t *n, bool *last)
{
	struct file *f = &m->files[i];

	stop_reading(m);
	if (f->gone || sizes_due(m) || !open_now(m, f))
		return ERR_BUSY;
	begin_reading(m, i);
	if (!fits(&m->opened, size))
		return known(f, &m->opened) ? give_out(m, f, dst, size, RWF_NOWAIT, n, last)
					    : ERR_BUSY;
	if (!read_at_once(m, f, dst, RWF_NOWAIT))
		return ERR_BUSY;
	*n = (size_t)m->opened.size;
	*last = true;
	stop_reading(m);
	return ERR_NONE;
}

enum err maildrop_read_now(struct maildrop *m, size_t i, uint64_t offset, char *dst, size_t size,
	size_t *n, bool *last)
{
	enum err e = ERR_BUSY;

	*n = 0;
	*last = false;
	if (!m->local || m->count.fd >= 0)
		return ERR_BUSY;
	if (offset > 0) {
		if (m->fd >= 0 && m->reading == i && m->read_offset == offset)
			e = give_out(m, &m->files[i], dst, size, RWF_NOWAIT, n, last);
		return e;
	}
	e = start_now(m, i, dst, size, n, last);
	if (e != ERR_NONE)
		stop_reading(m);
	return e;
}
