/* mailscan.c - the snapshot of a maildrop, taken in steps:
 *
 *	list new, then cur -> order by age -> what the size cache knows -> count what is not known -> ids
 *
 * new comes before cur, so a message that another program moves meanwhile is seen at least once. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "pop3d/maildrop_private.h"

#define MESSAGES_MAX 500000 /* of one session; what is more waits until these are gone */
#define CHECKS_MAX 100 /* new messages with W= that are counted all the same */

/* --- listing --- */

DIR *list_dir(const struct maildrop *m, enum place place)
{
	int fd = openat(m->dirs[place], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL)
		close_if_open(&fd);
	return dir;
}

bool is_regular(int dir, const struct dirent *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_REG;
	return fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static bool make_room(struct maildrop *m)
{
	size_t cap = m->cap == 0 ? 64 : m->cap * 2;
	struct file *more = realloc(m->files, cap * sizeof(*more));

	if (more == NULL)
		return false;
	m->files = more;
	m->cap = cap;
	return true;
}

static bool add_file(struct maildrop *m, const struct dirent *d, enum place place)
{
	struct mailname name;
	struct file f = { .place = (uint8_t)place, .inode = d->d_ino };

	if (!mailname_read(str_of(d->d_name), &name))
		return true;
	if (m->n == m->cap && !make_room(m))
		return false;
	f.name = strdup(d->d_name);
	f.unique_n = (uint16_t)name.unique.n;
	f.time = name.time;
	f.sized = name.has_wire_size;
	f.octets = name.wire_size;
	if (f.name == NULL)
		return false;
	m->files[m->n++] = f;
	return true;
}

/* The end of a directory and a failure to read on look alike but for errno. */
static const struct dirent *next_entry(DIR *dir)
{
	errno = 0;
	return readdir(dir);
}

static enum err end_listing(struct maildrop *m)
{
	enum err e = err_of_errno(errno);

	closedir(m->listing);
	m->listing = NULL;
	m->scan++;
	return e;
}

static enum err list_some(struct maildrop *m, int64_t until_ms)
{
	enum place place = m->scan == SCAN_NEW ? IN_NEW : IN_CUR;
	const struct dirent *d;

	if (m->dirs[place] < 0) {
		m->scan++;
		return ERR_NONE;
	}
	if (m->listing == NULL)
		m->listing = list_dir(m, place);
	if (m->listing == NULL)
		return err_of_errno(errno);
	for (size_t n = 1; m->n < MESSAGES_MAX; n++) {
		d = next_entry(m->listing);
		if (d == NULL)
			return end_listing(m);
		if (is_regular(m->dirs[place], d) && !add_file(m, d, place))
			return ERR_NOMEM;
		if (n % 256 == 0 && clock_steady_ms() >= until_ms)
			return ERR_NONE;
	}
	errno = 0;
	return end_listing(m);
}

/* --- order --- */

static int by_age(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	int order = mailname_compare(x->time, unique_of(x), y->time, unique_of(y));

	if (order != 0)
		return order;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return (int)y->place - (int)x->place;
}

static bool is_there(const struct maildrop *m, const struct file *f)
{
	return faccessat(m->dirs[f->place], f->name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Two names with one unique part are one message that was moved while we looked, or that has two links; or
 * they are two files, and then two messages. */
static bool doubles(const struct maildrop *m, struct file *first, struct file *second)
{
	if (!str_eq(unique_of(first), unique_of(second)))
		return false;
	if (first->inode == second->inode || !is_there(m, second))
		return true;
	second->twin = first->twin = true;
	return false;
}

static enum err put_in_order(struct maildrop *m, int64_t until_ms)
{
	size_t kept = 0;

	(void)until_ms;
	if (m->n > 0)
		qsort(m->files, m->n, sizeof(*m->files), by_age);
	for (size_t i = 0; i < m->n; i++) {
		if (kept > 0 && doubles(m, &m->files[kept - 1], &m->files[i]))
			free(m->files[i].name);
		else
			m->files[kept++] = m->files[i];
	}
	m->n = kept;
	m->scan++;
	return ERR_NONE;
}

/* --- sizes --- */

static enum err use_cache(struct maildrop *m, int64_t until_ms)
{
	size_t unread = 0;

	(void)until_ms;
	if (m->n > 0)
		sizes_load(m);
	for (size_t i = 0; i < m->n; i++)
		unread += m->files[i].sized && !m->files[i].sure;
	m->check_sizes = unread <= CHECKS_MAX;
	m->scan++;
	return ERR_NONE;
}

static bool wants_counting(const struct maildrop *m, const struct file *f)
{
	return !f->sized || (m->check_sizes && !f->sure);
}

/* Goes on with the message under way, or with a new one. *done: nothing more can be learnt of it. */
static void count_message(struct maildrop *m, struct file *f, int64_t until_ms, bool *done)
{
	enum err e = ERR_NONE;

	*done = false;
	if (m->count.fd < 0) {
		m->count = (struct count){ .fd = -1 };
		m->count.fd = open_message(m, f, &m->count.before);
	}
	if (m->count.fd < 0)
		e = ERR_ABSENT;
	else
		e = count_some(&m->count, until_ms, done);
	if (e == ERR_NONE && *done)
		learn(m, f, &m->count);
	else if (e != ERR_NONE)
		f->sized = false;
	*done = *done || e != ERR_NONE;
	if (*done)
		close_if_open(&m->count.fd);
}

static void log_unreadable(const struct maildrop *m)
{
	struct log_line l;

	if (m->unreadable == 0)
		return;
	maildrop_log(&l, LOG_LEVEL_WARN, "maildrop.unreadable", m);
	log_int(&l, "messages", (int64_t)m->unreadable);
	log_end(&l);
}

/* What cannot be read has no size, and what has no size cannot be listed. */
static void drop_unsized(struct maildrop *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (m->files[i].sized)
			m->files[kept++] = m->files[i];
		else
			free(m->files[i].name);
	}
	m->unreadable = m->n - kept;
	m->n = kept;
	log_unreadable(m);
}

static enum err find_sizes(struct maildrop *m, int64_t until_ms)
{
	bool done;

	while (m->at < m->n) {
		struct file *f = &m->files[m->at];

		if (wants_counting(m, f)) {
			count_message(m, f, until_ms, &done);
			if (!done)
				return ERR_NONE;
			sizes_save(m, false);
			if (clock_steady_ms() >= until_ms) {
				m->at++;
				return ERR_NONE;
			}
		}
		m->at++;
	}
	drop_unsized(m);
	sizes_save(m, true);
	m->scan++;
	return ERR_NONE;
}

/* --- ids --- */

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

static void log_bad_list(const struct maildrop *m, enum err e)
{
	struct log_line l;

	maildrop_log(&l, LOG_LEVEL_WARN, "maildrop.uidlist", m);
	log_text(&l, "file", uidl_file(m->format));
	log_err(&l, e);
	log_end(&l);
}

static bool set_uidl(struct file *f, const char *text)
{
	free(f->uidl);
	f->uidl = strdup(text);
	return f->uidl != NULL;
}

static bool name_one(struct maildrop *m, struct file *f, const struct uidl_list *list)
{
	char text[UIDL_MAX + 1];

	f->rank = UINT64_MAX;
	if (list != NULL && uidl_list_find(list, unique_of(f), text, &f->rank))
		return set_uidl(f, text);
	if (f->twin)
		uidl_salted(unique_of(f), f->inode, text);
	else if (m->format == UIDL_MD5)
		uidl_md5(unique_of(f), text);
	else
		return true;
	return set_uidl(f, text);
}

static int by_rank(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return by_age(a, b);
}

static int by_age_there(const void *a, const void *b)
{
	return by_age(*(const void *const *)a, *(const void *const *)b);
}

static bool put_in_rank(struct maildrop *m)
{
	m->by_age = calloc(m->n + 1, sizeof(struct file *));
	if (m->by_age == NULL)
		return false;
	if (m->n > 0)
		qsort(m->files, m->n, sizeof(*m->files), by_rank);
	for (size_t i = 0; i < m->n; i++)
		m->by_age[i] = &m->files[i];
	if (m->n > 0)
		qsort(m->by_age, m->n, sizeof(struct file *), by_age_there);
	return true;
}

static int by_uidl(const void *a, const void *b)
{
	const struct file *x = *(struct file *const *)a, *y = *(struct file *const *)b;
	int order = strcmp(x->uidl, y->uidl);

	return order != 0 ? order : x < y ? -1 : x > y;
}

/* Ids from lists, digests and twins may be equal by accident or by malice: all but the first of equals get
 * another. Rounds end, because a salted digest meets no other id but by breaking SHA-256. */
static bool tell_apart(struct maildrop *m)
{
	struct file **all = calloc(m->n + 1, sizeof(struct file *));
	bool equal = all != NULL, room = all != NULL;
	char text[UIDL_MAX + 1];

	for (size_t i = 0; i < m->n && room; i++) {
		all[i] = &m->files[i];
		uidl_of_name(unique_of(all[i]), text);
		if (all[i]->uidl == NULL)
			room = set_uidl(all[i], text);
	}
	for (uint64_t salt = 1; equal && room && salt < 8; salt++) {
		equal = false;
		if (m->n > 0)
			qsort(all, m->n, sizeof(struct file *), by_uidl);
		for (size_t i = m->n; i > 1; i--) {
			if (strcmp(all[i - 2]->uidl, all[i - 1]->uidl) != 0)
				continue;
			uidl_salted(unique_of(all[i - 1]), salt + all[i - 1]->inode, text);
			room = room && set_uidl(all[i - 1], text);
			equal = true;
		}
	}
	free(all);
	return room;
}

static enum err name_all(struct maildrop *m, const struct uidl_list *list)
{
	bool room = true, plain = m->format == UIDL_FILENAME;

	for (size_t i = 0; i < m->n && room; i++) {
		room = name_one(m, &m->files[i], list);
		plain = plain && !m->files[i].twin;
	}
	if (room && m->format == UIDL_DOVECOT)
		room = put_in_rank(m);
	if (room && !plain)
		room = tell_apart(m);
	return room ? ERR_NONE : ERR_NOMEM;
}

static enum err find_names(struct maildrop *m, int64_t until_ms)
{
	const char *file = uidl_file(m->format);
	struct uidl_list *list = NULL;
	struct stat st;
	struct buf bytes;
	enum err e = ERR_NONE;

	(void)until_ms;
	buf_init(&bytes, UIDL_FILE_MAX);
	if (file != NULL && m->root >= 0) {
		e = read_whole(m->root, file, &bytes, &st);
		if (e == ERR_NONE)
			e = uidl_list_open(&list, m->format, buf_str(&bytes));
		if (e != ERR_NONE && e != ERR_ABSENT)
			log_bad_list(m, e);
	}
	/* Without their list all messages look new to clients. A list that may be there the next time is worth
	 * waiting for; one that is none will not get better. */
	if (e == ERR_NONE || e == ERR_ABSENT || e == ERR_SYNTAX || e == ERR_LIMIT)
		e = name_all(m, list);
	uidl_list_close(&list);
	buf_free(&bytes);
	m->scan++;
	return e;
}

/* --- all of it --- */

enum err maildrop_scan(struct maildrop *m, bool *more)
{
	static enum err (*const steps[])(struct maildrop * m, int64_t until_ms) = {
		[SCAN_NEW] = list_some,
		[SCAN_CUR] = list_some,
		[SCAN_ORDER] = put_in_order,
		[SCAN_CACHE] = use_cache,
		[SCAN_SIZES] = find_sizes,
		[SCAN_NAMES] = find_names,
	};
	int64_t until_ms = clock_steady_ms() + MAILDROP_SLICE_MS;
	enum err e = ERR_NONE;

	while (e == ERR_NONE && m->scan != SCAN_DONE) {
		e = steps[m->scan](m, until_ms);
		if (clock_steady_ms() >= until_ms)
			break;
	}
	*more = e == ERR_NONE && m->scan != SCAN_DONE;
	return e;
}
