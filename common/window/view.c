/* view.c - see view.h. One read transaction is kept for the life of an environment; between calls it is
 * reset, which gives its snapshot back and keeps its slot, so that a look costs no lock and no call
 * into the kernel. */
#include "common/window/view_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf/site.h"
#include "common/window/guard.h"
#include "common/window/page.h"

#define SLOT_MS 250 /* how long we wait for a reader's slot, whose lock is held for microseconds */
#define HEARTBEAT_MAX_MS 5000 /* an older one says that the store stopped */

/* --- opening --- */

static enum err release_all(void *view)
{
	struct view *v = view;

	if (v->cursor != NULL)
		mdb_cursor_close(v->cursor);
	if (v->revoked != NULL)
		mdb_cursor_close(v->revoked);
	if (v->txn != NULL)
		mdb_txn_abort(v->txn);
	if (v->env != NULL)
		mdb_env_close(v->env);
	return ERR_NONE;
}

/* What cannot be released without a fault is left. */
static void release(struct view *v)
{
	(void)!guard_run(release_all, v);
	v->cursor = v->revoked = NULL;
	v->txn = NULL;
	v->env = NULL;
}

static enum err read_link(const char *state_dir, char *name, size_t size)
{
	char path[4200];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", state_dir, VIEW_LINK);
	n = readlink(path, name, size - 1);
	if (n <= 0)
		return n < 0 ? err_of_errno(errno) : ERR_ABSENT;
	name[n] = '\0';
	return strchr(name, '/') == NULL ? ERR_NONE : ERR_DAMAGED;
}

/* Slots of processes that were killed are free again only once somebody looks for them. */
static int begin_first(struct view *v)
{
	int code = mdb_txn_begin(v->env, NULL, MDB_RDONLY, &v->txn), dead;

	if (code == MDB_READERS_FULL && mdb_reader_check(v->env, &dead) == 0 && dead > 0)
		code = mdb_txn_begin(v->env, NULL, MDB_RDONLY, &v->txn);
	return code;
}

static enum err open_tables(struct view *v)
{
	int code = begin_first(v);

	if (code == 0)
		code = mdb_dbi_open(v->txn, VIEW_ENTRIES, 0, &v->entries);
	if (code == 0)
		code = mdb_dbi_open(v->txn, VIEW_HOLDERS, 0, &v->holders);
	if (code == 0)
		code = mdb_dbi_open(v->txn, VIEW_REVOCATIONS, 0, &v->revocations);
	if (code == 0)
		code = mdb_dbi_open(v->txn, VIEW_META, 0, &v->meta);
	if (code == 0)
		v->lacks_notes = mdb_dbi_open(v->txn, VIEW_PENALTIES, 0, &v->penalties) != 0 ||
			mdb_dbi_open(v->txn, VIEW_RATES, 0, &v->rates) != 0;
	if (code ==
		0) /* committing keeps the handles of the tables; the next one is kept for good */
		code = mdb_txn_commit(v->txn);
	else if (v->txn != NULL)
		mdb_txn_abort(
			v->txn); /* or its slot is lost, once a second while there is no table */
	v->txn = NULL;
	if (code == 0)
		code = begin_first(v);
	if (code == 0)
		code = mdb_cursor_open(v->txn, v->entries, &v->cursor);
	if (code == 0)
		code = mdb_cursor_open(v->txn, v->revocations, &v->revoked);
	if (code == 0)
		mdb_txn_reset(v->txn);
	return err_of_mdb(code);
}

static enum err open_named(void *view)
{
	struct view *v = view;
	char path[4200];
	MDB_stat st;
	enum err e;

	snprintf(path, sizeof(path), "%s/%s", v->state_dir, v->name);
	e = env_open(&v->env, path, MDB_RDONLY, 0);
	if (e == ERR_NONE)
		e = err_of_mdb(mdb_env_stat(v->env, &st));
	if (e != ERR_NONE)
		return e;
	v->page_size = st.ms_psize;
	return open_tables(v);
}

enum err view_open(struct view **out, const char *state_dir)
{
	struct view *v = calloc(1, sizeof(*v));
	enum err e = v != NULL ? ERR_NONE : ERR_NOMEM;

	if (e == ERR_NONE && !str_to_cstr(str_of(state_dir), v->state_dir, sizeof(v->state_dir)))
		e = ERR_LIMIT;
	if (e == ERR_NONE)
		e = read_link(state_dir, v->name, sizeof(v->name));
	guard_install();
	if (e == ERR_NONE)
		e = guard_run_within(SLOT_MS, open_named, v);
	if (e == ERR_NONE)
		*out = v;
	else
		view_close(&v);
	return e;
}

void view_close(struct view **v)
{
	if (*v == NULL)
		return;
	release(*v);
	free(*v);
	*v = NULL;
}

void view_set_judge(struct view *v, const struct view_judge *judge)
{
	v->judge = *judge;
}

/* A process may not have the same environment open twice: the locks of both go with the first close. */
static enum err reopen(struct view *v)
{
	struct view fresh = { 0 };
	enum err e;

	memcpy(fresh.state_dir, v->state_dir, sizeof(fresh.state_dir));
	e = read_link(v->state_dir, fresh.name, sizeof(fresh.name));
	if (e == ERR_NONE && strcmp(fresh.name, v->name) == 0)
		release(v);
	if (e == ERR_NONE)
		e = guard_run_within(SLOT_MS, open_named, &fresh);
	if (e != ERR_NONE) {
		release(&fresh);
		return e;
	}
	release(v);
	fresh.judge = v->judge;
	*v = fresh;
	return ERR_NONE;
}

enum err view_refresh(struct view *v)
{
	char name[sizeof(v->name)];
	enum err e = read_link(v->state_dir, name, sizeof(name));
	bool as_it_was = e == ERR_NONE && strcmp(name, v->name) == 0;

	if (as_it_was && !v->lacks_notes && !v->broken) {
		v->stale = false;
		return ERR_NONE;
	}
	if (e == ERR_NONE)
		e = reopen(v);
	if (e != ERR_NONE)
		v->stale = true;
	v->broken = v->broken || v->env == NULL;
	return e;
}

/* --- one call, one snapshot --- */

static enum err begin(struct view *v)
{
	int code = mdb_txn_renew(v->txn);

	if (code == MDB_MAP_RESIZED) {
		mdb_env_set_mapsize(v->env, 0);
		code = mdb_txn_renew(v->txn);
	}
	return err_of_mdb(code);
}

/* Each commit of the store has a number of its own. */
static bool read_meta(struct view *v)
{
	MDB_val key = { sizeof(VIEW_META_KEY) - 1, (void *)(uintptr_t)VIEW_META_KEY }, data;
	struct view_known *k = &v->known;
	size_t id = mdb_txn_id(v->txn);

	if (id != 0 && k->id == id)
		return true;
	k->id = 0;
	k->revocations.known = REVOCATIONS_UNASKED;
	if (mdb_get(v->txn, v->meta, &key, &data) != 0 || !meta_decode(str_of_val(data), &k->meta))
		return false;
	k->id = id;
	return true;
}

struct look {
	struct view *v;
	enum err (*fn)(struct view *v, const struct view_meta *m, void *call);
	void *call;
};

static enum err look(void *of)
{
	const struct look *l = of;
	enum err e = begin(l->v);

	if (e == ERR_NONE)
		e = read_meta(l->v) ? l->fn(l->v, &l->v->known.meta, l->call) : ERR_DAMAGED;
	mdb_txn_reset(l->v->txn);
	l->v->broken = false;
	return e;
}

/* Broken until it has come back: view_refresh() opens it anew. */
enum err view_look(struct view *v,
	enum err (*fn)(struct view *v, const struct view_meta *m, void *call), void *call)
{
	struct look l = { v, fn, call };

	if (v->broken)
		return ERR_DAMAGED;
	v->broken = true;
	return guard_run(look, &l);
}

static bool current(const struct view *v, const struct view_meta *m, int64_t now_ms)
{
	int64_t age = now_ms - m->heartbeat_ms; /* negative: the clock went back */

	return !v->stale && age < HEARTBEAT_MAX_MS && age > -HEARTBEAT_MAX_MS &&
		now_ms >= m->lost_ms;
}

/* A worker that lost a grant says so in the file system at once: the store may be what failed. Asked only
 * before a no. */
static int64_t lost_until(const struct view *v, const struct view_meta *m)
{
	char path[4300];
	struct stat st;
	int64_t at_ms;

	snprintf(path, sizeof(path), "%s/%s/%s", v->state_dir, SITE_LOCKS, SITE_LOST);
	if (stat(path, &st) != 0)
		return errno != ENOENT ? INT64_MAX : 0;
	at_ms = (int64_t)st.st_mtim.tv_sec * 1000;
	return at_ms > 0 ? at_ms + 1000 + m->lifetime_ms + m->slack_ms : 0;
}

static bool grant_was_lost(const struct view *v, const struct view_meta *m, int64_t now_ms)
{
	return now_ms < lost_until(v, m);
}

int64_t view_present(const struct view_meta *m, int64_t now_ms)
{
	return now_ms > m->stamp_ms ? now_ms : m->stamp_ms;
}

/* --- rows --- */

struct row view_step(MDB_cursor *cursor, MDB_cursor_op op)
{
	struct row at;

	at.code = mdb_cursor_get(cursor, &at.key, &at.data, op);
	return at;
}

/* Renewed only here: it costs a search for the table, which not every look needs. */
struct row view_seek(struct view *v, MDB_cursor *cursor, struct str key)
{
	struct row at = { .key = { key.n, (void *)(uintptr_t)key.p } };

	at.code = mdb_cursor_renew(v->txn, cursor);
	if (at.code == 0)
		at.code = mdb_cursor_get(cursor, &at.key, &at.data, MDB_SET_RANGE);
	return at;
}

bool view_row_fits(enum record_kind kind, const struct row *at)
{
	return record_has_key(kind, str_of_val(at->data), str_of_val(at->key));
}

int view_compare(const MDB_val *a, struct str b)
{
	int order = memcmp(a->mv_data, b.p, a->mv_size < b.n ? a->mv_size : b.n);

	return order != 0 ? order : (a->mv_size > b.n) - (a->mv_size < b.n);
}

bool view_row_is_sound(const struct view *v, enum record_kind kind, const struct row *at)
{
	return view_row_fits(kind, at) && page_is_whole(at->key.mv_data, v->page_size);
}

static bool on_one_page(const struct view *v, const struct row *a, const struct row *b)
{
	return (uintptr_t)a->key.mv_data / v->page_size == (uintptr_t)b->key.mv_data / v->page_size;
}

bool view_nothing_astray(struct view *v, MDB_cursor *cursor, enum record_kind kind, struct str key,
	const struct row *behind)
{
	bool there = behind->code == 0;
	struct row before;
	MDB_stat st;

	if (there ? !view_row_is_sound(v, kind, behind) || view_compare(&behind->key, key) < 0
		  : behind->code != MDB_NOTFOUND)
		return false;
	before = view_step(cursor, there ? MDB_PREV : MDB_LAST);
	if (before.code == 0)
		return (there && on_one_page(v, behind, &before)
				       ? view_row_fits(kind, &before)
				       : view_row_is_sound(v, kind, &before)) &&
			view_compare(&before.key, key) < 0;
	if (before.code != MDB_NOTFOUND)
		return false;
	return there || (mdb_stat(v->txn, mdb_cursor_dbi(cursor), &st) == 0 && st.ms_entries == 0);
}

struct holder view_holder(const struct record *r)
{
	return (struct holder){ r->who, r->source, r->port, r->logins, r->login_ms, r->until_ms,
		r->account };
}

/* --- who may relay from an address --- */

/* Keeps the latest logins first; the array is small. */
static void insert(struct holders *h, const struct record *r)
{
	size_t i = h->n < HOLDERS_MAX ? h->n : HOLDERS_MAX;

	h->all++;
	while (i > 0 && h->at[i - 1].login_ms < r->login_ms)
		i--;
	if (i == HOLDERS_MAX)
		return;
	if (h->n < HOLDERS_MAX)
		h->n++;
	memmove(&h->at[i + 1], &h->at[i], (h->n - 1 - i) * sizeof(h->at[0]));
	h->at[i] = view_holder(r);
}

/* Asks for the octets of a row before they are needed: of a million entries hardly any is in a cache, and rows
 * are fetched at the same time that way. It saves a tenth of a look. */
static void fetch(const struct row *at)
{
	for (size_t n = 0; n < at->data.mv_size && n < RECORD_MAX; n += 64)
		__builtin_prefetch((const char *)at->data.mv_data + n);
}

/* Collects all live rows of key. False if one could not be read, or what comes behind them, or if there may be
 * more. */
static bool collect(struct view *v, struct addr key, int64_t present_ms, struct holders *h)
{
	const struct str wanted = { (const char *)key.b, sizeof(key.b) };
	struct row at = view_seek(v, v->cursor, wanted);
	bool readable = true, walked = false;

	while (at.code == 0 && at.key.mv_size > wanted.n &&
		memcmp(at.key.mv_data, wanted.p, wanted.n) == 0) {
		const struct row this = at;
		struct record r;
		enum standing s = UNREADABLE;

		fetch(&this);
		at = view_step(v->cursor, MDB_NEXT);
		if (at.code == 0)
			fetch(&at);
		if (view_row_fits(RECORD_GRANT, &this) && record_decode(str_of_val(this.data), &r))
			s = view_standing(v, &r, present_ms);
		if (s == LIVE)
			insert(h, &r);
		readable = readable && s != UNREADABLE;
		walked = true;
	}
	if (at.code == 0)
		readable = readable && view_row_fits(RECORD_GRANT, &at);
	readable = readable && (at.code == 0 || at.code == MDB_NOTFOUND);
	if (!readable || h->n > 0)
		return readable;
	if (walked)
		at = view_seek(v, v->cursor, wanted);
	return view_nothing_astray(v, v->cursor, RECORD_GRANT, wanted, &at);
}

struct check {
	struct addr a;
	int64_t now_ms;
	struct holders h;
	bool sure; /* that nobody holds a, if h is empty */
	bool old; /* the store does not write to this view any more */
};

static enum err check(struct view *v, const struct view_meta *m, void *call)
{
	struct check *c = call;
	struct addr key = addr_key(c->a, m->ipv4_prefix, m->ipv6_prefix);

	c->old = c->now_ms - m->heartbeat_ms >= HEARTBEAT_MAX_MS;
	c->sure = collect(v, key, view_present(m, c->now_ms), &c->h) &&
		(c->h.n > 0 || (current(v, m, c->now_ms) && !grant_was_lost(v, m, c->now_ms)));
	return ERR_NONE;
}

static enum err check_latest(struct view *v, struct check *c)
{
	c->h.n = c->h.all = 0;
	if (v->stale)
		return ERR_ABSENT; /* the one behind it may hold revocations */
	return view_look(v, check, c);
}

/* There is another view, which may have what is not in this one. Asked only before a no. */
static bool left_behind(const struct view *v)
{
	char name[sizeof(v->name)];

	return read_link(v->state_dir, name, sizeof(name)) != ERR_NONE ||
		strcmp(name, v->name) != 0;
}

enum held view_check(struct view *v, struct addr a, int64_t now_ms, struct holders *out)
{
	struct check c; /* not set whole: it is large, and this is called for each client */
	enum err e;

	if (v == NULL)
		return UNKNOWN;
	c.a = a;
	c.now_ms = now_ms;
	e = check_latest(v, &c);
	/* A process that was stopped for a while may have missed that there is a new view, with revocations
	 * in it: no yes of an old one before that was looked at. And no no: who has logged in since is in
	 * that. */
	if (e == ERR_NONE && (c.h.n > 0 ? c.old : c.sure && left_behind(v))) {
		(void)!view_refresh(v);
		e = check_latest(v, &c);
	}
	if (e != ERR_NONE)
		return UNKNOWN;
	if (c.h.n == 0)
		return c.sure ? NOT_HELD : UNKNOWN;
	out->n = c.h.n;
	out->all = c.h.all;
	memcpy(out->at, c.h.at, c.h.n * sizeof(c.h.at[0]));
	return HELD;
}

static enum err look_whether_current(struct view *v, const struct view_meta *m, void *call)
{
	const int64_t now_ms = *(const int64_t *)call;

	return current(v, m, now_ms) && !grant_was_lost(v, m, now_ms) ? ERR_NONE : ERR_ABSENT;
}

bool view_current(struct view *v, int64_t now_ms)
{
	return v != NULL && view_look(v, look_whether_current, &now_ms) == ERR_NONE;
}

static enum err look_for_loss(struct view *v, const struct view_meta *m, void *call)
{
	int64_t *until_ms = call, marked = lost_until(v, m);

	*until_ms = marked > m->lost_ms ? marked : m->lost_ms;
	return ERR_NONE;
}

int64_t view_lost(struct view *v, int64_t now_ms)
{
	int64_t until_ms = 0;

	if (v == NULL || view_look(v, look_for_loss, &until_ms) != ERR_NONE)
		return 0;
	return until_ms > now_ms ? until_ms : 0;
}
