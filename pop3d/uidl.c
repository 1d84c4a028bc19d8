/* uidl.c - see uidl.h. */
#include "pop3d/uidl.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

struct row {
	struct str unique;
	struct str own; /* an id given to it alone; p NULL without */
	uint64_t uid, validity;
	uint64_t rank;
	size_t line;
};

struct uidl_list {
	enum uidl_format format;
	uint64_t validity; /* Dovecot's, of all */
	struct row *rows; /* owned; by unique part, one of each */
	size_t n, cap;
};

/* --- ids of names --- */

static void hex(const EVP_MD *kind, struct str s, uint64_t salt, char *dst, size_t digits)
{
	unsigned char sum[EVP_MAX_MD_SIZE] = { 0 };
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool fine = c != NULL && EVP_DigestInit_ex(c, kind, NULL) == 1 &&
		EVP_DigestUpdate(c, s.p, s.n) == 1 &&
		(salt == 0 || EVP_DigestUpdate(c, &salt, sizeof(salt)) == 1) &&
		EVP_DigestFinal_ex(c, sum, NULL) == 1;

	EVP_MD_CTX_free(c);
	for (size_t i = 0; i < digits; i++)
		dst[i] = "0123456789abcdef"[(sum[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 15];
	dst[fine ? digits : 1] = '\0'; /* without memory all are "0", and then told apart by salt */
}

bool uidl_fits(struct str s)
{
	if (s.n == 0 || s.n > UIDL_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '!' || s.p[i] > '~')
			return false;
	return true;
}

static bool like_digest(struct str s)
{
	if (s.n != UIDL_DIGEST)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'f'))
			return false;
	return true;
}

void uidl_of_name(struct str unique, char *dst)
{
	if (!uidl_fits(unique) || like_digest(unique)) {
		hex(EVP_sha256(), unique, 0, dst, UIDL_DIGEST);
		return;
	}
	memcpy(dst, unique.p, unique.n);
	dst[unique.n] = '\0';
}

void uidl_salted(struct str unique, uint64_t salt, char *dst)
{
	hex(EVP_sha256(), unique, salt, dst, UIDL_DIGEST);
}

void uidl_md5(struct str unique, char *dst)
{
	hex(EVP_md5(), unique, 0, dst, 32);
}

/* --- lists of other servers --- */

const char *uidl_file(enum uidl_format f)
{
	switch (f) {
	case UIDL_DOVECOT: return "dovecot-uidlist";
	case UIDL_COURIER: return "courierpop3dsizelist";
	case UIDL_FILENAME:
	case UIDL_MD5: break;
	}
	return NULL;
}

static struct str base_of(struct str name)
{
	return str_first(name, str_find(name, ':'));
}

static bool add_row(struct uidl_list *l, struct row r)
{
	if (r.unique.n == 0)
		return true;
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 256 : l->cap * 2;
		struct row *more = realloc(l->rows, cap * sizeof(*more));

		if (more == NULL)
			return false;
		l->rows = more;
		l->cap = cap;
	}
	r.line = l->n;
	l->rows[l->n++] = r;
	return true;
}

/* A dovecot-uidlist begins "3 V<validity> N<next> ...", or "1 <validity> <next>" in old ones. */
static bool dovecot_head(struct str line, bool *keys, uint64_t *validity)
{
	struct str version, field, rest;

	if (!str_split(line, ' ', &version, &rest))
		return false;
	*keys = str_eq(version, STR("3"));
	if (!*keys && !str_eq(version, STR("1")))
		return false;
	while (rest.n > 0) {
		(void)str_split(rest, ' ', &field, &rest);
		if (!*keys)
			return str_to_u64(field, UINT32_MAX, validity) && *validity > 0;
		if (field.n > 1 && field.p[0] == 'V')
			return str_to_u64(str_from(field, 1), UINT32_MAX, validity) &&
				*validity > 0;
	}
	return false;
}

/* What stands between the uid and the name: P is an id of its own (an empty one means the name), O a
 * place in the list before all that have none. */
static void dovecot_key(struct str field, struct row *r)
{
	uint64_t order;

	if (field.p[0] == 'P')
		r->own = str_from(field, 1);
	else if (field.p[0] == 'O' && str_to_u64(str_from(field, 1), UINT32_MAX, &order))
		r->rank = order;
}

/* "<uid> [<key><value> ...] :<name>", or "<uid> <name>" in old ones. */
static bool dovecot_row(struct uidl_list *l, struct str line, bool keys)
{
	struct row r = { .validity = l->validity };
	struct str field, rest;

	if (!str_split(line, ' ', &field, &rest) || !str_to_u64(field, UINT32_MAX, &r.uid) ||
		r.uid == 0)
		return true;
	r.rank = (UINT64_C(1) << 32) + r.uid;
	while (keys && rest.n > 0 && rest.p[0] != ':') {
		(void)str_split(rest, ' ', &field, &rest);
		if (field.n > 0)
			dovecot_key(field, &r);
	}
	if (keys && rest.n > 0)
		rest = str_from(rest, 1);
	r.unique = base_of(rest);
	return add_row(l, r);
}

/* A courierpop3dsizelist begins "/<version> <next uid> <validity>". */
static bool courier_head(struct str line)
{
	struct str version, rest;
	uint64_t next;

	if (!str_split(line, ' ', &version, &rest))
		return false;
	(void)str_split(rest, ' ', &line, &rest);
	return (str_eq(version, STR("/3")) || str_eq(version, STR("/2"))) &&
		str_to_u64(line, UINT64_MAX, &next);
}

static bool split_last(struct str s, char c, struct str *head, struct str *tail)
{
	size_t n = s.n;

	while (n > 0 && s.p[n - 1] != c)
		n--;
	if (n == 0)
		return false;
	*head = str_first(s, n - 1);
	*tail = str_from(s, n);
	return true;
}

/* "<name> <size> <uid>:<validity>[:<utf8>]"; the name may hold blanks. */
static bool courier_row(struct uidl_list *l, struct str line)
{
	struct str name, size, ids, uid, validity, rest;
	struct row r = { 0 };
	uint64_t octets;

	if (!split_last(line, ' ', &name, &ids) || !split_last(name, ' ', &name, &size) ||
		!str_split(ids, ':', &uid, &rest))
		return true;
	(void)str_split(rest, ':', &validity, &rest);
	if (!str_to_u64(size, UINT64_MAX, &octets) || !str_to_u64(uid, UINT64_MAX, &r.uid) ||
		!str_to_u64(validity, UINT64_MAX, &r.validity))
		return true;
	r.unique = base_of(name);
	return add_row(l, r);
}

static int by_unique(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	size_t n = x->unique.n < y->unique.n ? x->unique.n : y->unique.n;
	int order = memcmp(x->unique.p, y->unique.p, n);

	if (order != 0)
		return order;
	if (x->unique.n != y->unique.n)
		return x->unique.n < y->unique.n ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

static void sort_rows(struct uidl_list *l)
{
	size_t kept = 0;

	if (l->n > 0)
		qsort(l->rows, l->n, sizeof(*l->rows), by_unique);
	for (size_t i = 0; i < l->n; i++) {
		if (kept > 0 && str_eq(l->rows[kept - 1].unique, l->rows[i].unique))
			kept--;
		l->rows[kept++] = l->rows[i];
	}
	l->n = kept;
}

static enum err read_rows(struct uidl_list *l, struct str bytes)
{
	struct str line, rest;
	bool keys = false, room = true;

	/* A last line without its end is one that is being written. */
	if (!str_split(bytes, '\n', &line, &rest) ||
		!(l->format == UIDL_DOVECOT ? dovecot_head(line, &keys, &l->validity)
					    : courier_head(line)))
		return ERR_SYNTAX;
	while (room && str_split(rest, '\n', &line, &rest))
		room = l->format == UIDL_DOVECOT ? dovecot_row(l, line, keys)
						 : courier_row(l, line);
	sort_rows(l);
	return room ? ERR_NONE : ERR_NOMEM;
}

enum err uidl_list_open(struct uidl_list **out, enum uidl_format f, struct str bytes)
{
	struct uidl_list *l = calloc(1, sizeof(*l));
	enum err e;

	if (l == NULL)
		return ERR_NOMEM;
	l->format = f;
	e = read_rows(l, bytes);
	if (e == ERR_NONE)
		*out = l;
	else
		uidl_list_close(&l);
	return e;
}

void uidl_list_close(struct uidl_list **l)
{
	if (*l == NULL)
		return;
	free((*l)->rows);
	free(*l);
	*l = NULL;
}

static void dovecot_id(const struct row *r, char *dst)
{
	struct str own = r->own.p != NULL && r->own.n == 0 ? r->unique : r->own;

	if (own.p == NULL)
		snprintf(dst, UIDL_MAX + 1, "%08" PRIx64 "%08" PRIx64, r->uid, r->validity);
	else
		uidl_of_name(own, dst);
}

/* Messages from before Courier numbered them have their name, escaped, for an id. */
static void courier_name(struct str unique, char *dst)
{
	char text[3 * 256];
	size_t n = 0;

	for (size_t i = 0; i < unique.n && n + 4 < sizeof(text); i++) {
		char c = unique.p[i];

		if (c < '!' || c > '~' || c == '\'' || c == '"' || c == '+')
			n += (size_t)snprintf(text + n, 4, "+%02X", (unsigned char)c);
		else
			text[n++] = c;
	}
	uidl_of_name((struct str){ text, n }, dst);
}

static void courier_id(const struct row *r, char *dst)
{
	if (r->uid == 0)
		courier_name(r->unique, dst);
	else if (r->validity == 0)
		snprintf(dst, UIDL_MAX + 1, "UID%" PRIu64, r->uid);
	else
		snprintf(dst, UIDL_MAX + 1, "UID%" PRIu64 "-%" PRIu64, r->uid, r->validity);
}

bool uidl_list_find(const struct uidl_list *l, struct str unique, char *dst, uint64_t *rank)
{
	struct row wanted = { .unique = unique };
	size_t low = 0, high = l->n;

	*rank = UINT64_MAX;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		wanted.line = l->rows[mid].line;
		if (by_unique(&l->rows[mid], &wanted) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == l->n || !str_eq(l->rows[low].unique, unique))
		return false;
	*rank = l->rows[low].rank;
	if (l->format == UIDL_DOVECOT)
		dovecot_id(&l->rows[low], dst);
	else
		courier_id(&l->rows[low], dst);
	return true;
}
