/* mailsizes.c - the size cache of a maildrop: MAILDIR/popgate-sizes, or a file in the spare directory where
 * that cannot be written. It is written aside and renamed, only while the lock is held, and read only if it
 * is a regular file of ours. What it says of a name is believed until the message is read: the file is not
 * looked at. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "pop3d/maildrop_private.h"

#define CACHE_NAME "popgate-sizes"
#define CACHE_ASIDE "popgate-sizes.new"
#define SAVE_EVERY 1000 /* messages counted, */
#define SAVE_OCTETS \
	(UINT64_C(256) << 20) /* or octets: so much work is lost at most if nobody waits for it */

/* --- reading it --- */

enum err read_whole(int dir, const char *name, struct buf *bytes, struct stat *st)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	enum err e = ERR_NONE;
	ssize_t got = 0;
	char *to;

	if (fd < 0)
		return err_of_errno(errno);
	if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode))
		e = ERR_ABSENT;
	else if ((uint64_t)st->st_size > bytes->max)
		e = ERR_LIMIT;
	while (e == ERR_NONE && (uint64_t)st->st_size > bytes->len) {
		to = buf_reserve(bytes, (size_t)st->st_size - bytes->len);
		got = to != NULL ? read(fd, to, (size_t)st->st_size - bytes->len) : 0;
		if (to == NULL)
			e = ERR_NOMEM;
		else if (got <= 0)
			e = got == 0 ? ERR_DAMAGED : err_of_errno(errno);
		else
			buf_grew(bytes, (size_t)got);
	}
	close_if_open(&fd);
	return e;
}

static bool is_ours(const struct maildrop *m, const struct stat *st)
{
	struct stat root;

	if (st->st_uid == geteuid())
		return true;
	return m->look && m->root >= 0 && fstat(m->root, &root) == 0 && root.st_uid == st->st_uid;
}

static void log_ignored(const struct maildrop *m, const char *why)
{
	struct log_line l;

	maildrop_log(&l, LOG_LEVEL_WARN, "maildrop.sizes_ignored", m);
	log_text(&l, "reason", why);
	log_end(&l);
}

static void take_entry(struct file *f, const struct size_entry *e)
{
	f->octets = e->octets;
	f->stamp = e->stamp;
	f->sized = f->sure = true;
}

/* Both are in the order of age, so one walk finds what is in both. A cache that turns out to be none was never
 * read. */
static bool match(struct maildrop *m, struct str bytes)
{
	struct sizes_in in;
	struct size_entry e;
	struct mailname name;
	size_t i = 0;

	if (!sizes_open(&in, bytes))
		return false;
	m->saved = in.left;
	while (sizes_next(&in, &e)) {
		if (!mailname_read(e.unique, &name))
			continue;
		while (i < m->n &&
			mailname_compare(
				m->files[i].time, unique_of(&m->files[i]), name.time, e.unique) < 0)
			i++;
		if (i < m->n && !m->files[i].twin && str_eq(unique_of(&m->files[i]), e.unique))
			take_entry(&m->files[i], &e);
	}
	for (i = 0; i < m->n && in.bad; i++)
		file_read_name(&m->files[i]);
	return !in.bad;
}

static enum err load_from(struct maildrop *m, int dir, const char *name)
{
	struct buf bytes;
	struct stat st;
	enum err e;

	buf_init(&bytes, SIZES_FILE_MAX);
	e = read_whole(dir, name, &bytes, &st);
	if (e == ERR_NONE && !is_ours(m, &st)) {
		log_ignored(m, "owner");
		e = ERR_DENIED;
	} else if (e == ERR_NONE && !match(m, buf_str(&bytes))) {
		log_ignored(m, "damaged");
		e = ERR_DAMAGED;
	}
	buf_free(&bytes);
	return e;
}

void sizes_load(struct maildrop *m)
{
	char spare[4200];

	if (m->root < 0 || load_from(m, m->root, CACHE_NAME) == ERR_NONE)
		return;
	spare_path(m, ".sizes", spare);
	m->spare = load_from(m, AT_FDCWD, spare) == ERR_NONE || m->spare;
}

/* --- writing it --- */

static void encode(const struct maildrop *m, struct buf *out, size_t *n)
{
	struct sizes_out s;

	sizes_begin(&s, out);
	for (size_t i = 0; i < m->n; i++) {
		const struct file *f = nth_by_age(m, i);

		if (f->sure && !f->twin && !f->gone)
			sizes_add(&s, (struct size_entry){ unique_of(f), f->octets, f->stamp });
	}
	sizes_end(&s);
	*n = s.count;
}

static bool write_all(int fd, struct str bytes)
{
	ssize_t put;

	for (; bytes.n > 0; bytes = str_from(bytes, (size_t)put)) {
		put = write(fd, bytes.p, bytes.n);
		if (put <= 0)
			return false;
	}
	return true;
}

/* A cache that a power cut left torn is found out by its checksum, so nothing is synced. */
static enum err write_to(int dir, const char *name, const char *aside, struct str bytes)
{
	enum err e = ERR_NONE;
	int fd;

	(void)unlinkat(dir, aside, 0);
	fd = openat(dir, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_of_errno(errno);
	if (!write_all(fd, bytes))
		e = err_of_errno(errno);
	if (close(fd) != 0 && e == ERR_NONE)
		e = err_of_errno(errno);
	if (e == ERR_NONE && renameat(dir, aside, dir, name) != 0)
		e = err_of_errno(errno);
	if (e != ERR_NONE)
		(void)unlinkat(dir, aside, 0);
	return e;
}

static void log_elsewhere(const struct maildrop *m, enum err e, enum err spare)
{
	struct log_line l;

	maildrop_log(&l, LOG_LEVEL_WARN, "maildrop.elsewhere", m);
	log_text(&l, "what", "sizes");
	log_text(&l, "in", spare == ERR_NONE ? m->spare_dir : "nowhere");
	log_err(&l, e);
	log_end(&l);
}

static void write_somewhere(struct maildrop *m, struct str bytes)
{
	char spare[4200], aside[4200];
	enum err e = write_to(m->root, CACHE_NAME, CACHE_ASIDE, bytes), e_spare;

	if (e == ERR_NONE)
		return;
	m->spare = true;
	spare_path(m, ".sizes", spare);
	spare_path(m, ".sizes.new", aside);
	e_spare = write_to(AT_FDCWD, spare, aside, bytes);
	log_elsewhere(m, e, e_spare);
}

bool sizes_due(const struct maildrop *m)
{
	size_t enough = m->saved > SAVE_EVERY ? m->saved : SAVE_EVERY;

	return m->unsaved >= enough || m->unsaved_octets >= SAVE_OCTETS;
}

/* Most of it is of messages that are gone? */
static bool stale(const struct maildrop *m)
{
	return m->scan == SCAN_SIZES && m->saved > SAVE_EVERY && m->saved / 2 > m->n;
}

void sizes_save(struct maildrop *m, bool must)
{
	struct buf bytes;
	size_t n;

	if (m->look || m->root < 0 || !(must ? m->unsaved > 0 || stale(m) : sizes_due(m)))
		return;
	buf_init(&bytes, SIZES_FILE_MAX);
	encode(m, &bytes, &n);
	if (!bytes.broken)
		write_somewhere(m, buf_str(&bytes));
	buf_free(&bytes);
	m->saved = n;
	m->unsaved = 0;
	m->unsaved_octets = 0;
}
