/* accountprint.c - see accountprint.h. */
#include "common/users/accountprint.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/base/bytes.h"

#define MAC 32 /* octets of SHA-256 */
#define STORED_MAX 2048

static void seal(const uint8_t secret[ACCOUNTPRINT_KEY], const struct writer *w, uint8_t mac[MAC])
{
	const uint8_t *made = HMAC(EVP_sha256(), secret, ACCOUNTPRINT_KEY, w->p, w->n, mac, NULL);

	assert(made != NULL && !w->bad);
}

struct accountprint_key accountprint_key(const uint8_t secret[ACCOUNTPRINT_KEY])
{
	uint8_t text[32], mac[MAC];
	struct writer w = { .p = text, .max = sizeof(text) };
	struct accountprint_key k;

	put_short(&w, STR("fingerprint key"));
	seal(secret, &w, mac);
	memcpy(k.secret, secret, sizeof(k.secret));
	memcpy(k.id, mac, sizeof(k.id));
	k.id[0] |= 1; /* so that no fingerprint is none */
	return k;
}

struct fingerprint accountprint(const struct accountprint_key *k, const struct subscriber *who,
	struct str stored, bool disabled)
{
	uint8_t text[32 + SUBSCRIBER_MAX + STORED_MAX], mac[MAC];
	struct writer w = { .p = text, .max = sizeof(text) };
	struct fingerprint f;

	put_short(&w, STR("account"));
	put_short(&w, subscriber_str(who));
	put_number(&w, disabled, 1);
	put_octets(&w, stored.p, stored.n);
	seal(k->secret, &w, mac);
	explicit_bzero(text, w.n);
	memcpy(f.b, k->id, sizeof(k->id));
	memcpy(f.b + sizeof(k->id), mac, sizeof(f.b) - sizeof(k->id));
	return f;
}

/* A locked account is as good as none: no password is right. */
bool accountprint_changed(const struct accountprint_key *k, const struct passwdfile *f,
	const struct subscriber *who, const struct fingerprint *then)
{
	struct passwd_account a;
	bool known;
	struct fingerprint now;

	if (fingerprint_is_none(then))
		return false;
	known = passwdfile_find(f, who, &a) && a.stored.n > 0;
	now = accountprint(k, who, known ? a.stored : STR(""), known && a.disabled);
	return fingerprints_differ(then, &now);
}
