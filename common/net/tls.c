/* tls.c - see tls.h: one connection. OpenSSL's state machine between two buffers of the caller's. */
#include "common/net/tls_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "common/base/addr.h"

#define CARRY_MAX (1 << 18) /* octets; a caller that minds tls_waiting() stays far below */
#define PIECE 16384 /* octets of a record, RFC 8446 5.1 */

/* --- the BIO --- */

static int on_bio_read(BIO *bio, char *dst, size_t max, size_t *n)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	*n = t->src.n < max ? t->src.n : max;
	if (*n == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	memcpy(dst, t->src.p, *n);
	t->src = str_from(t->src, *n);
	return 1;
}

static int on_bio_write(BIO *bio, const char *src, size_t size, size_t *n)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	buf_add(t->wire, (struct str){ src, size });
	*n = size;
	return !t->wire->broken;
}

static long on_bio_ctrl(BIO *bio, int command, long number, void *p)
{
	(void)bio;
	(void)number;
	(void)p;
	return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "buffers");

	if (m != NULL) {
		BIO_meth_set_read_ex(m, on_bio_read);
		BIO_meth_set_write_ex(m, on_bio_write);
		BIO_meth_set_ctrl(m, on_bio_ctrl);
	}
	return m;
}

/* --- birth and death --- */

static bool set_bio(struct tls *t)
{
	BIO *bio = BIO_new(t->context->bio);

	if (bio == NULL)
		return false;
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	return true;
}

/* RFC 6066 3: no address is ever asked for by name; it is verified all the same. */
static bool set_peer(struct tls *t, const char *peer)
{
	struct addr a;

	SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (addr_parse(str_of(peer), &a))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), peer) == 1;
	return SSL_set1_host(t->ssl, peer) == 1 && SSL_set_tlsext_host_name(t->ssl, peer) == 1;
}

static bool prepare(struct tls *t, const char *peer)
{
	t->ssl = SSL_new(t->context->at[0].ssl);
	if (t->ssl == NULL || !set_bio(t))
		return false;
	SSL_set_app_data(t->ssl, t);
	if (t->context->client)
		SSL_set_connect_state(t->ssl);
	else
		SSL_set_accept_state(t->ssl);
	return peer == NULL || !t->context->client || set_peer(t, peer);
}

enum err tls_open(struct tls **out, struct tls_context *c, const char *peer)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return ERR_NOMEM;
	t->context = c;
	buf_init(&t->carry, CARRY_MAX);
	if (!prepare(t, peer)) {
		tls_close(&t);
		return ERR_NOMEM;
	}
	*out = t;
	return ERR_NONE;
}

void tls_close(struct tls **t)
{
	if (*t == NULL)
		return;
	SSL_free((*t)->ssl);
	buf_free(&(*t)->carry);
	explicit_bzero(*t, sizeof(**t));
	free(*t);
	*t = NULL;
}

/* --- receiving --- */

static enum tls_says fail(struct tls *t)
{
	long verdict = SSL_get_verify_result(t->ssl);
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	if (t->wire->broken)
		reason = "too much waits to be sent";
	else if (t->context->client && verdict != X509_V_OK && !t->ready)
		reason = X509_verify_cert_error_string(verdict);
	t->error = reason != NULL ? reason : "out of sequence";
	ERR_clear_error();
	return TLS_FAILED;
}

/* What a call of OpenSSL that did not succeed means. */
static enum tls_says verdict_of(struct tls *t, int result)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ: return TLS_FINE;
	case SSL_ERROR_ZERO_RETURN: return TLS_ENDED;
	default: return fail(t);
	}
}

static void gather_facts(struct tls *t)
{
	struct tls_facts *f = &t->facts;

	f->version = SSL_get_version(t->ssl);
	f->cipher = SSL_CIPHER_get_name(SSL_get_current_cipher(t->ssl));
	f->resumed = SSL_session_reused(t->ssl) == 1;
	f->verified = t->context->client && SSL_get0_peer_certificate(t->ssl) != NULL &&
		SSL_get_verify_result(t->ssl) == X509_V_OK;
	f->has_exporter = SSL_version(t->ssl) == TLS1_3_VERSION;
}

static enum tls_says shake(struct tls *t)
{
	int result = SSL_do_handshake(t->ssl);

	if (result != 1)
		return verdict_of(t, result);
	gather_facts(t);
	t->ready = true;
	return TLS_FINE;
}

/* No more than this can come of what is at hand: never reserves room for octets that are not there. */
static size_t at_hand(const struct tls *t)
{
	size_t n = t->src.n + (size_t)SSL_pending(t->ssl);

	return n < PIECE ? n : PIECE;
}

static enum tls_says open_records(struct tls *t, struct buf *in)
{
	size_t want, got;
	char *at;
	int result;

	while (buf_room(in) > 0 && at_hand(t) > 0) {
		want = at_hand(t) < buf_room(in) ? at_hand(t) : buf_room(in);
		at = buf_reserve(in, want);
		if (at == NULL) {
			t->error = "out of memory";
			return TLS_FAILED;
		}
		result = SSL_read_ex(t->ssl, at, want, &got);
		if (result != 1)
			return verdict_of(t, result);
		buf_grew(in, got);
	}
	return TLS_FINE;
}

static void keep_the_rest(struct tls *t)
{
	if (t->carry.len > 0)
		buf_take(&t->carry, t->carry.len - t->src.n);
	else
		buf_add(&t->carry, t->src);
	buf_trim(&t->carry);
	t->src = STR("");
}

enum tls_says tls_receive(struct tls *t, struct str cipher, struct buf *in, struct buf *wire)
{
	enum tls_says says = TLS_FINE;

	if (t->error != NULL)
		return TLS_FAILED;
	t->wire = wire;
	t->src = cipher;
	if (t->carry.len > 0) {
		buf_add(&t->carry, cipher);
		t->src = buf_str(&t->carry);
	}
	ERR_clear_error();
	if (!t->ready)
		says = shake(t);
	if (t->ready && says == TLS_FINE)
		says = open_records(t, in);
	keep_the_rest(t);
	if (t->carry.broken && says == TLS_FINE)
		says = fail(t);
	t->wire = NULL;
	return says;
}

bool tls_ready(const struct tls *t)
{
	return t->ready;
}

bool tls_waiting(const struct tls *t)
{
	return t->error == NULL && (t->carry.len > 0 || SSL_pending(t->ssl) > 0);
}

/* --- saying --- */

void tls_seal(struct tls *t, struct buf *out, struct buf *wire)
{
	size_t n;

	if (out->len == 0)
		return;
	t->wire = wire;
	ERR_clear_error();
	if (t->error == NULL &&
		SSL_write_ex(t->ssl, buf_str(out).p, out->len, &n) != 1) /* never in part */
		(void)fail(t);
	buf_clear(out);
	buf_trim(out);
	t->wire = NULL;
}

void tls_end(struct tls *t, struct buf *wire)
{
	if (t->error != NULL || !t->ready || (SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN) != 0)
		return;
	t->wire = wire;
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl); /* it waits for the peer's, we do not */
	ERR_clear_error();
	t->wire = NULL;
}

const struct tls_facts *tls_facts(const struct tls *t)
{
	return &t->facts;
}

/* RFC 9266 4.2: the label, no context, 32 octets. */
bool tls_exporter(const struct tls *t, uint8_t *dst)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	bool done = t->ready && t->facts.has_exporter &&
		SSL_export_keying_material(
			t->ssl, dst, TLS_EXPORTER, label, sizeof(label) - 1, NULL, 0, 0) == 1;

	ERR_clear_error();
	return done;
}

const char *tls_error(const struct tls *t)
{
	return t->error;
}
