/* users.c - the source of accounts: a passwd-file, read again when it has changed. The exchanges over it
 * are in exchange.c. */
#include "common/users/users_private.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/log.h"

#define DOUBT_FROM 16 /* accounts: of fewer, half may go in one edit */

/* --- the file --- */

static struct stamp stamp_of(const char *path)
{
	struct stamp s;
	struct stat st;

	memset(&s, 0, sizeof(s));
	if (stat(path, &st) != 0)
		return s;
	s.dev = st.st_dev;
	s.ino = st.st_ino;
	s.size = st.st_size;
	s.modified = st.st_mtim;
	s.touched = st.st_ctim;
	return s;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The inode's own time, too: nobody can set it back, and it tells that a file may now be read. */
static bool same(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
		same_time(&a->modified, &b->modified) && same_time(&a->touched, &b->touched);
}

struct read_job {
	struct users *users;
	struct stamp stamp; /* before: what is in use; after: what was read */
	struct passwdfile *file;
	struct stamp doubted; /* while doubting: not to be read again yet */
	bool doubting, changed, torn;
	enum err e;
	int64_t took_ms;
};

/* The stamp is taken before reading: a change meanwhile is seen at the next look, and what was read of it
 * is not believed. */
static void on_read(void *job)
{
	struct read_job *j = job;
	struct stamp now = stamp_of(j->users->path);
	int64_t start = clock_steady_ms();

	j->changed = !same(&now, &j->stamp) && !(j->doubting && same(&now, &j->doubted));
	if (!j->changed)
		return;
	j->stamp = now;
	j->e = passwdfile_open(&j->file, j->users->path, str_of(j->users->domain));
	now = stamp_of(j->users->path);
	j->torn = !same(&now, &j->stamp);
	j->took_ms = clock_steady_ms() - start;
}

static void log_read(const struct read_job *j)
{
	struct log_line l;

	log_begin(&l, j->e == ERR_NONE ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
		j->e == ERR_NONE ? "users.loaded" : "users.failed");
	log_text(&l, "path", j->users->path);
	if (j->e == ERR_NONE) {
		log_int(&l, "accounts", (int64_t)passwdfile_accounts(j->file));
		log_int(&l, "took_ms", j->took_ms);
	} else {
		log_err(&l, j->e);
	}
	log_end(&l);
}

static void log_doubt(const struct users *u, size_t before, size_t now)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "users.doubted");
	log_text(&l, "path", u->path);
	log_int(&l, "accounts", (int64_t)now);
	log_int(&l, "accounts_before", (int64_t)before);
	if (now > 0)
		log_int(&l, "believed_in_ms", USERS_DOUBT_MS);
	log_end(&l);
}

/* Whoever writes the file in place shows us half of it, or nothing, for a moment: that must not end
 * everybody's sessions and windows. A file without any account is never what was meant. */
static bool doubtful(struct users *u, const struct read_job *j)
{
	size_t before = u->file != NULL ? passwdfile_accounts(u->file) : 0;
	size_t now = passwdfile_accounts(j->file);
	bool seen_before = same(&u->doubted, &j->stamp);

	if (before == 0 || (now > 0 && (before < DOUBT_FROM || now >= before / 2)) ||
		(now > 0 && seen_before && clock_steady_ms() - u->doubted_ms >= USERS_DOUBT_MS))
		return false;
	if (!seen_before)
		log_doubt(u, before, now);
	if (!seen_before || now == 0)
		u->doubted_ms = clock_steady_ms();
	u->doubted = j->stamp;
	return true;
}

/* A file that cannot be read now leaves the one in use: a mail server that forgets its subscribers
 * because of an editor's rename helps nobody. */
static void adopt(struct read_job *j)
{
	struct users *u = j->users;

	if (!j->changed || (j->torn && u->file != NULL))
		return;
	if (j->e == ERR_NONE && doubtful(u, j))
		return;
	log_read(j);
	u->stamp = j->stamp;
	if (j->e != ERR_NONE)
		return;
	passwdfile_close(&u->file);
	accountprints_forget(&u->prints);
	u->file = j->file;
	u->edition++;
	j->file = NULL;
}

static void on_read_done(void *job)
{
	struct read_job *j = job;

	j->users->reading = false;
	adopt(j);
	passwdfile_close(&j->file);
	free(j);
}

void users_refresh(struct users *u)
{
	struct read_job *j = u->reading ? NULL : calloc(1, sizeof(*j));

	if (j == NULL)
		return;
	j->users = u;
	j->stamp = u->stamp;
	j->doubted = u->doubted;
	j->doubting = u->doubted_ms > 0 && clock_steady_ms() - u->doubted_ms < USERS_DOUBT_MS;
	u->reading = u->lent.pool.submit(u->lent.pool.ctx, on_read, on_read_done, j);
	if (!u->reading)
		free(j);
}

/* --- open and close --- */

static enum err make_parts(struct users *u, const char *path, struct str default_domain)
{
	enum err e = ERR_NONE;

	u->path = strdup(path);
	u->domain = str_dup(default_domain);
	if (u->path == NULL || u->domain == NULL)
		return ERR_NOMEM;
	if (u->lent.cache == NULL)
		e = cache_open(&u->own_cache, -1, 0);
	u->cache = u->lent.cache != NULL ? u->lent.cache : u->own_cache;
	return e == ERR_NONE ? sasl_open(&u->sasl) : e;
}

enum err users_open(struct users **out, const char *path, struct str default_domain,
	const struct users_lent *lent)
{
	struct users *u = calloc(1, sizeof(*u));
	struct read_job j = { .users = u };
	enum err e;

	if (u == NULL)
		return ERR_NOMEM;
	u->lent = *lent;
	hashing_init(&u->hashing, lent->hashing.submit != NULL ? lent->hashing : lent->pool);
	e = make_parts(u, path, default_domain);
	if (e != ERR_NONE) {
		users_close(&u);
		return e;
	}
	on_read(&j);
	if (!j.changed) { /* not even an absent file differs from "nothing yet" */
		j.changed = true;
		j.e = ERR_ABSENT;
	}
	adopt(&j);
	*out = u;
	return j.e;
}

void users_close(struct users **u)
{
	if (*u == NULL)
		return;
	passwdfile_close(&(*u)->file);
	accountprints_forget(&(*u)->prints);
	sasl_close(&(*u)->sasl);
	cache_close(&(*u)->own_cache);
	free((*u)->path);
	free((*u)->domain);
	free(*u);
	*u = NULL;
}

/* --- questions --- */

bool users_have(const struct users *u, enum hash_kind kind)
{
	return u->file != NULL && passwdfile_of_kind(u->file, kind).n > 0;
}

bool users_apop(const struct users *u)
{
	return users_have(u, HASH_PLAIN);
}

enum err users_find(const struct users *u, const struct subscriber *who, struct found *out)
{
	struct passwd_account account = { .stored = { NULL, 0 } };

	if (u->file == NULL)
		return ERR_AWAY;
	out->known = who->n > 0 && passwdfile_find(u->file, who, &account) &&
		account.stored.n > 0; /* locked: no password is right */
	out->disabled = out->known && account.disabled;
	out->stored = out->known ? account.stored : passwdfile_usual(u->file);
	return ERR_NONE;
}

struct fingerprint users_print(
	const struct users *u, const struct subscriber *who, const struct found *found)
{
	return accountprint(cache_accountprint_key(u->cache), who, found->stored, found->disabled);
}

unsigned users_edition(const struct users *u)
{
	return u->edition;
}

bool users_changed(struct users *u, const struct subscriber *who, const struct fingerprint *then)
{
	return u->file != NULL &&
		accountprint_changed(
			cache_accountprint_key(u->cache), u->file, &u->prints, who, then);
}

bool users_owns(struct users *u, const struct subscriber *address, struct subscriber *owner)
{
	struct subscriber found;

	if (u->file == NULL || !passwdfile_owner(u->file, address, &found))
		return false;
	if (owner != NULL)
		*owner = found;
	return true;
}

bool users_lists(
	const struct users *u, const struct subscriber *who, const struct subscriber *address)
{
	return u->file != NULL && passwdfile_lists(u->file, who, address);
}

struct str users_groups(const struct users *u, const struct subscriber *who)
{
	struct passwd_account a;

	return u->file != NULL && passwdfile_find(u->file, who, &a) ? a.groups : STR("");
}

bool users_known(const struct users *u)
{
	return u->file != NULL;
}

const char *users_why_text(enum users_why why)
{
	static const char *const texts[] = { "none", "unknown", "password", "disabled", "syntax",
		"away" };

	return texts[why];
}
