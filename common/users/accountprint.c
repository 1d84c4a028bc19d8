/* accountprint.c - see accountprint.h. */
#include "common/users/accountprint.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/bytes.h"

#define STORED_MAX 2048

struct accountprint_key {
	struct mac *mac; /* owned */
	uint8_t id[FINGERPRINT_KEY]; /* tells that secret from others, and nothing of it */
};

static void seal(const struct accountprint_key *k, const struct writer *w, uint8_t mac[MAC_SIZE])
{
	assert(!w->bad);
	mac_make(k->mac, w->p, w->n, mac);
}

static void find_id(struct accountprint_key *k)
{
	uint8_t text[32], mac[MAC_SIZE];
	struct writer w = { .p = text, .max = sizeof(text) };

	put_short(&w, STR("fingerprint key"));
	seal(k, &w, mac);
	memcpy(k->id, mac, sizeof(k->id));
	k->id[0] |= 1; /* so that no fingerprint is none */
}

enum err accountprint_key_open(struct accountprint_key **out, const uint8_t secret[MAC_KEY])
{
	struct accountprint_key *k = calloc(1, sizeof(*k));
	enum err e = k != NULL ? mac_open(&k->mac, secret) : ERR_NOMEM;

	if (e == ERR_NONE) {
		find_id(k);
		*out = k;
	} else {
		accountprint_key_close(&k);
	}
	return e;
}

void accountprint_key_close(struct accountprint_key **k)
{
	if (*k == NULL)
		return;
	mac_close(&(*k)->mac);
	free(*k);
	*k = NULL;
}

struct fingerprint accountprint(const struct accountprint_key *k, const struct subscriber *who,
	struct str stored, bool disabled)
{
	uint8_t text[32 + SUBSCRIBER_MAX + STORED_MAX], mac[MAC_SIZE];
	struct writer w = { .p = text, .max = sizeof(text) };
	struct fingerprint f;

	put_short(&w, STR("account"));
	put_short(&w, subscriber_str(who));
	put_number(&w, disabled, 1);
	put_octets(&w, stored.p, stored.n);
	seal(k, &w, mac);
	explicit_bzero(text, w.n);
	memcpy(f.b, k->id, sizeof(k->id));
	memcpy(f.b + sizeof(k->id), mac, sizeof(f.b) - sizeof(k->id));
	return f;
}

void accountprints_forget(struct accountprints *known)
{
	explicit_bzero(known, sizeof(*known));
}

/* From memory if it is there: a keyed hash at each look at the window was an eighth of what a gate computes for a message. */
static struct fingerprint print_of(const struct accountprint_key *k, struct accountprints *known,
	const struct passwd_account *a)
{
	const uint32_t of = a->nth + 1;
	struct accountprint_kept *at = known != NULL ? &known->at[of % ACCOUNTPRINTS] : NULL;
	struct fingerprint is;

	if (at != NULL && at->of == of)
		return at->is;
	is = accountprint(k, &a->who, a->stored, a->disabled);
	if (at != NULL)
		*at = (struct accountprint_kept){ of, is };
	return is;
}

/* A locked account is as good as none: no password is right. */
bool accountprint_changed(const struct accountprint_key *k, const struct passwdfile *f,
	struct accountprints *known, const struct subscriber *who, const struct fingerprint *then)
{
	struct passwd_account a;
	struct fingerprint now;

	if (fingerprint_is_none(then))
		return false;
	now = passwdfile_find(f, who, &a) && a.stored.n > 0 ? print_of(k, known, &a)
							    : accountprint(k, who, STR(""), false);
	return fingerprints_differ(then, &now);
}
