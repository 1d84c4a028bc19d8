/* slots.c - the readers of a view, as they stand in its lock.mdb, and what they may have done to it. */
#include "common/store/table_private.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/window/guard.h"

#define SLOTS_MS \
	500 /* readers hold that lock for microseconds, but one may have to wait for a core meanwhile */

/* --- what was found of it --- */

const char *table_wedged(const struct table *t)
{
	return t->wedged;
}

void table_wedge(struct table *t, const char *what)
{
	if (t->wedged == NULL)
		t->wedged = what;
}

bool table_lock_file(const struct table *t, struct lock_file *out)
{
	struct stat st;
	int fd = open(t->lock_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool done = fd >= 0 && fstat(fd, &st) == 0 &&
		pread(fd, out->head, sizeof(out->head), 0) == (ssize_t)sizeof(out->head);

	if (done)
		out->size = st.st_size;
	if (fd >= 0)
		close(fd);
	return done;
}

/* --- slots --- */

/* A line of mdb_reader_list(): pid, thread, number of the snapshot, or "-" where there is none. */
static int look_at_reader(const char *line, void *of)
{
	struct oldest_reader *o = of;
	unsigned long long snapshot;
	int pid;

	if (sscanf(line, "%d %*x %llu", &pid, &snapshot) != 2 ||
		(o->pid != 0 && snapshot >= o->snapshot))
		return 0;
	o->pid = pid;
	o->snapshot = snapshot;
	return 0;
}

struct readers_look {
	struct table *table;
	struct oldest_reader oldest;
	int dead;
};

static enum err find_oldest(void *of)
{
	struct readers_look *l = of;
	MDB_envinfo info;

	if (mdb_reader_list(l->table->env, look_at_reader, &l->oldest) < 0 ||
		mdb_env_info(l->table->env, &info) != 0 || l->oldest.snapshot >= info.me_last_txnid)
		l->oldest = (struct oldest_reader){ 0 };
	else
		l->oldest.behind = info.me_last_txnid - l->oldest.snapshot;
	return ERR_NONE;
}

/* A wait for a lock that readers take; what comes of it is remembered. */
static enum err look_at_slots(struct table *t, enum err (*fn)(void *of), void *of)
{
	enum err e = guard_run_within(SLOTS_MS, fn, of);

	if (e == ERR_DAMAGED || e == ERR_TIMEOUT)
		table_wedge(t, e == ERR_DAMAGED ? "fault" : "lock");
	return e;
}

struct oldest_reader table_oldest_reader(struct table *t)
{
	struct readers_look l = { .table = t };

	if (look_at_slots(t, find_oldest, &l) != ERR_NONE)
		return (struct oldest_reader){ 0 };
	return l.oldest;
}

static enum err free_slots(void *of)
{
	struct readers_look *l = of;

	return err_of_mdb(mdb_reader_check(l->table->env, &l->dead));
}

int table_check_readers(struct table *t)
{
	struct readers_look l = { .table = t };

	return look_at_slots(t, free_slots, &l) == ERR_NONE ? l.dead : 0;
}

static enum err take_slot(void *of)
{
	struct readers_look *l = of;
	MDB_txn *txn;
	int code = mdb_txn_begin(l->table->env, NULL, MDB_RDONLY, &txn);

	if (code == 0)
		mdb_txn_abort(txn);
	return err_of_mdb(code);
}

void table_probe(struct table *t)
{
	struct readers_look l = { .table = t };
	struct lock_file now;

	if (table_lock_file(t, &now) &&
		(now.size < t->lock.size || memcmp(now.head, t->lock.head, sizeof(now.head)) != 0))
		table_wedge(t, "header");
	else if (look_at_slots(t, take_slot, &l) == ERR_LIMIT && table_check_readers(t) == 0)
		table_wedge(t, "slots");
}
