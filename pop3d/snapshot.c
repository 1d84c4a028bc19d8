/* snapshot.c - what one session found in a Maildir, for the next one.
 *
 * Most clients ask again and again for what has not changed. A session that finds the directories as they were opens
 * the Maildir on the loop and reads nothing: a login without a visit to the pool.
 *
 * Whoever adds, takes away or renames a message changes new or cur; whoever finds out a size writes the size cache,
 * which is renamed in the Maildir itself. All three are compared, each by device, inode and both its times; times of
 * change cannot be set back by utimensat(2). A time that is younger than its own resolution, and than any doubt, tells
 * nothing: then no snapshot is made. */
#include <stdlib.h>

#include "common/base/clock.h"
#include "pop3d/maildrop_private.h"

/* A file, without what its session finds out. */
struct found_file {
	uint64_t time, octets, inode;
	uint32_t stamp;
	uint16_t unique_n;
	uint8_t place;
};

struct snapshot {
	struct state state;
	size_t n, saved, text_n;
	char digest[UIDL_DIGEST + 1];
	struct found_file files[]; /* and behind them their names, each with its NUL */
};

static uint64_t nanoseconds(struct timespec t)
{
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static struct dir_state state_in(const struct stat *st)
{
	return (struct dir_state){ st->st_dev, st->st_ino, nanoseconds(st->st_mtim),
		nanoseconds(st->st_ctim) };
}

/* On the device of the first, and not changed for as long as it takes to tell. */
static bool settled(const struct stat *st, const struct dir_state *first, int64_t latest_s)
{
	return st->st_dev == first->device && st->st_mtim.tv_sec < latest_s &&
		st->st_ctim.tv_sec < latest_s;
}

void note_state(struct maildrop *m)
{
	const int dirs[] = { m->root, m->dirs[IN_NEW], m->dirs[IN_CUR] };
	const int64_t latest_s = clock_ms() / 1000 - SETTLED_S;
	struct state s;
	struct stat st;

	for (size_t i = 0; i < 3; i++) {
		if (dirs[i] < 0 || fstat(dirs[i], &st) != 0)
			return;
		s.dirs[i] = state_in(&st);
		if (!settled(&st, &s.dirs[0], latest_s))
			return;
	}
	m->found = malloc(sizeof(*m->found));
	if (m->found != NULL)
		*m->found = s;
}

bool snapshot_fits(const struct snapshot *s, int i, int dir)
{
	struct dir_state is;
	struct stat st;

	if (dir < 0 || fstat(dir, &st) != 0)
		return false;
	is = state_in(&st);
	return memcmp(&is, &s->state.dirs[i], sizeof(is)) == 0;
}

/* How many octets all names have. False: a message has a unique-id from elsewhere, or a size that nobody has counted. */
static bool measure_names(const struct maildrop *m, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < m->n; i++) {
		if (m->files[i].uidl != NULL || m->files[i].twin || !m->files[i].sure)
			return false;
		*n += strlen(m->files[i].name) + 1;
	}
	return true;
}

static bool will_do(const struct maildrop *m)
{
	return m->scan == SCAN_DONE && m->local && !m->look && !m->spare && m->found != NULL &&
		m->n <= SNAPSHOT_MAX && m->unsaved == 0 && m->unreadable == 0 &&
		uidl_file(m->format) == NULL;
}

static void take_files(struct snapshot *s, const struct maildrop *m)
{
	char *text = (char *)&s->files[s->n];

	for (size_t i = 0; i < s->n; i++) {
		const struct file *f = &m->files[i];

		s->files[i] = (struct found_file){ f->time, f->octets, f->inode, f->stamp,
			f->unique_n, f->place };
		text = stpcpy(text, f->name) + 1;
	}
}

struct snapshot *maildrop_snapshot(struct maildrop *m, size_t *octets)
{
	char digest[UIDL_MAX + 1];
	size_t names, room;
	struct snapshot *s;

	if (!will_do(m) || !measure_names(m, &names))
		return NULL;
	room = sizeof(*s) + m->n * sizeof(s->files[0]) + names;
	s = malloc(room);
	if (s == NULL)
		return NULL;
	*s = (struct snapshot){ .state = *m->found, .n = m->n, .saved = m->saved, .text_n = names };
	memcpy(s->digest, spare_digest(m, digest), sizeof(s->digest));
	take_files(s, m);
	free(m->found); /* a session may be long */
	m->found = NULL;
	*octets = room;
	return s;
}

const char *snapshot_digest(const struct snapshot *s)
{
	return s->digest;
}

void snapshot_free(struct snapshot *s)
{
	free(s);
}

static bool give_files(const struct snapshot *s, struct maildrop *m)
{
	char *name;

	m->files = calloc(s->n, sizeof(*m->files));
	m->chunks = malloc(sizeof(*m->chunks) + s->text_n);
	if (m->chunks != NULL)
		*m->chunks = (struct chunk){ .used = s->text_n, .size = s->text_n };
	if (m->files == NULL || m->chunks == NULL)
		return false;
	name = memcpy(m->chunks->text, &s->files[s->n], s->text_n);
	for (size_t i = 0; i < s->n; i++, name += strlen(name) + 1) {
		const struct found_file *f = &s->files[i];

		m->files[i] = (struct file){ .name = name,
			.time = f->time,
			.rank = UINT64_MAX,
			.octets = f->octets,
			.inode = f->inode,
			.stamp = f->stamp,
			.unique_n = f->unique_n,
			.place = f->place,
			.sized = true,
			.sure = true };
	}
	m->n = m->cap = s->n;
	return true;
}

bool snapshot_give(const struct snapshot *s, struct maildrop *m)
{
	if (s->n > 0 && !give_files(s, m))
		return false;
	m->local = true; /* as it was then, on that device */
	m->saved = s->saved;
	m->scan = SCAN_DONE;
	return true;
}
