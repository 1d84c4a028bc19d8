/* record.c - see record.h. */
#include "common/window/record.h"

#include "common/base/bytes.h"
#include "common/base/crc32c.h"

#define SCOPE_AT 2 /* where in a record the scope stands, */
#define KEY_AT 4 /* and the key, */
#define TIMES_AT 26 /* and the times, */
#define NAMES_AT 58 /* and the texts */
#define TEXTS 3 /* each behind its length */
#define CRC_SIZE 4

size_t record_encode(const struct record *r, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = RECORD_MAX };
	bool plain = fingerprint_is_none(&r->account);

	put_number(&w, plain ? RECORD_VERSION : RECORD_VERSION + 1, 1);
	put_number(&w, r->kind, 1);
	put_number(&w, r->scope, 1);
	put_number(&w, r->source.tls, 1);
	put_octets(&w, r->key.b, sizeof(r->key.b));
	put_number(&w, r->port, 2);
	put_number(&w, r->logins, 4);
	put_number(&w, (uint64_t)r->login_ms, 8);
	put_number(&w, (uint64_t)r->until_ms, 8);
	put_number(&w, r->origin, 8);
	put_number(&w, r->sequence, 8);
	put_short(&w, str_of(r->source.service));
	put_short(&w, str_of(r->source.mechanism));
	put_short(&w, subscriber_str(&r->who));
	if (!plain)
		put_octets(&w, r->account.b, sizeof(r->account.b));
	put_number(&w, crc32c(dst, w.n), 4);
	return w.n;
}

static bool crc_fits(struct str bytes)
{
	struct reader r = { (const uint8_t *)bytes.p, bytes.n, false };

	if (bytes.n < 4 || bytes.n > RECORD_MAX)
		return false;
	r.p += bytes.n - 4;
	r.n = 4;
	return get_number(&r, 4) == crc32c(bytes.p, bytes.n - 4);
}

/* Nobody, or a name that folds to itself. */
static bool canonical(const struct subscriber *who)
{
	return who->n == 0 || subscriber_is_folded(who);
}

static bool sensible(const struct record *r)
{
	bool grant = r->kind == RECORD_GRANT;

	if (!grant && r->kind != RECORD_REVOCATION)
		return false;
	if (r->scope > SCOPE_KEY_SUBSCRIBER || r->login_ms < 0 || r->until_ms < 0)
		return false;
	return canonical(&r->who) && (!grant || r->who.n > 0);
}

bool record_decode(struct str bytes, struct record *out)
{
	struct reader in = { (const uint8_t *)bytes.p, bytes.n, false };
	struct record r = { 0 };
	uint64_t version;

	if (!crc_fits(bytes))
		return false;
	version = get_number(&in, 1);
	if (version != RECORD_VERSION && version != RECORD_VERSION + 1)
		return false;
	r.kind = (enum record_kind)get_number(&in, 1);
	r.scope = (enum scope)get_number(&in, 1);
	r.source.tls = get_number(&in, 1) != 0;
	get_octets(&in, r.key.b, sizeof(r.key.b));
	r.port = (uint16_t)get_number(&in, 2);
	r.logins = (uint32_t)get_number(&in, 4);
	r.login_ms = (int64_t)get_number(&in, 8);
	r.until_ms = (int64_t)get_number(&in, 8);
	r.origin = get_number(&in, 8);
	r.sequence = get_number(&in, 8);
	get_short(&in, r.source.service, sizeof(r.source.service));
	get_short(&in, r.source.mechanism, sizeof(r.source.mechanism));
	get_short(&in, r.who.name, sizeof(r.who.name));
	r.who.n = (uint8_t)strlen(r.who.name);
	if (version > RECORD_VERSION)
		get_octets(&in, r.account.b, sizeof(r.account.b));
	if (in.bad || in.n != 4 || !sensible(&r) ||
		fingerprint_is_none(&r.account) != (version == RECORD_VERSION))
		return false;
	*out = r;
	return true;
}

bool record_times(struct str bytes, enum record_kind *kind, int64_t *login_ms, int64_t *until_ms)
{
	struct reader in = { (const uint8_t *)bytes.p, bytes.n, false };

	if (bytes.n < NAMES_AT)
		return false;
	in.p += 1;
	*kind = (enum record_kind)get_number(&in, 1);
	in.p = (const uint8_t *)bytes.p + TIMES_AT;
	*login_ms = (int64_t)get_number(&in, 8);
	*until_ms = (int64_t)get_number(&in, 8);
	return true;
}

static size_t put_key(struct writer *w, const struct addr *key, const struct subscriber *who)
{
	put_octets(w, key->b, sizeof(key->b));
	put_octets(w, who->name, who->n);
	return w->n;
}

size_t record_entry_key(const struct addr *key, const struct subscriber *who, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = RECORD_KEY_MAX };

	return put_key(&w, key, who);
}

size_t record_holder_key(const struct addr *key, const struct subscriber *who, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = RECORD_KEY_MAX };

	put_octets(&w, who->name, (size_t)who->n + 1);
	put_octets(&w, key->b, sizeof(key->b));
	return w.n;
}

size_t record_revocation_key(
	enum scope scope, const struct addr *key, const struct subscriber *who, uint8_t *dst)
{
	static const struct addr no_key;
	static const struct subscriber nobody;
	struct writer w = { .p = dst, .max = RECORD_KEY_MAX };

	put_number(&w, scope, 1);
	return put_key(&w, scope == SCOPE_KEY || scope == SCOPE_KEY_SUBSCRIBER ? key : &no_key,
		scope == SCOPE_SUBSCRIBER || scope == SCOPE_KEY_SUBSCRIBER ? who : &nobody);
}

/* Octets of what follows the texts, which is as the version says. */
static size_t behind_names(struct str bytes)
{
	return CRC_SIZE +
		(bytes.n > 0 && bytes.p[0] > RECORD_VERSION ? sizeof(struct fingerprint) : 0);
}

/* How many octets a record at the beginning of bytes has; 0 if none begins there. Beyond bytes.n: it was cut. */
static size_t measure(struct str bytes)
{
	size_t n = NAMES_AT;

	if (bytes.n > 0 && bytes.p[0] != RECORD_VERSION && bytes.p[0] != RECORD_VERSION + 1)
		return 0;
	if (bytes.n > 1 && bytes.p[1] != RECORD_GRANT && bytes.p[1] != RECORD_REVOCATION)
		return 0;
	if (bytes.n > SCOPE_AT && (uint8_t)bytes.p[SCOPE_AT] > SCOPE_KEY_SUBSCRIBER)
		return 0;
	for (int text = 0; text < TEXTS && n < bytes.n; text++)
		n += 1 + (size_t)(uint8_t)bytes.p[n];
	n += behind_names(bytes);
	return n <= RECORD_MAX ? n : 0;
}

bool record_find(struct str *bytes, struct record *out)
{
	struct str rest = *bytes;

	for (; rest.n > 0; rest = str_from(rest, 1)) {
		size_t n = measure(rest);

		if (n == 0 || n > rest.n || !record_decode(str_first(rest, n), out))
			continue;
		*bytes = str_from(rest, n);
		return true;
	}
	return false;
}

bool record_has_key(enum record_kind kind, struct str bytes, struct str key)
{
	const size_t scope = kind == RECORD_REVOCATION ? 1 : 0;
	const char *name;
	size_t who;

	if (key.n < scope + sizeof(struct addr))
		return false;
	who = key.n - scope - sizeof(struct addr);
	if (bytes.n > RECORD_MAX || bytes.n < NAMES_AT + TEXTS + who + behind_names(bytes))
		return false;
	if (bytes.p[1] != (char)kind || (scope > 0 && bytes.p[SCOPE_AT] != key.p[0]))
		return false;
	name = bytes.p + bytes.n - behind_names(bytes) - who;
	return memcmp(bytes.p + KEY_AT, key.p + scope, sizeof(struct addr)) == 0 &&
		memcmp(name, key.p + key.n - who, who) == 0 && (uint8_t)name[-1] == who;
}
