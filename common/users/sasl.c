/* sasl.c - see sasl.h. GNU SASL asks for what it lacks by a call-back; everything but SCRAM's salt is
 * given to it beforehand. */
#include "common/users/sasl.h"

#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/line/base64.h"

struct sasl {
	Gsasl *library;
};

struct sasl_session {
	Gsasl_session *gsasl; /* owned */
	enum sasl_mechanism mechanism;
	bool begun; /* the first response was judged */
	bool bound; /* -PLUS was offered */
	bool refused; /* the owner does not want the name that came */
	char *out; /* owned: what the last step said */
	sasl_named *named;
	void *owner;
};

/* --- what GNU SASL asks --- */

static bool set_octets(Gsasl_session *g, Gsasl_property property, const uint8_t *octets, size_t n)
{
	struct buf text;
	int code = GSASL_MALLOC_ERROR;

	buf_init(&text, 256);
	base64_add(&text, (struct str){ (const char *)octets, n });
	if (!text.broken)
		code = gsasl_property_set_raw(g, property, buf_str(&text).p, text.len);
	buf_free(&text);
	return code == GSASL_OK;
}

static struct str property_of(Gsasl_session *g, Gsasl_property property)
{
	const char *text = gsasl_property_fast(g, property);

	return text != NULL ? str_of(text) : STR("");
}

/* Of SCRAM's properties the iterations are asked for first; the salt comes with them. */
static int name_subscriber(struct sasl_session *x)
{
	struct scram salt = { 0 };
	char iterations[16];

	x->refused = !x->named(x->owner, property_of(x->gsasl, GSASL_AUTHID),
		property_of(x->gsasl, GSASL_AUTHZID), &salt);
	if (x->refused)
		return GSASL_AUTHENTICATION_ERROR;
	snprintf(iterations, sizeof(iterations), "%u", salt.iterations);
	if (gsasl_property_set(x->gsasl, GSASL_SCRAM_ITER, iterations) != GSASL_OK ||
		!set_octets(x->gsasl, GSASL_SCRAM_SALT, salt.salt, salt.salt_n))
		return GSASL_MALLOC_ERROR;
	return GSASL_OK;
}

static int on_property(Gsasl *library, Gsasl_session *g, Gsasl_property property)
{
	struct sasl_session *x = gsasl_session_hook_get(g);

	(void)library;
	return property == GSASL_SCRAM_ITER ? name_subscriber(x) : GSASL_NO_CALLBACK;
}

/* --- begin and end --- */

enum err sasl_open(struct sasl **out)
{
	struct sasl *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return ERR_NOMEM;
	if (gsasl_init(&s->library) != GSASL_OK) {
		free(s);
		return ERR_NOMEM;
	}
	gsasl_callback_set(s->library, on_property);
	*out = s;
	return ERR_NONE;
}

void sasl_close(struct sasl **s)
{
	if (*s == NULL)
		return;
	gsasl_done((*s)->library);
	free(*s);
	*s = NULL;
}

static bool give_facts(struct sasl_session *x, const struct sasl_facts *facts)
{
	x->bound = facts->bound;
	return gsasl_property_set(x->gsasl, GSASL_SERVICE, facts->service) == GSASL_OK &&
		gsasl_property_set(x->gsasl, GSASL_HOSTNAME, facts->hostname) == GSASL_OK &&
		(x->mechanism != SASL_SCRAM_PLUS ||
			set_octets(x->gsasl, GSASL_CB_TLS_EXPORTER,
				(const uint8_t *)facts->binding.p, facts->binding.n));
}

enum err sasl_begin(struct sasl_session **out, struct sasl *s, enum sasl_mechanism mechanism,
	const struct sasl_facts *facts, sasl_named *named, void *owner)
{
	static const char *const names[] = { "CRAM-MD5", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS" };
	struct sasl_session *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return ERR_NOMEM;
	x->mechanism = mechanism;
	x->named = named;
	x->owner = owner;
	if (gsasl_server_start(s->library, names[mechanism], &x->gsasl) != GSASL_OK) {
		free(x);
		return ERR_NOMEM;
	}
	gsasl_session_hook_set(x->gsasl, x);
	if (!give_facts(x, facts)) {
		sasl_end(&x);
		return ERR_NOMEM;
	}
	*out = x;
	return ERR_NONE;
}

/* The library frees what it was given without a thought for what it was. */
static void wipe(Gsasl_session *g, Gsasl_property property)
{
	const char *text = gsasl_property_fast(g, property);

	if (text != NULL)
		explicit_bzero((char *)(uintptr_t)text, strlen(text));
}

void sasl_end(struct sasl_session **x)
{
	if (*x == NULL)
		return;
	wipe((*x)->gsasl, GSASL_PASSWORD);
	wipe((*x)->gsasl, GSASL_SCRAM_STOREDKEY);
	wipe((*x)->gsasl, GSASL_SCRAM_SERVERKEY);
	gsasl_finish((*x)->gsasl);
	gsasl_free((*x)->out);
	free(*x);
	*x = NULL;
}

bool sasl_give_password(struct sasl_session *x, const char *password)
{
	return gsasl_property_set(x->gsasl, GSASL_PASSWORD, password) == GSASL_OK;
}

bool sasl_give_keys(struct sasl_session *x, const struct scram *keys)
{
	return set_octets(x->gsasl, GSASL_SCRAM_STOREDKEY, keys->stored_key, SCRAM_KEY) &&
		set_octets(x->gsasl, GSASL_SCRAM_SERVERKEY, keys->server_key, SCRAM_KEY);
}

/* --- steps --- */

/* RFC 5802 6: with a binding it must be the one that was offered (RFC 9266); without one, a client that
 * could bind and believes that we cannot ("y") was lied to if we offered it. */
static bool flag_is_right(const struct sasl_session *x, struct str response)
{
	if (x->mechanism == SASL_SCRAM_PLUS)
		return str_starts_nocase(response, STR("p=tls-exporter,")) && response.p[0] == 'p';
	return response.n > 1 && response.p[1] == ',' &&
		(response.p[0] == 'n' || (response.p[0] == 'y' && !x->bound));
}

static enum sasl_says says_of(int code)
{
	switch (code) {
	case GSASL_OK: return SASL_RIGHT;
	case GSASL_NEEDS_MORE: return SASL_MORE;
	case GSASL_AUTHENTICATION_ERROR: return SASL_WRONG;
	case GSASL_MALLOC_ERROR:
	case GSASL_CRYPTO_ERROR: return SASL_FAILED;
	default: return SASL_SYNTAX;
	}
}

enum sasl_says sasl_step(struct sasl_session *x, struct str response, struct str *out)
{
	size_t n = 0;
	int code;

	gsasl_free(x->out);
	x->out = NULL;
	*out = STR("");
	if (str_find(response, '\0') < response.n ||
		(x->mechanism != SASL_CRAM_MD5 && !x->begun && !flag_is_right(x, response)))
		return SASL_SYNTAX;
	x->begun = true;
	code = gsasl_step(x->gsasl, response.p, response.n, &x->out, &n);
	if (x->refused) /* the library goes on all the same, with a salt of its own */
		return SASL_WRONG;
	if (code == GSASL_OK || code == GSASL_NEEDS_MORE)
		*out = (struct str){ x->out != NULL ? x->out : "", n };
	return says_of(code);
}

struct str sasl_prepare(struct str password, char *dst)
{
	char *made = NULL;
	bool fits = str_to_cstr(password, dst, SASL_PREPARED_MAX) &&
		gsasl_saslprep(dst, GSASL_ALLOW_UNASSIGNED, &made, NULL) == GSASL_OK;

	fits = fits && made[0] != '\0' && str_to_cstr(str_of(made), dst, SASL_PREPARED_MAX);
	if (made != NULL)
		explicit_bzero(made, strlen(made));
	gsasl_free(made);
	return fits ? str_of(dst) : password;
}
