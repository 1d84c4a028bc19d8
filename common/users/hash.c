/* hash.c - the one place that knows crypt(3) and libargon2. */
#include "common/users/hash.h"

#include <argon2.h>
#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/secret.h"

/* clang-format off */
static const struct scheme {
	const char *name;
	enum hash_kind kind;
	const char *prefix; /* of a crypt(3) setting to make one; NULL: only verified */
} schemes[] = {
	{ "YESCRYPT",     HASH_CRYPT,    "$y$"  },
	{ "SHA512-CRYPT", HASH_CRYPT,    "$6$"  },
	{ "BLF-CRYPT",    HASH_CRYPT,    "$2b$" },
	{ "ARGON2ID",     HASH_ARGON2ID, NULL   },
	{ "SCRAM-SHA-256", HASH_SCRAM,   NULL   },
	{ "PLAIN",        HASH_PLAIN,    NULL   },
	{ "CLEARTEXT",    HASH_PLAIN,    NULL   },
	{ "SHA256-CRYPT", HASH_CRYPT,    "$5$"  },
	{ "MD5-CRYPT",    HASH_CRYPT,    NULL   },
	{ "CRYPT",        HASH_CRYPT,    NULL   },
};
/* clang-format on */

const char *const *hash_schemes(void)
{
	static const char *const names[] = { "YESCRYPT", "SHA512-CRYPT", "BLF-CRYPT", "ARGON2ID",
		"SCRAM-SHA-256", "PLAIN", NULL };

	return names;
}

static const struct scheme *scheme_named(struct str name)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (str_eq_nocase(name, str_of(schemes[i].name)))
			return &schemes[i];
	return NULL;
}

/* Splits "{SCHEME}data". */
static enum hash_kind take_apart(struct str stored, struct str *data)
{
	const struct scheme *s;
	struct str name;

	*data = stored;
	if (stored.n == 0)
		return HASH_UNKNOWN;
	if (stored.p[0] != '{') /* '!' and '*' lock an account in passwd(5) */
		return stored.p[0] == '!' || stored.p[0] == '*' ? HASH_UNKNOWN : HASH_CRYPT;
	if (!str_split(str_from(stored, 1), '}', &name, data))
		return HASH_UNKNOWN;
	s = scheme_named(name);
	if (s == NULL || data->n == 0)
		return HASH_UNKNOWN;
	if (s->kind != HASH_PLAIN && (data->p[0] == '!' || data->p[0] == '*'))
		return HASH_UNKNOWN;
	return s->kind;
}

enum hash_kind hash_kind(struct str stored)
{
	struct scram keys;
	struct str data;
	enum hash_kind kind = take_apart(stored, &data);

	return kind == HASH_SCRAM && !scram_read(data, &keys) ? HASH_UNKNOWN : kind;
}

struct str hash_plain(struct str stored)
{
	struct str data;

	return take_apart(stored, &data) == HASH_PLAIN ? data : STR("");
}

bool hash_scram(struct str stored, struct scram *out)
{
	struct str data;

	return take_apart(stored, &data) == HASH_SCRAM && scram_read(data, out);
}

static bool verify_scram(struct str data, struct str password)
{
	struct scram stored, made;
	bool right;

	if (!scram_read(data, &stored))
		return false;
	made = stored;
	right = scram_derive(password, &made) &&
		secret_eq((struct str){ (char *)made.stored_key, SCRAM_KEY },
			(struct str){ (char *)stored.stored_key, SCRAM_KEY });
	explicit_bzero(&made, sizeof(made));
	return right;
}

static bool verify_crypt(const char *setting, const char *password)
{
	struct crypt_data *work = calloc(1, sizeof(*work));
	const char *made;
	bool right;

	if (work == NULL)
		return false;
	made = crypt_r(password, setting, work);
	right = made != NULL && made[0] != '*' && secret_eq(str_of(made), str_of(setting));
	explicit_bzero(work, sizeof(*work));
	free(work);
	return right;
}

bool hash_verify(struct str stored, struct str password)
{
	char setting[HASH_STORED_MAX], typed[HASH_PASSWORD_MAX];
	enum hash_kind kind;
	struct str data;
	bool right = false;

	kind = take_apart(stored, &data);
	if (kind == HASH_PLAIN)
		return secret_eq(data, password);
	if (str_to_cstr(data, setting, sizeof(setting)) &&
		str_to_cstr(password, typed, sizeof(typed))) {
		if (kind == HASH_CRYPT)
			right = verify_crypt(setting, typed);
		if (kind == HASH_ARGON2ID)
			right = argon2id_verify(setting, typed, password.n) == ARGON2_OK;
		if (kind == HASH_SCRAM)
			right = verify_scram(data, str_of(typed));
	}
	explicit_bzero(typed, sizeof(typed));
	explicit_bzero(setting, sizeof(setting));
	return right;
}

static enum err make_crypt(const struct scheme *s, const char *typed, char *dst)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_data *work = calloc(1, sizeof(*work));
	const char *made = NULL;
	int n = -1;

	if (work != NULL &&
		crypt_gensalt_rn(s->prefix, 0, NULL, 0, setting, sizeof(setting)) != NULL)
		made = crypt_r(typed, setting, work);
	if (made != NULL && made[0] != '*')
		n = snprintf(dst, HASH_STORED_MAX, "{%s}%s", s->name, made);
	if (work != NULL)
		explicit_bzero(work, sizeof(*work));
	free(work);
	return n > 0 && n < HASH_STORED_MAX ? ERR_NONE : ERR_NOMEM;
}

/* 3 passes over 64 MB (RFC 9106 section 4, the second recommended option), one lane: a login runs in one
 * thread. */
static enum err make_argon2id(const char *typed, size_t n, char *dst)
{
	char salt[16], made[HASH_STORED_MAX - 16];

	secret_random(salt, sizeof(salt));
	if (argon2id_hash_encoded(3, 1 << 16, 1, typed, n, salt, sizeof(salt), 32, made,
		    sizeof(made)) != ARGON2_OK)
		return ERR_NOMEM;
	snprintf(dst, HASH_STORED_MAX, "{ARGON2ID}%s", made);
	return ERR_NONE;
}

static enum err make_scram(struct str typed, char *dst)
{
	struct scram s = { .iterations = SCRAM_ITERATIONS, .salt_n = SCRAM_SALT };
	const size_t head = sizeof("{SCRAM-SHA-256}") - 1;

	secret_random(s.salt, s.salt_n);
	memcpy(dst, "{SCRAM-SHA-256}", head);
	if (!scram_derive(typed, &s) || !scram_write(&s, dst + head, HASH_STORED_MAX - head))
		return ERR_NOMEM;
	return ERR_NONE;
}

/* A field of a line ends at a colon, and what follows would be read as other fields. */
static enum err make_plain(const char *typed, char *dst)
{
	for (const char *c = typed; *c != '\0'; c++)
		if (*c == ':' || (unsigned char)*c < ' ' || *c == 0x7f)
			return ERR_SYNTAX;
	snprintf(dst, HASH_STORED_MAX, "{PLAIN}%s", typed);
	return ERR_NONE;
}

enum err hash_make(const char *scheme, struct str password, char *dst)
{
	const struct scheme *s = scheme_named(str_of(scheme));
	char typed[HASH_PASSWORD_MAX];
	enum err e = ERR_ABSENT;

	if (s == NULL || (s->kind == HASH_CRYPT && s->prefix == NULL))
		return ERR_ABSENT;
	if (!str_to_cstr(password, typed, sizeof(typed)))
		return ERR_LIMIT;
	if (s->kind == HASH_CRYPT)
		e = make_crypt(s, typed, dst);
	if (s->kind == HASH_ARGON2ID)
		e = make_argon2id(typed, password.n, dst);
	if (s->kind == HASH_SCRAM)
		e = make_scram(str_of(typed), dst);
	if (s->kind == HASH_PLAIN)
		e = make_plain(typed, dst);
	explicit_bzero(typed, sizeof(typed));
	return e;
}
