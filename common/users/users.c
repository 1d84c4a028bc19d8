/* users.c - exchanges over a passwd-file. Each step works on copies, so that the file may be swapped
 * and the exchange ended while a hash is being computed. */
#include "common/users/users.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/users/hash.h"
#include "common/users/passwdfile.h"

struct stamp { /* tells one state of the file from another */
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec modified;
};

struct users {
	char *path, *domain; /* owned */
	struct users_pool pool;
	struct passwdfile *file; /* owned; NULL: nobody is known */
	struct stamp stamp; /* of file */
	bool reading; /* a job is under way */
};

struct verify_job { /* lives in the pool; freed in its done */
	struct exchange *exchange; /* NULL: ended meanwhile */
	struct users_answer answer; /* if the password is right */
	bool right, known, disabled;
	size_t stored_n, password_n;
	char stored[HASH_STORED_MAX];
	char password[HASH_PASSWORD_MAX];
};

struct exchange {
	struct users *users;
	users_heard *heard;
	void *owner;
	struct verify_job *job; /* under way, or NULL */
};

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
	return s;
}

static bool same(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
		a->modified.tv_sec == b->modified.tv_sec &&
		a->modified.tv_nsec == b->modified.tv_nsec;
}

struct read_job {
	struct users *users;
	struct stamp stamp; /* before: what is in use; after: what was read */
	struct passwdfile *file;
	bool changed;
	enum err e;
	int64_t took_ms;
};

/* The stamp is taken before reading: a change meanwhile is seen at the next look. */
static void on_read(void *job)
{
	struct read_job *j = job;
	struct stamp now = stamp_of(j->users->path);
	int64_t start = clock_steady_ms();

	j->changed = !same(&now, &j->stamp);
	j->stamp = now;
	if (j->changed)
		j->e = passwdfile_open(&j->file, j->users->path, str_of(j->users->domain));
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

/* A file that cannot be read now leaves the one in use: a mail server that forgets its subscribers
 * because of an editor's rename helps nobody. */
static void adopt(struct read_job *j)
{
	struct users *u = j->users;

	if (!j->changed)
		return;
	log_read(j);
	u->stamp = j->stamp;
	if (j->e != ERR_NONE)
		return;
	passwdfile_close(&u->file);
	u->file = j->file;
}

static void on_read_done(void *job)
{
	struct read_job *j = job;

	j->users->reading = false;
	adopt(j);
	free(j);
}

void users_refresh(struct users *u)
{
	struct read_job *j = u->reading ? NULL : calloc(1, sizeof(*j));

	if (j == NULL)
		return;
	j->users = u;
	j->stamp = u->stamp;
	u->reading = u->pool.submit(u->pool.ctx, on_read, on_read_done, j);
	if (!u->reading)
		free(j);
}

enum err users_open(
	struct users **out, const char *path, struct str default_domain, struct users_pool pool)
{
	struct users *u = calloc(1, sizeof(*u));
	struct read_job j = { .users = u };

	if (u == NULL)
		return ERR_NOMEM;
	u->path = strdup(path);
	u->domain = str_dup(default_domain);
	u->pool = pool;
	if (u->path == NULL || u->domain == NULL) {
		users_close(&u);
		return ERR_NOMEM;
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
	free((*u)->path);
	free((*u)->domain);
	free(*u);
	*u = NULL;
}

bool users_can(const struct users *u, const char *mechanism)
{
	(void)u;
	return strcmp(mechanism, "PLAIN") == 0;
}

char *users_mechanisms(const struct users *u, const struct users_facts *facts, char *dst)
{
	(void)u;
	strcpy(dst, facts->secure ? "PLAIN" : "");
	return dst;
}

bool users_apop(const struct users *u)
{
	(void)u;
	return false;
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

bool users_known(const struct users *u)
{
	return u->file != NULL;
}

/* --- exchanges --- */

static void fail(struct exchange *x, enum users_why why, const struct subscriber *who)
{
	struct users_answer a = { .says = USERS_FAIL, .why = why };

	if (who != NULL)
		a.who = *who;
	x->heard(x->owner, &a);
}

static void on_verify(void *job)
{
	struct verify_job *j = job;

	j->right = hash_verify(
		(struct str){ j->stored, j->stored_n }, (struct str){ j->password, j->password_n });
}

static void free_job(struct verify_job *j)
{
	explicit_bzero(j, sizeof(*j));
	free(j);
}

/* A right password for a disabled account still says only to the log that it was right. */
static void on_verified(void *job)
{
	struct verify_job *j = job;
	struct exchange *x = j->exchange;
	struct users_answer a = j->answer;

	if (x != NULL)
		x->job = NULL;
	if (!j->known)
		a.why = USERS_WHY_UNKNOWN;
	else if (!j->right)
		a.why = USERS_WHY_PASSWORD;
	else if (j->disabled)
		a.why = USERS_WHY_DISABLED;
	a.says = a.why == USERS_WHY_NONE ? USERS_OK : USERS_FAIL;
	free_job(j);
	if (x != NULL)
		x->heard(x->owner, &a);
}

/* A name that is not there is verified too, in vain, against a password of the usual kind. */
static void choose_stored(struct users *u, struct verify_job *j, const struct subscriber *who)
{
	struct passwd_account account;
	struct str stored;

	j->known = passwdfile_find(u->file, who, &account);
	j->disabled = j->known && account.disabled;
	stored = j->known && account.stored.n > 0 ? account.stored : passwdfile_usual(u->file);
	if (j->known && account.stored.n == 0)
		j->known = false; /* locked: no password is right */
	memcpy(j->stored, stored.p, stored.n);
	j->stored_n = stored.n;
}

static void verify(struct exchange *x, const struct subscriber *who, struct str password)
{
	struct verify_job *j = calloc(1, sizeof(*j));

	if (j == NULL || x->users->file == NULL) {
		free(j);
		fail(x, USERS_WHY_AWAY, who);
		return;
	}
	j->exchange = x;
	j->answer.who = *who;
	choose_stored(x->users, j, who);
	memcpy(j->password, password.p, password.n);
	j->password_n = password.n;
	x->job = j;
	if (hash_kind((struct str){ j->stored, j->stored_n }) <= HASH_PLAIN) {
		on_verify(j); /* microseconds: a thread would cost more */
		on_verified(j);
	} else if (!x->users->pool.submit(x->users->pool.ctx, on_verify, on_verified, j)) {
		x->job = NULL;
		free_job(j);
		fail(x, USERS_WHY_AWAY, who);
	}
}

/* RFC 4616 2: [authzid] NUL authcid NUL passwd. */
static bool read_plain(
	struct str response, struct str *authzid, struct str *authcid, struct str *password)
{
	struct str rest;

	return str_split(response, '\0', authzid, &rest) &&
		str_split(rest, '\0', authcid, password) &&
		str_find(*password, '\0') == password->n && password->n > 0 &&
		password->n < HASH_PASSWORD_MAX;
}

void users_step(struct exchange *x, struct str response)
{
	struct str authzid, authcid, password, domain = str_of(x->users->domain);
	struct subscriber who, other;

	if (response.p == NULL) {
		x->heard(x->owner,
			&(struct users_answer){ .says = USERS_CONTINUE, .challenge = STR("") });
		return;
	}
	if (response.n > USERS_RESPONSE_MAX ||
		!read_plain(response, &authzid, &authcid, &password)) {
		fail(x, USERS_WHY_SYNTAX, NULL);
		return;
	}
	if (!subscriber_fold(authcid, domain, &who)) {
		fail(x, USERS_WHY_UNKNOWN, NULL);
		return;
	}
	if (authzid.n > 0 &&
		(!subscriber_fold(authzid, domain, &other) || !subscriber_eq(&who, &other))) {
		fail(x, USERS_WHY_PASSWORD, &who); /* nobody acts for somebody else */
		return;
	}
	verify(x, &who, password);
}

enum err users_begin(struct exchange **out, struct users *u, const char *mechanism,
	const struct users_facts *facts, users_heard *heard, void *owner)
{
	struct exchange *x;

	(void)facts; /* PLAIN depends on none of them */
	if (!users_can(u, mechanism))
		return ERR_ABSENT;
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return ERR_NOMEM;
	*x = (struct exchange){ .users = u, .heard = heard, .owner = owner };
	*out = x;
	return ERR_NONE;
}

bool users_plain(struct str name, struct str password, char *dst, size_t size, size_t *n)
{
	if (str_find(name, '\0') < name.n || str_find(password, '\0') < password.n ||
		name.n + password.n + 2 > size)
		return false;
	dst[0] = '\0';
	memcpy(dst + 1, name.p, name.n);
	dst[1 + name.n] = '\0';
	memcpy(dst + 2 + name.n, password.p, password.n);
	*n = name.n + password.n + 2;
	return true;
}

void users_end(struct exchange **x)
{
	if (*x == NULL)
		return;
	if ((*x)->job != NULL)
		(*x)->job->exchange = NULL;
	free(*x);
	*x = NULL;
}

const char *users_why_text(enum users_why why)
{
	static const char *const texts[] = { "none", "unknown", "password", "disabled", "syntax",
		"away" };

	return texts[why];
}
