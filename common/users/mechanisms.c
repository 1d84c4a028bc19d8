/* mechanisms.c - what each mechanism makes of a response, and how its proof is judged.
 *
 * A name that is not there, and one whose account cannot do the mechanism, are judged like any other, in
 * vain: against a password of the usual kind, a secret of nobody, a steady salt of nobody's. */
#include <openssl/evp.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/secret.h"
#include "common/users/users_private.h"

static void name(struct exchange *x, struct str typed)
{
	if (!subscriber_fold(typed, str_of(x->users->domain), &x->who))
		x->who = (struct subscriber){ .n = 0 };
}

/* RFC 4616 2, RFC 5802 5.1: who one acts for; nobody acts for somebody else. */
static bool acts_for_self(const struct exchange *x, struct str authzid)
{
	struct subscriber other;

	return authzid.n == 0 ||
		(subscriber_fold(authzid, str_of(x->users->domain), &other) &&
			subscriber_eq(&x->who, &other));
}

/* A text that nobody knows, the same for the same name. */
static void secret_of_nobody(const struct exchange *x, char dst[2 * CACHE_MAC + 1])
{
	uint8_t mac[CACHE_MAC];

	cache_mac(x->users->cache, "nobody", subscriber_str(&x->who), STR(""), mac);
	for (size_t i = 0; i < sizeof(mac); i++)
		snprintf(dst + 2 * i, 3, "%02x", mac[i]);
}

/* The plain secret of x's account, or one of nobody's. False: away, and that is concluded. */
static bool find_secret(struct exchange *x, char dst[HASH_STORED_MAX])
{
	struct found found;
	struct str plain;

	if (!exchange_find(x, &found))
		return false;
	plain = found.known ? hash_plain(found.stored) : STR("");
	if (plain.n == 0 || !str_to_cstr(plain, dst, HASH_STORED_MAX)) {
		x->known = false;
		secret_of_nobody(x, dst);
	}
	return true;
}

/* --- passwords as they are: PLAIN and LOGIN --- */

static void on_verified(void *owner, const struct hash_job *j)
{
	struct exchange *x = owner;

	x->job = NULL;
	if (j == NULL) {
		exchange_conclude(x, USERS_WHY_AWAY);
		return;
	}
	if (j->right && x->known)
		cache_put(x->users->cache, &x->who, (struct str){ j->stored, j->stored_n },
			x->secret, clock_steady_ms());
	exchange_conclude(x, exchange_verdict(x, j->right));
}

static void verify_in_pool(struct exchange *x, struct str stored)
{
	x->job = hashing_new(stored, x->secret);
	if (x->job != NULL) {
		x->job->done = on_verified;
		x->job->owner = x;
	}
	if (x->job == NULL || !hashing_submit(&x->users->hashing, x->job)) {
		x->job = NULL;
		exchange_conclude(x, USERS_WHY_AWAY);
	}
}

static void judge_password(struct exchange *x)
{
	struct found found;

	if (!exchange_find(x, &found))
		return;
	if (hash_kind(found.stored) <= HASH_PLAIN) /* microseconds: a thread would cost more */
		exchange_conclude(x, exchange_verdict(x, hash_verify(found.stored, x->secret)));
	else if (found.known &&
		cache_hit(x->users->cache, &x->who, found.stored, x->secret, clock_steady_ms()))
		exchange_conclude(x, exchange_verdict(x, true));
	else
		verify_in_pool(x, found.stored);
}

static bool is_password(struct str s)
{
	return s.n > 0 && s.n < HASH_PASSWORD_MAX && str_find(s, '\0') == s.n;
}

/* RFC 4616 2: [authzid] NUL authcid NUL passwd. */
static bool read_plain(
	struct str response, struct str *authzid, struct str *authcid, struct str *password)
{
	struct str rest;

	return str_split(response, '\0', authzid, &rest) &&
		str_split(rest, '\0', authcid, password) && is_password(*password);
}

/* No initial response: the client is asked for one, once. False: it was answered. */
static bool is_there(struct exchange *x, struct str response)
{
	if (response.p != NULL)
		return true;
	if (x->phase == EXCHANGE_BEGUN)
		exchange_challenge(x, EXCHANGE_ASKED, STR(""));
	else
		exchange_conclude(x, USERS_WHY_SYNTAX);
	return false;
}

void plain_step(struct exchange *x, struct str response)
{
	struct str authzid, authcid;

	if (!is_there(x, response))
		return;
	if (!read_plain(response, &authzid, &authcid, &x->secret)) {
		x->secret = STR("");
		exchange_conclude(x, USERS_WHY_SYNTAX);
		return;
	}
	name(x, authcid);
	if (acts_for_self(x, authzid)) {
		exchange_prove(x, response, judge_password);
	} else {
		x->secret = STR("");
		exchange_conclude(x, USERS_WHY_PASSWORD);
	}
}

/* draft-murchison-sasl-login: two challenges whose words are the custom; the name may come at once. */
void login_step(struct exchange *x, struct str response)
{
	if (response.p == NULL && x->phase == EXCHANGE_BEGUN) {
		exchange_challenge(x, EXCHANGE_ASKED, STR("Username:"));
	} else if (response.p == NULL || str_find(response, '\0') < response.n) {
		exchange_conclude(x, USERS_WHY_SYNTAX);
	} else if (x->phase != EXCHANGE_NAMED) {
		name(x, response);
		exchange_challenge(x, EXCHANGE_NAMED, STR("Password:"));
	} else if (!is_password(response)) {
		exchange_conclude(x, USERS_WHY_SYNTAX);
	} else {
		x->secret = response;
		exchange_prove(x, response, judge_password);
	}
}

/* --- digests of plain secrets: APOP and CRAM-MD5 --- */

/* RFC 1939 7: MD5 over timestamp and secret, in lower-case hexadecimal digits. */
static bool digest_fits(const struct exchange *x, const char *secret, struct str digest)
{
	uint8_t md5[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char text[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned n = 0;
	bool made = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 &&
		EVP_DigestUpdate(ctx, x->apop, strlen(x->apop)) == 1 &&
		EVP_DigestUpdate(ctx, secret, strlen(secret)) == 1 &&
		EVP_DigestFinal_ex(ctx, md5, &n) == 1;

	EVP_MD_CTX_free(ctx);
	for (unsigned i = 0; made && i < n; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", md5[i]);
	return made && secret_eq(str_of(text), digest);
}

static void judge_apop(struct exchange *x)
{
	char secret[HASH_STORED_MAX];
	bool right;

	if (!find_secret(x, secret))
		return;
	right = digest_fits(x, secret, x->secret);
	explicit_bzero(secret, sizeof(secret));
	x->secret = STR(""); /* it tells nothing of what was typed */
	exchange_conclude(x, exchange_verdict(x, right));
}

void apop_step(struct exchange *x, struct str response)
{
	struct str authzid, authcid;

	if (response.p == NULL || !read_plain(response, &authzid, &authcid, &x->secret) ||
		authzid.n > 0) {
		x->secret = STR("");
		exchange_conclude(x, USERS_WHY_SYNTAX);
		return;
	}
	name(x, authcid);
	exchange_prove(x, response, judge_apop);
}

static enum users_why why_of(const struct exchange *x, enum sasl_says says)
{
	switch (says) {
	case SASL_RIGHT: return exchange_verdict(x, true);
	case SASL_FAILED: return USERS_WHY_AWAY;
	case SASL_WRONG: return exchange_verdict(x, false);
	case SASL_MORE:
	case SASL_SYNTAX: break;
	}
	return USERS_WHY_SYNTAX;
}

static void judge_cram(struct exchange *x)
{
	char secret[HASH_STORED_MAX];
	enum sasl_says says = SASL_FAILED;
	struct str out;

	if (!find_secret(x, secret))
		return;
	if (sasl_give_password(x->sasl, secret))
		says = sasl_step(x->sasl, (struct str){ x->held, x->held_n }, &out);
	explicit_bzero(secret, sizeof(secret));
	exchange_conclude(x, why_of(x, says == SASL_SYNTAX ? SASL_WRONG : says));
}

/* RFC 2195 2: the server speaks first; the response is a name, a space and a digest. */
void cram_step(struct exchange *x, struct str response)
{
	size_t space = response.n;
	struct str challenge;

	if (x->phase == EXCHANGE_BEGUN && response.p == NULL) {
		if (sasl_step(x->sasl, STR(""), &challenge) == SASL_MORE)
			exchange_challenge(x, EXCHANGE_NAMED, challenge);
		else
			exchange_conclude(x, USERS_WHY_AWAY);
		return;
	}
	while (space > 0 && response.p[space - 1] != ' ')
		space--;
	if (x->phase != EXCHANGE_NAMED || response.n - space != 32 || space < 2 ||
		str_find(response, '\0') < response.n) {
		exchange_conclude(x, USERS_WHY_SYNTAX);
		return;
	}
	name(x, str_first(response, space - 1));
	exchange_prove(x, response, judge_cram);
}

/* --- SCRAM --- */

/* Salt and keys of nobody: steady, and of the shape that accounts here have. No password leads to them. */
static void keys_of_nobody(const struct exchange *x, struct str typed, struct scram *keys)
{
	struct str who = x->who.n > 0 ? subscriber_str(&x->who)
				      : str_first(typed, typed.n < 1024 ? typed.n : 1024);
	struct scram usual = { .iterations = SCRAM_ITERATIONS, .salt_n = SCRAM_SALT };
	uint8_t mac[CACHE_MAC];

	(void)!hash_scram(passwdfile_of_kind(x->users->file, HASH_SCRAM), &usual);
	*keys = (struct scram){ .iterations = usual.iterations,
		.salt_n = usual.salt_n < sizeof(mac) ? usual.salt_n : sizeof(mac) };
	cache_salt(x->users->cache, who, mac);
	memcpy(keys->salt, mac, keys->salt_n);
	cache_mac(x->users->cache, "stored key", who, STR(""), keys->stored_key);
	cache_mac(x->users->cache, "server key", who, STR(""), keys->server_key);
}

bool scram_named(void *owner, struct str typed, struct str authzid, struct scram *salt)
{
	struct exchange *x = owner;
	struct found found;

	name(x, typed);
	if (!acts_for_self(x, authzid) || users_find(x->users, &x->who, &found) != ERR_NONE)
		return false;
	exchange_note(x, &found);
	x->stored_keys = found.known && hash_scram(found.stored, &x->keys);
	if (!x->stored_keys)
		keys_of_nobody(x, typed, &x->keys);
	*salt = x->keys;
	return true;
}

static void judge_proof(struct exchange *x, bool known, const struct scram *keys)
{
	enum sasl_says says = SASL_FAILED;
	struct str out;

	x->known = x->known && known;
	if (sasl_give_keys(x->sasl, keys))
		says = sasl_step(x->sasl, (struct str){ x->held, x->held_n }, &out);
	x->why = why_of(x, says);
	if (x->why == USERS_WHY_NONE)
		exchange_challenge(x, EXCHANGE_JUDGED, out);
	else
		exchange_conclude(x, x->why);
}

static void on_derived(void *owner, const struct hash_job *j)
{
	struct exchange *x = owner;
	bool plain;

	x->job = NULL;
	if (j == NULL || !j->right) {
		exchange_conclude(x, USERS_WHY_AWAY);
		return;
	}
	plain = j->stored_n > 0; /* the secret was the account's own */
	judge_proof(x, plain || x->stored_keys, plain ? &j->keys : &x->keys);
}

/* While any account here stores a plain secret, whose keys have to be derived at each login, keys are derived
 * for every name, so that the time tells nothing. */
static void derive(struct exchange *x, const struct found *found)
{
	char nobody[2 * CACHE_MAC + 1];
	struct str plain = found->known ? hash_plain(found->stored) : STR("");

	secret_of_nobody(x, nobody);
	x->job = hashing_new(plain, plain.n > 0 ? plain : str_of(nobody));
	if (x->job != NULL) {
		x->job->derive = true;
		x->job->keys = x->keys;
		x->job->done = on_derived;
		x->job->owner = x;
	}
	if (x->job == NULL || !hashing_submit(&x->users->hashing, x->job)) {
		x->job = NULL;
		exchange_conclude(x, USERS_WHY_AWAY);
	}
}

static void judge_scram(struct exchange *x)
{
	struct found found;

	if (!exchange_find(x, &found))
		return;
	if (users_have(x->users, HASH_PLAIN))
		derive(x, &found);
	else
		judge_proof(x, x->stored_keys, &x->keys);
}

void scram_step(struct exchange *x, struct str response)
{
	enum sasl_says says;
	struct str out;

	if (!is_there(x, response))
		return;
	if (x->phase == EXCHANGE_NAMED) {
		exchange_prove(x, response, judge_scram);
		return;
	}
	says = sasl_step(x->sasl, response, &out);
	if (says == SASL_MORE)
		exchange_challenge(x, EXCHANGE_NAMED, out);
	else if (x->users->file == NULL)
		exchange_conclude(x, USERS_WHY_AWAY);
	else
		exchange_conclude(x, says == SASL_WRONG ? USERS_WHY_PASSWORD : USERS_WHY_SYNTAX);
}
