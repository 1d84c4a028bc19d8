/* passwdfile.c - the file's octets as they are, and a hash table of names over them. */
#include "common/users/passwdfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/users/hash.h"

#define FILE_MAX (1U << 30)
#define COMPLAINTS_MAX 20 /* lines logged a reading */

struct name { /* of an account, or an address of one */
	uint32_t at; /* in names */
	uint8_t n;
	uint32_t account;
};

struct account {
	uint32_t name; /* in names */
	uint8_t name_n;
	bool disabled;
	uint16_t stored_n;
	uint32_t stored; /* in bytes */
	uint32_t groups; /* in bytes */
	uint16_t groups_n;
	uint32_t alias, alias_end; /* in aliases */
};

struct passwdfile {
	char *bytes; /* owned: the file */
	size_t bytes_n;
	char *names; /* owned: canonical names, one behind the other */
	size_t names_n, names_cap;
	struct account *accounts; /* owned */
	size_t accounts_n, accounts_cap;
	struct name *aliases; /* owned: addresses= */
	size_t aliases_n, aliases_cap;
	struct name *table; /* owned: open addressing; n == 0 is free */
	size_t table_n; /* a power of two */
	size_t kinds[HASH_KINDS], usual[HASH_KINDS]; /* accounts of a hash_kind, and one of them */
	unsigned complaints;
};

static bool clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

static void read_extra(struct str extra, struct passwd_line *out)
{
	struct str word, name, value;

	while (extra.n > 0) {
		(void)str_split(extra, ' ', &word, &extra);
		(void)str_split(word, '=', &name, &value);
		if (str_eq_nocase(name, STR("addresses")))
			out->addresses = value;
		if (str_eq_nocase(name, STR("group")))
			out->groups = value;
		if (str_eq_nocase(name, STR("disabled")))
			out->disabled = value.n == 0 || str_eq_nocase(value, STR("yes"));
	}
}

bool passwd_line_read(struct str line, struct passwd_line *out)
{
	struct passwd_line l = { 0 };
	struct str rest, skipped;

	if (line.n > PASSWDFILE_LINE_MAX || !clean(line) || !str_split(line, ':', &l.name, &rest) ||
		l.name.n == 0)
		return false;
	(void)str_split(rest, ':', &l.password, &rest);
	for (int i = 0; i < 5; i++)
		(void)str_split(rest, ':', &skipped, &rest);
	read_extra(rest, &l);
	*out = l;
	return true;
}

static uint64_t hash_of(struct str s)
{
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * UINT64_C(1099511628211);
	return h ^ (h >> 29);
}

static struct str name_str(const struct passwdfile *f, const struct name *n)
{
	return (struct str){ f->names + n->at, n->n };
}

/* The place of s in the table: its own, or the free one where it would stand. */
static struct name *place_of(const struct passwdfile *f, struct str s)
{
	size_t i = (size_t)hash_of(s) & (f->table_n - 1);

	while (f->table[i].n != 0 && !str_eq(name_str(f, &f->table[i]), s))
		i = (i + 1) & (f->table_n - 1);
	return &f->table[i];
}

/* Room for one more in an array that grows by doubling. */
static bool make_room(void **array, size_t *cap, size_t n, size_t size)
{
	size_t more = *cap == 0 ? 64 : *cap * 2;
	void *bigger;

	if (n < *cap)
		return true;
	bigger = realloc(*array, more * size);
	if (bigger == NULL)
		return false;
	*array = bigger;
	*cap = more;
	return true;
}

static bool keep_name(struct passwdfile *f, const struct subscriber *who, uint32_t *at)
{
	if (f->names_n + who->n > f->names_cap) {
		size_t cap = (f->names_cap + who->n) * 2;
		char *bigger = realloc(f->names, cap);

		if (bigger == NULL)
			return false;
		f->names = bigger;
		f->names_cap = cap;
	}
	memcpy(f->names + f->names_n, who->name, who->n);
	*at = (uint32_t)f->names_n;
	f->names_n += who->n;
	return true;
}

static void complain(struct passwdfile *f, size_t line, const char *what)
{
	struct log_line l;

	if (f->complaints++ >= COMPLAINTS_MAX)
		return;
	log_begin(&l, LOG_LEVEL_WARN, "users.bad_line");
	log_int(&l, "line", (int64_t)line);
	log_text(&l, "reason", what);
	log_end(&l);
}

static bool add_aliases(
	struct passwdfile *f, struct str list, size_t line, struct str default_domain)
{
	struct str one;

	while (list.n > 0) {
		struct subscriber who;
		struct name n = { .account = (uint32_t)f->accounts_n };

		(void)str_split(list, ',', &one, &list);
		if (!subscriber_fold(one, default_domain, &who)) {
			complain(f, line, "an address that no mailbox can have");
			continue;
		}
		n.n = who.n;
		if (!keep_name(f, &who, &n.at) ||
			!make_room((void **)&f->aliases, &f->aliases_cap, f->aliases_n,
				sizeof(*f->aliases)))
			return false;
		f->aliases[f->aliases_n++] = n;
	}
	return true;
}

static bool add_account(
	struct passwdfile *f, const struct passwd_line *l, size_t line, struct str default_domain)
{
	struct account a = { .disabled = l->disabled };
	enum hash_kind kind = hash_kind(l->password);
	struct subscriber who;

	if (!subscriber_fold(l->name, default_domain, &who)) {
		complain(f, line, "a name that no subscriber can have");
		return true;
	}
	if (l->password.n > HASH_STORED_MAX - 1 || kind == HASH_UNKNOWN) {
		if (l->password.n > 0 && l->password.p[0] == '{')
			complain(f, line, "its password scheme is not known: nobody can log in");
		a.disabled = true;
		kind = HASH_UNKNOWN;
	}
	a.stored = (uint32_t)(l->password.p - f->bytes);
	a.stored_n = (uint16_t)(kind == HASH_UNKNOWN ? 0 : l->password.n);
	a.groups = l->groups.n > 0 ? (uint32_t)(l->groups.p - f->bytes) : 0;
	a.groups_n = (uint16_t)l->groups.n;
	a.name_n = who.n;
	a.alias = (uint32_t)f->aliases_n;
	if (!keep_name(f, &who, &a.name) || !add_aliases(f, l->addresses, line, default_domain) ||
		!make_room((void **)&f->accounts, &f->accounts_cap, f->accounts_n,
			sizeof(*f->accounts)))
		return false;
	a.alias_end = (uint32_t)f->aliases_n;
	f->kinds[kind]++;
	f->usual[kind] = f->accounts_n;
	f->accounts[f->accounts_n++] = a;
	return true;
}

static bool read_lines(struct passwdfile *f, struct str default_domain)
{
	struct str rest = { f->bytes, f->bytes_n }, line;

	for (size_t number = 1; rest.n > 0; number++) {
		struct passwd_line l;

		(void)str_split(rest, '\n', &line, &rest);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (!passwd_line_read(line, &l))
			complain(f, number, "it is not name:password");
		else if (!add_account(f, &l, number, default_domain))
			return false;
	}
	return true;
}

/* The first account of a name stands; an address gives way to an account, and to an earlier address. */
static bool make_table(struct passwdfile *f)
{
	size_t names = f->accounts_n + f->aliases_n;

	f->table_n = 64;
	while (f->table_n < names * 2)
		f->table_n *= 2;
	f->table = calloc(f->table_n, sizeof(*f->table));
	if (f->table == NULL)
		return false;
	for (size_t i = 0; i < f->accounts_n; i++) {
		const struct account *a = &f->accounts[i];
		struct name *to = place_of(f, (struct str){ f->names + a->name, a->name_n });

		if (to->n == 0)
			*to = (struct name){ a->name, a->name_n, (uint32_t)i };
	}
	for (size_t i = 0; i < f->aliases_n; i++) {
		struct name *to = place_of(f, name_str(f, &f->aliases[i]));

		if (to->n == 0)
			*to = f->aliases[i];
	}
	return true;
}

static enum err read_bytes(struct passwdfile *f, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	enum err e = ERR_NONE;
	ssize_t got = 1;

	if (fd < 0)
		return err_of_errno(errno);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		e = ERR_IO;
	else if (st.st_size > FILE_MAX)
		e = ERR_LIMIT;
	else if ((f->bytes = malloc((size_t)st.st_size + 1)) == NULL)
		e = ERR_NOMEM;
	while (e == ERR_NONE && got > 0 && f->bytes_n < (size_t)st.st_size) {
		got = read(fd, f->bytes + f->bytes_n, (size_t)st.st_size - f->bytes_n);
		if (got < 0)
			e = err_of_errno(errno);
		else
			f->bytes_n += (size_t)got;
	}
	close(fd);
	return e;
}

enum err passwdfile_open(struct passwdfile **out, const char *path, struct str default_domain)
{
	struct passwdfile *f = calloc(1, sizeof(*f));
	enum err e = f != NULL ? read_bytes(f, path) : ERR_NOMEM;

	if (e == ERR_NONE && (!read_lines(f, default_domain) || !make_table(f)))
		e = ERR_NOMEM;
	if (e == ERR_NONE)
		*out = f;
	else
		passwdfile_close(&f);
	return e;
}

void passwdfile_close(struct passwdfile **f)
{
	if (*f == NULL)
		return;
	if ((*f)->bytes != NULL)
		explicit_bzero((*f)->bytes, (*f)->bytes_n);
	free((*f)->bytes);
	free((*f)->names);
	free((*f)->accounts);
	free((*f)->aliases);
	free((*f)->table);
	free(*f);
	*f = NULL;
}

size_t passwdfile_accounts(const struct passwdfile *f)
{
	return f->accounts_n;
}

void passwdfile_nth(const struct passwdfile *f, size_t i, struct passwd_account *out)
{
	const struct account *a = &f->accounts[i];

	memcpy(out->who.name, f->names + a->name, a->name_n);
	out->who.name[a->name_n] = '\0';
	out->who.n = a->name_n;
	out->stored = (struct str){ f->bytes + a->stored, a->stored_n };
	out->groups = (struct str){ f->bytes + a->groups, a->groups_n };
	out->disabled = a->disabled;
	out->nth = (uint32_t)i;
}

bool passwdfile_find(
	const struct passwdfile *f, const struct subscriber *who, struct passwd_account *out)
{
	const struct name *n = place_of(f, subscriber_str(who));

	if (n->n == 0)
		return false;
	passwdfile_nth(f, n->account, out);
	return subscriber_eq(&out->who, who); /* an address alone is no name to log in with */
}

bool passwdfile_owner(
	const struct passwdfile *f, const struct subscriber *address, struct subscriber *owner)
{
	const struct name *n = place_of(f, subscriber_str(address));
	struct passwd_account a;

	if (n->n == 0)
		return false;
	passwdfile_nth(f, n->account, &a);
	*owner = a.who;
	return true;
}

bool passwdfile_lists(
	const struct passwdfile *f, const struct subscriber *who, const struct subscriber *address)
{
	const struct name *n = place_of(f, subscriber_str(who));
	const struct account *a;

	if (n->n == 0)
		return false;
	a = &f->accounts[n->account];
	if (!str_eq((struct str){ f->names + a->name, a->name_n }, subscriber_str(who)))
		return false;
	for (uint32_t i = a->alias; i < a->alias_end; i++)
		if (str_eq(name_str(f, &f->aliases[i]), subscriber_str(address)))
			return true;
	return false;
}

struct str passwdfile_of_kind(const struct passwdfile *f, enum hash_kind kind)
{
	const struct account *a;

	if (f->kinds[kind] == 0)
		return STR("");
	a = &f->accounts[f->usual[kind]];
	return (struct str){ f->bytes + a->stored, a->stored_n };
}

struct str passwdfile_usual(const struct passwdfile *f)
{
	size_t best = HASH_PLAIN;

	for (size_t kind = HASH_PLAIN; kind < HASH_KINDS; kind++)
		if (f->kinds[kind] > f->kinds[best])
			best = kind;
	return passwdfile_of_kind(f, (enum hash_kind)best);
}
