/* mailscan.c - the snapshot of a maildrop, taken in steps:
 *
 *	list new, then cur -> order by age -> what the size cache knows -> count what is not known -> ids
 *
 * new comes before cur, so a message that another program moves meanwhile is seen at least once. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "pop3d/maildrop_private.h"

#define MESSAGES_MAX 500000 /* of one session; what is more waits until these are gone */
#define CHUNK_MIN (MAILNAME_MAX + 1) /* octets; no name has more */
#define CHUNK_MAX 64000
#define CHECKS_MAX 100 /* new messages with W= that are counted all the same */

/* --- listing --- */

static bool make_room(struct maildrop *m)
{
	size_t cap = m->cap == 0 ? 4 : m->cap * 2;
	struct file *more = realloc(m->files, cap * sizeof(*more));

	if (more == NULL)
		return false;
	m->files = more;
	m->cap = cap;
	return true;
}

static struct chunk *new_chunk(struct chunk *before)
{
	size_t size = before == NULL ? CHUNK_MIN : 2 * before->size;
	struct chunk *c;

	if (size > CHUNK_MAX)
		size = CHUNK_MAX;
	c = malloc(sizeof(*c) + size);
	if (c != NULL)
		*c = (struct chunk){ .before = before, .size = size };
	return c;
}

static char *keep_name(struct maildrop *m, struct str name)
{
	struct chunk *c = m->chunks;
	char *to;

	if (c == NULL || c->size - c->used <= name.n) {
		c = new_chunk(c);
		if (c == NULL)
			return NULL;
		m->chunks = c;
	}
	to = c->text + c->used;
	memcpy(to, name.p, name.n);
	to[name.n] = '\0';
	c->used += name.n + 1;
	return to;
}

static void take_name(struct file *f, const struct mailname *name)
{
	f->unique_n = (uint16_t)name->unique.n;
	f->time = name->time;
	f->sized = name->has_wire_size;
	f->octets = name->wire_size;
	f->sure = false;
}

void file_read_name(struct file *f)
{
	struct mailname name;

	if (mailname_read(str_of(f->name), &name))
		take_name(f, &name);
}

static enum err add_file(struct maildrop *m, const struct dirent *d, enum place place)
{
	struct str text = str_of(d->d_name);
	struct mailname name;
	struct file f = { .place = (uint8_t)place, .inode = d->d_ino };

	if (m->n == MESSAGES_MAX || !mailname_read(text, &name))
		return ERR_NONE;
	if (m->n == m->cap && !make_room(m))
		return ERR_NOMEM;
	f.name = keep_name(m, text);
	if (f.name == NULL)
		return ERR_NOMEM;
	take_name(&f, &name);
	m->files[m->n++] = f;
	return ERR_NONE;
}

static enum err list_some(struct maildrop *m, int64_t until_ms)
{
	enum place place = m->scan == SCAN_NEW ? IN_NEW : IN_CUR;
	bool end = m->dirs[place] < 0;
	enum err e = ERR_NONE;

	while (e == ERR_NONE && !end) {
		e = list_next(m, place, add_file, &end);
		if (clock_steady_ms() >= until_ms)
			break;
	}
	if (end)
		m->scan++;
	return e;
}

/* --- order --- */

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
	if (!put_by_age(m))
		return ERR_NOMEM;
	for (size_t i = 0; i < m->n; i++)
		if (kept == 0 || !doubles(m, &m->files[kept - 1], &m->files[i]))
			m->files[kept++] = m->files[i];
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
			file_free(&m->files[i]);
	}
	m->unreadable = m->n - kept;
	m->n = kept;
	log_unreadable(m);
}

/* Its files are all there are: sessions that wait are many. */
static void give_back(struct maildrop *m)
{
	struct file *less = m->n > 0 ? realloc(m->files, m->n * sizeof(*less)) : NULL;

	if (less == NULL)
		return;
	m->files = less;
	m->cap = m->n;
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
	give_back(m);
	sizes_save(m, true);
	m->scan++;
	return ERR_NONE;
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
