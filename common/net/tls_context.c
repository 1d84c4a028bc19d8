/* tls_context.c - see tls.h: certificates, versions, ciphers, tickets, names. Call-backs of OpenSSL end in
 * on_: each finds its context as its argument, or its connection as the SSL's data. */
#include "common/net/tls_private.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/material.h"
#include "common/base/secret.h"

/* Forward secrecy always, AEAD first; CBC only for devices that know no better. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:!PSK:!SRP:!MD5:!CAMELLIA:!ARIA"
/* TLS 1.3: 128 bits are as safe as its 256 here, and SHA-256 costs a handshake a tenth less than SHA-384. */
#define SUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384"
#define LEVEL 2 /* 112 bits: RSA of 2048; SSL_CTX_set_security_level(3) */

/* --- what both sides have in common --- */

static SSL_CTX *new_ssl(const struct tls_context *c)
{
	SSL_CTX *ssl = SSL_CTX_new(c->client ? TLS_client_method() : TLS_server_method());

	if (ssl == NULL)
		return NULL;
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ssl,
		SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_security_level(ssl, LEVEL);
	if (SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_ciphersuites(ssl, SUITES) != 1 ||
		SSL_CTX_set_cipher_list(ssl, CIPHERS) != 1 ||
		SSL_CTX_set1_groups_list(ssl, GROUPS) != 1) {
		SSL_CTX_free(ssl);
		return NULL;
	}
	return ssl;
}

static enum err new_context(struct tls_context **out, bool client, const char *protocol)
{
	struct tls_context *c = calloc(1, sizeof(*c));
	size_t n = protocol != NULL ? strlen(protocol) : 0;

	if (c == NULL)
		return ERR_NOMEM;
	c->client = client;
	c->bio = tls_bio_method();
	if (c->bio == NULL || n > 255) {
		tls_context_close(&c);
		return ERR_NOMEM;
	}
	c->alpn[0] = (unsigned char)n;
	memcpy(c->alpn + 1, n > 0 ? protocol : "", n);
	c->alpn_n = n > 0 ? (unsigned)n + 1 : 0;
	*out = c;
	return ERR_NONE;
}

void tls_context_close(struct tls_context **c)
{
	if (*c == NULL)
		return;
	for (size_t i = 0; i < (*c)->n; i++) {
		free((*c)->at[i].name);
		SSL_CTX_free((*c)->at[i].ssl);
	}
	BIO_meth_free((*c)->bio);
	free(*c);
	*c = NULL;
}

/* --- the server's call-backs --- */

/* RFC 7301 3.2: a client that offers protocols and not ours meant somebody else. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n,
	const unsigned char *offered, unsigned n, void *arg)
{
	const struct tls_context *c = arg;

	(void)ssl;
	for (unsigned i = 0; i < n && i + offered[i] < n; i += 1U + offered[i]) {
		if (offered[i] != c->alpn[0] ||
			memcmp(offered + i + 1, c->alpn + 1, c->alpn[0]) != 0)
			continue;
		*out = offered + i + 1;
		*out_n = offered[i];
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool name_is(const char *name, struct str asked)
{
	return name[0] != '\0' && str_eq_nocase(str_of(name), asked);
}

/* The place of the certificate for that name: itself, then "*." for its first label, then the default. */
static size_t place_of(const struct tls_context *c, struct str asked)
{
	struct str label, rest;

	for (size_t i = 0; i < c->n; i++)
		if (name_is(c->at[i].name, asked))
			return i;
	if (!str_split(asked, '.', &label, &rest))
		return 0;
	for (size_t i = 0; i < c->n; i++)
		if (c->at[i].name[0] == '*' && name_is(c->at[i].name + 2, rest))
			return i;
	return 0;
}

static int on_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_context *c = arg;
	struct tls *t = SSL_get_app_data(ssl);
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	size_t place;

	(void)alert;
	if (asked == NULL || !str_to_cstr(str_of(asked), t->facts.sni, sizeof(t->facts.sni)))
		return SSL_TLSEXT_ERR_NOACK;
	place = place_of(c, str_of(asked));
	if (place > 0 && SSL_set_SSL_CTX(ssl, c->at[place].ssl) == NULL)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

static bool set_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int seal_ticket(const struct tickets *tickets, unsigned char *name, unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct ticket_key key;
	bool done;

	tickets_current(tickets, &key);
	memcpy(name, key.name, TICKET_NAME);
	secret_random(iv, 16);
	done = set_mac(mac, &key) &&
		EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv) == 1;
	explicit_bzero(&key, sizeof(key));
	return done ? 1 : -1;
}

/* 0: no such key, a full handshake follows; 2: good, and to be renewed, as each is with TLS 1.3, where
 * clients use a ticket once (RFC 8446 C.4). */
static int open_ticket(const struct tls *t, const unsigned char *name, const unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct ticket_key key;
	bool current, done;

	if (!tickets_find(t->context->tickets, name, &key, &current))
		return 0;
	done = set_mac(mac, &key) &&
		EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv) == 1;
	explicit_bzero(&key, sizeof(key));
	if (!done)
		return -1;
	return current && SSL_version(t->ssl) != TLS1_3_VERSION ? 1 : 2;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int sealing)
{
	const struct tls *t = SSL_get_app_data(ssl);

	return sealing ? seal_ticket(t->context->tickets, name, iv, cipher, mac)
		       : open_ticket(t, name, iv, cipher, mac);
}

/* --- a server's certificates --- */

/* Keys with a passphrase were refused when the config was read; nothing may ask at a terminal. */
static int on_passphrase(char *dst, int size, int writing, void *arg)
{
	(void)dst;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static bool use_chain(SSL_CTX *ssl, BIO *pem)
{
	X509 *x = PEM_read_bio_X509(pem, NULL, on_passphrase, NULL);
	bool fine = x != NULL && SSL_CTX_use_certificate(ssl, x) == 1;

	X509_free(x);
	while (fine && (x = PEM_read_bio_X509(pem, NULL, on_passphrase, NULL)) != NULL) {
		fine = SSL_CTX_add0_chain_cert(ssl, x) == 1;
		if (!fine)
			X509_free(x);
	}
	ERR_clear_error();
	return fine;
}

static bool use_key(SSL_CTX *ssl, BIO *pem)
{
	EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, on_passphrase, NULL);
	bool fine = key != NULL && SSL_CTX_use_PrivateKey(ssl, key) == 1;

	EVP_PKEY_free(key);
	return fine;
}

static BIO *pem_of(struct str text)
{
	return text.n > 0 && text.n <= MATERIAL_MAX ? BIO_new_mem_buf(text.p, (int)text.n) : NULL;
}

static bool use_material(SSL_CTX *ssl, const struct material *m)
{
	BIO *chain = pem_of(m->chain), *key = pem_of(m->key);
	bool fine = chain != NULL && key != NULL && use_chain(ssl, chain) && use_key(ssl, key) &&
		SSL_CTX_check_private_key(ssl) == 1;

	BIO_free(chain);
	BIO_free(key);
	return fine;
}

/* Sessions of one protocol are none of another's (RFC 8446 4.6.1 leaves it to us to tell). One ticket a
 * handshake: a mail program keeps one session a server. */
static bool set_sessions(SSL_CTX *ssl, const struct tls_context *c)
{
	if (c->tickets == NULL) {
		SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
		return SSL_CTX_set_num_tickets(ssl, 0) == 1;
	}
	SSL_CTX_set_timeout(ssl, TICKETS_LIFE_S);
	return SSL_CTX_set_num_tickets(ssl, 1) == 1 &&
		SSL_CTX_set_session_id_context(ssl, c->alpn, c->alpn_n < 32 ? c->alpn_n : 32) ==
		1 &&
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, on_ticket) == 1;
}

static enum err add_certificate(struct tls_context *c, const struct material *m)
{
	SSL_CTX *ssl;

	if (c->n == TLS_NAMES_MAX)
		return ERR_LIMIT;
	ssl = new_ssl(c);
	if (ssl == NULL)
		return ERR_NOMEM;
	c->at[c->n].ssl = ssl;
	c->at[c->n++].name = str_dup(m->name);
	if (c->at[c->n - 1].name == NULL)
		return ERR_NOMEM;
	if (!use_material(ssl, m) || !set_sessions(ssl, c)) {
		ERR_clear_error();
		return ERR_SYNTAX;
	}
	SSL_CTX_set_alpn_select_cb(ssl, on_alpn, c);
	SSL_CTX_set_tlsext_servername_callback(ssl, on_name);
	SSL_CTX_set_tlsext_servername_arg(ssl, c);
	return ERR_NONE;
}

enum err tls_server_open(struct tls_context **out, const struct tls_server *s)
{
	struct tls_context *c;
	struct str rest = s->material;
	struct material m;
	enum err e = new_context(&c, false, s->protocol);

	if (e != ERR_NONE)
		return e;
	c->tickets = s->tickets;
	while (e == ERR_NONE && rest.n > 0)
		e = material_cut(&rest, &m) ? add_certificate(c, &m) : ERR_SYNTAX;
	if (e == ERR_NONE && c->n == 0)
		e = ERR_SYNTAX;
	if (e == ERR_NONE)
		*out = c;
	else
		tls_context_close(&c);
	return e;
}

/* --- a client --- */

static bool trust(SSL_CTX *ssl, const char *ca)
{
	struct stat st;

	if (ca == NULL || ca[0] == '\0')
		return SSL_CTX_set_default_verify_paths(ssl) == 1;
	if (stat(ca, &st) != 0)
		return false;
	return S_ISDIR(st.st_mode) ? SSL_CTX_load_verify_dir(ssl, ca) == 1
				   : SSL_CTX_load_verify_file(ssl, ca) == 1;
}

enum err tls_client_open(struct tls_context **out, const struct tls_client *s)
{
	struct tls_context *c;
	SSL_CTX *ssl;
	enum err e = new_context(&c, true, s->protocol);

	if (e != ERR_NONE)
		return e;
	ssl = new_ssl(c);
	c->at[0].ssl = ssl;
	c->n = 1;
	if (ssl == NULL)
		e = ERR_NOMEM;
	else if (!trust(ssl, s->ca))
		e = ERR_ABSENT;
	else if (c->alpn_n > 0 && SSL_CTX_set_alpn_protos(ssl, c->alpn, c->alpn_n) != 0)
		e = ERR_NOMEM;
	ERR_clear_error();
	if (e != ERR_NONE) {
		tls_context_close(&c);
		return e;
	}
	SSL_CTX_set_verify(ssl, s->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (!s->verify)
		SSL_CTX_set_security_level(ssl, LEVEL - 1); /* the other choice is no TLS at all */
	*out = c;
	return ERR_NONE;
}
