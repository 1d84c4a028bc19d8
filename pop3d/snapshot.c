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

struct snapshot {
	struct state state;
	size_t n, saved, text_n;
	char digest[UIDL_MAX + 1];
	char *text; /* names, each with its NUL; behind files */
	struct file files[];
};

static bool state_of_dir(int dir, struct dir_state *out)
{
	struct stat st;

	if (dir < 0 || fstat(dir, &st) != 0)
		return false;
	*out = (struct dir_state){ st.st_dev, st.st_ino, st.st_mtim, st.st_ctim };
	return true;
}

void state_of(const struct maildrop *m, struct state *out)
{
	const int dirs[] = { m->root, m->dirs[IN_NEW], m->dirs[IN_CUR] };
	const int64_t latest_s = clock_ms() / 1000 - SETTLED_S;

	out->settled = true;
	for (size_t i = 0; i < 3 && out->settled; i++) {
		struct dir_state *d = &out->dirs[i];

		out->settled = state_of_dir(dirs[i], d) && d->modified.tv_sec < latest_s &&
			d->changed.tv_sec < latest_s;
	}
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool snapshot_fits(const struct snapshot *s, int i, int dir)
{
	const struct dir_state *was = &s->state.dirs[i];
	struct dir_state is;

	return state_of_dir(dir, &is) && is.device == was->device && is.inode == was->inode &&
		same_time(&is.modified, &was->modified) && same_time(&is.changed, &was->changed);
}

/* How many octets all names have. False: a message has a unique-id from elsewhere. */
static bool measure_names(const struct maildrop *m, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < m->n; i++) {
		if (m->files[i].uidl != NULL || m->files[i].twin)
			return false;
		*n += strlen(m->files[i].name) + 1;
	}
	return true;
}

static bool will_do(const struct maildrop *m)
{
	return m->scan == SCAN_DONE && m->local && !m->look && !m->spare && m->found.settled &&
		m->n <= SNAPSHOT_MAX && m->unsaved == 0 && m->unreadable == 0 &&
		uidl_file(m->format) == NULL;
}

/* Names of n files into text, where the files name them from then on. */
static void copy_names(struct file *files, size_t n, char *text)
{
	for (size_t i = 0; i < n; i++) {
		char *name = text;

		text = stpcpy(text, files[i].name) + 1;
		files[i].name = name;
	}
}

struct snapshot *maildrop_snapshot(const struct maildrop *m, size_t *octets)
{
	size_t names, room;
	struct snapshot *s;

	if (!will_do(m) || !measure_names(m, &names))
		return NULL;
	room = sizeof(*s) + m->n * sizeof(s->files[0]) + names;
	s = malloc(room);
	if (s == NULL)
		return NULL;
	*s = (struct snapshot){ .state = m->found, .n = m->n, .saved = m->saved, .text_n = names };
	(void)spare_digest(m, s->digest);
	s->text = (char *)&s->files[s->n];
	if (s->n > 0)
		memcpy(s->files, m->files, s->n * sizeof(s->files[0]));
	copy_names(s->files, s->n, s->text);
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
	m->files = malloc(s->n * sizeof(*m->files));
	m->chunks = malloc(sizeof(*m->chunks) + s->text_n);
	if (m->chunks != NULL)
		*m->chunks = (struct chunk){ .used = s->text_n, .size = s->text_n };
	if (m->files == NULL || m->chunks == NULL)
		return false;
	memcpy(m->files, s->files, s->n * sizeof(*m->files));
	copy_names(m->files, s->n, m->chunks->text);
	m->n = m->cap = s->n;
	return true;
}

bool snapshot_give(const struct snapshot *s, struct maildrop *m)
{
	if (s->n > 0 && !give_files(s, m))
		return false;
	m->local = true; /* as it was then, on that device */
	m->found = s->state;
	m->saved = s->saved;
	m->scan = SCAN_DONE;
	return true;
}
