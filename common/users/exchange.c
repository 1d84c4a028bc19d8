/* exchange.c - the life of an exchange, whatever its mechanism:
 *
 *	begin -> (response -> challenge)* -> proof -> [wait] -> judge -> [job] -> conclude -> [wait] -> answer
 *
 * Each proof works on copies, so that the file may be swapped and the exchange ended while a hash is being
 * computed. A proof of who has failed before waits first, unless he is at home where he asks from: then
 * only a wrong one waits. */
#include <assert.h>
#include <stdlib.h>

#include "common/users/users_private.h"

enum needs {
	NEEDS_SECURE = 1, /* it sends the password */
	NEEDS_PLAIN = 2, /* an account with a plain secret */
	NEEDS_KEYS = 4, /* or one with SCRAM's keys */
	NEEDS_BINDING = 8,
	NEEDS_APOP = 16, /* a greeting's timestamp; it is no mechanism of SASL */
	NEEDS_SASL = 32, /* GNU SASL does it */
};

/* In the order of announcing. CRAM-MD5 comes last: with most accounts it cannot succeed. */
/* clang-format off */
static const struct mechanism mechanisms[] = {
	{ "SCRAM-SHA-256-PLUS", NEEDS_SASL | NEEDS_KEYS | NEEDS_BINDING, SASL_SCRAM_PLUS, scram_step },
	{ "SCRAM-SHA-256",      NEEDS_SASL | NEEDS_KEYS,                 SASL_SCRAM,      scram_step },
	{ "PLAIN",              NEEDS_SECURE,                            0,               plain_step },
	{ "LOGIN",              NEEDS_SECURE,                            0,               login_step },
	{ "CRAM-MD5",           NEEDS_SASL | NEEDS_PLAIN,                SASL_CRAM_MD5,   cram_step },
	{ "APOP",               NEEDS_APOP | NEEDS_PLAIN,                0,               apop_step },
	{ NULL, 0, 0, NULL },
};
/* clang-format on */

/* --- what there is --- */

static const struct mechanism *mechanism_named(const char *name)
{
	for (const struct mechanism *m = mechanisms; m->name != NULL; m++)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

static bool accounts_can(const struct users *u, const struct mechanism *m)
{
	bool plain = users_have(u, HASH_PLAIN);

	if ((m->needs & NEEDS_PLAIN) != 0)
		return plain;
	return (m->needs & NEEDS_KEYS) == 0 || plain || users_have(u, HASH_SCRAM);
}

static enum err allowed(
	const struct users *u, const struct mechanism *m, const struct users_facts *facts)
{
	if (m == NULL || !accounts_can(u, m) ||
		((m->needs & NEEDS_BINDING) != 0 && facts->binding == NULL) ||
		((m->needs & NEEDS_APOP) != 0 && facts->apop.n == 0))
		return ERR_ABSENT;
	return (m->needs & NEEDS_SECURE) != 0 && !facts->secure ? ERR_DENIED : ERR_NONE;
}

char *users_mechanisms(const struct users *u, const struct users_facts *facts, char *dst)
{
	size_t n = 0;

	for (const struct mechanism *m = mechanisms; m->name != NULL; m++) {
		size_t more = strlen(m->name);

		if ((m->needs & NEEDS_APOP) != 0 || allowed(u, m, facts) != ERR_NONE)
			continue;
		assert(n + more + 2 <= USERS_MECHANISMS_TEXT);
		if (n > 0)
			dst[n++] = ' ';
		memcpy(dst + n, m->name, more);
		n += more;
	}
	dst[n] = '\0';
	return dst;
}

/* --- begin and end --- */

static enum err begin_sasl(struct exchange *x, const struct users_facts *facts)
{
	uint8_t octets[USERS_BINDING];
	const bool binds = (x->mechanism->needs & NEEDS_BINDING) != 0;
	const struct sasl_facts of_sasl = {
		.service = facts->service != NULL ? facts->service : "mail",
		.hostname = facts->hostname != NULL ? facts->hostname : "localhost",
		.bound = facts->binding != NULL,
		.binding = { (const char *)octets, binds ? sizeof(octets) : 0 },
	};

	if (binds && !facts->binding(facts->bound, octets))
		return ERR_NOMEM;
	return sasl_begin(&x->sasl, x->users->sasl, x->mechanism->sasl, &of_sasl, scram_named, x);
}

enum err users_begin(struct exchange **out, struct users *u, const char *mechanism,
	const struct users_facts *facts, users_heard *heard, void *owner)
{
	const struct mechanism *m = mechanism_named(mechanism);
	enum err e = allowed(u, m, facts);
	struct exchange *x;

	if (e != ERR_NONE)
		return e;
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return ERR_NOMEM;
	*x = (struct exchange){
		.users = u, .mechanism = m, .heard = heard, .owner = owner, .client = facts->client
	};
	if ((m->needs & NEEDS_SASL) != 0)
		e = begin_sasl(x, facts);
	if ((m->needs & NEEDS_APOP) != 0 && (x->apop = str_dup(facts->apop)) == NULL)
		e = ERR_NOMEM;
	if (e == ERR_NONE)
		*out = x;
	else
		users_end(&x);
	return e;
}

static void drop_held(struct exchange *x)
{
	if (x->held != NULL)
		explicit_bzero(x->held, x->held_n);
	free(x->held);
	x->held = NULL;
	x->secret = STR("");
}

void users_end(struct exchange **x)
{
	if (*x == NULL)
		return;
	hashing_disown(&(*x)->job);
	if ((*x)->wait != NULL)
		(*x)->users->lent.timer.stop(&(*x)->wait);
	drop_held(*x);
	sasl_end(&(*x)->sasl);
	free((*x)->apop);
	explicit_bzero(*x, sizeof(**x));
	free(*x);
	*x = NULL;
}

/* --- responses --- */

void users_step(struct exchange *x, struct str response)
{
	assert(x->job == NULL &&
		x->wait == NULL); /* its owner asks nothing while it has no answer */
	if (response.n > USERS_RESPONSE_MAX) {
		exchange_conclude(x, USERS_WHY_SYNTAX);
	} else if (x->phase == EXCHANGE_JUDGED) {
		exchange_conclude(x, response.n > 0 ? USERS_WHY_SYNTAX : x->why);
	} else {
		x->mechanism->step(x, response);
	}
}

void exchange_challenge(struct exchange *x, enum exchange_phase next, struct str challenge)
{
	x->phase = next;
	x->heard(
		x->owner, &(struct users_answer){ .says = USERS_CONTINUE, .challenge = challenge });
}

/* The first look is what the proof is about, whatever the file says at its end. */
void exchange_note(struct exchange *x, const struct found *found)
{
	if (found->known && fingerprint_is_none(&x->account))
		x->account = users_print(x->users, &x->who, found);
}

bool exchange_find(struct exchange *x, struct found *out)
{
	if (users_find(x->users, &x->who, out) != ERR_NONE) {
		exchange_conclude(x, USERS_WHY_AWAY);
		return false;
	}
	x->known = out->known;
	x->disabled = out->disabled;
	exchange_note(x, out);
	return true;
}

/* A right password for a disabled account still says only to the log that it was right. */
enum users_why exchange_verdict(const struct exchange *x, bool right)
{
	if (!x->known)
		return USERS_WHY_UNKNOWN;
	if (!right)
		return USERS_WHY_PASSWORD;
	return x->disabled ? USERS_WHY_DISABLED : USERS_WHY_NONE;
}

/* --- waiting --- */

static bool wait_for(struct exchange *x, int64_t ms, void (*fn)(void *owner))
{
	const struct users_timer *t = &x->users->lent.timer;

	return t->start != NULL && t->start(t->ctx, ms, fn, x, &x->wait);
}

static int64_t delay_of(const struct exchange *x, bool *trusted)
{
	const struct users_penalties *p = &x->users->lent.penalties;

	*trusted = false;
	return p->delay != NULL ? p->delay(p->ctx, x->client, &x->who, trusted) : 0;
}

static void on_due(void *owner)
{
	struct exchange *x = owner;

	x->wait = NULL;
	x->judge(x);
}

void exchange_prove(struct exchange *x, struct str response, void (*judge)(struct exchange *x))
{
	bool trusted;
	int64_t ms = delay_of(x, &trusted);
	size_t at = x->secret.n > 0 ? (size_t)(x->secret.p - response.p) : 0;

	x->held = malloc(response.n + 1);
	if (x->held == NULL) {
		exchange_conclude(x, USERS_WHY_AWAY);
		return;
	}
	memcpy(x->held, response.p, response.n);
	x->held[response.n] = '\0';
	x->held_n = response.n;
	x->secret.p = x->held + at;
	x->judge = judge;
	x->late_ms = trusted ? ms : 0;
	if (ms == 0 || trusted)
		judge(x);
	else if (!wait_for(x, ms, on_due))
		exchange_conclude(x, USERS_WHY_AWAY);
}

/* --- the answer --- */

static void answer(struct exchange *x)
{
	struct users_answer a = { .says = x->why == USERS_WHY_NONE ? USERS_OK : USERS_FAIL,
		.why = x->why,
		.who = x->who,
		.account = x->account };

	drop_held(x);
	x->heard(x->owner, &a);
}

static void on_answer_due(void *owner)
{
	struct exchange *x = owner;

	x->wait = NULL;
	answer(x);
}

static uint64_t fingerprint(const struct exchange *x)
{
	uint8_t mac[CACHE_MAC];
	uint64_t word;

	if (x->secret.n == 0)
		return 0;
	cache_mac(x->users->cache, "wrong", subscriber_str(&x->who), x->secret, mac);
	memcpy(&word, mac, sizeof(word));
	return word == 0 ? 1 : word;
}

static void report(const struct exchange *x)
{
	const struct users_penalties *p = &x->users->lent.penalties;

	if (x->known && x->why == USERS_WHY_PASSWORD)
		cache_drop(x->users->cache, &x->who);
	if (p->failed != NULL)
		p->failed(p->ctx, x->client, &x->who, fingerprint(x));
}

void exchange_conclude(struct exchange *x, enum users_why why)
{
	x->why = why;
	if (why == USERS_WHY_UNKNOWN || why == USERS_WHY_PASSWORD || why == USERS_WHY_DISABLED) {
		report(x);
		if (x->late_ms > 0 && wait_for(x, x->late_ms, on_answer_due))
			return;
	}
	answer(x);
}

/* --- small things --- */

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
