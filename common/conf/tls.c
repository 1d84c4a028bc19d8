/* tls.c - see tls.h. Whatever OpenSSL would object to in a worker is found here, where the operator is told
 * which line of the config it is about. */
#include "common/conf/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "common/base/material.h"

#define FILE_MAX (256 << 10) /* octets of a chain or a key */
#define NAMES_MAX 63 /* sni sections */
#define BITS_MIN 112 /* of security: RSA of 2048 (NIST SP 800-57) */

/* One certificate while it is looked at. */
struct look {
	struct conf_section section;
	struct buf *complaints;
	struct buf chain, key; /* the files */
	X509 *leaf;
	EVP_PKEY *private;
};

bool tls_configured(struct conf *c)
{
	return conf_text(conf_section(conf_root(c), "tls", 0), "certificate").n > 0;
}

/* Nothing may ask for a passphrase at a terminal. */
static int on_passphrase(char *dst, int size, int writing, void *arg)
{
	(void)dst;
	(void)size;
	(void)writing;
	*(bool *)arg = true;
	return -1;
}

static void complain(struct look *l, const char *option, const char *what)
{
	conf_complain(l->section, option, l->complaints, "%s \"%.200s\": %s", option,
		conf_cstr(l->section, option), what);
}

static bool read_file(struct look *l, const char *option, struct buf *bytes)
{
	const char *path = conf_cstr(l->section, option);
	enum err e;

	if (path[0] != '/') {
		complain(l, option, "an absolute path is wanted");
		return false;
	}
	e = conf_read_file(path, bytes);
	if (e != ERR_NONE)
		complain(l, option, e == ERR_LIMIT ? "it is too large" : err_text(e));
	return e == ERR_NONE;
}

static BIO *bio_of(const struct buf *b)
{
	return b->len > 0 ? BIO_new_mem_buf(buf_str(b).p, (int)b->len) : NULL;
}

/* The signature of a certificate that others are to follow must not be one that they refuse. */
static bool strong(X509 *x)
{
	int bits = 0, self = X509_self_signed(x, 0);

	return self == 1 ||
		(X509_get_signature_info(x, NULL, NULL, &bits, NULL) == 1 && bits >= BITS_MIN);
}

static void look_at_chain(struct look *l)
{
	BIO *pem = bio_of(&l->chain);
	bool asked = false;
	X509 *x;

	l->leaf = pem != NULL ? PEM_read_bio_X509(pem, NULL, on_passphrase, &asked) : NULL;
	if (l->leaf == NULL)
		complain(l, "certificate", "there is no certificate in PEM in it");
	else if (!strong(l->leaf))
		complain(l, "certificate", "its signature is too weak");
	ERR_clear_error();
	while (l->leaf != NULL &&
		(x = PEM_read_bio_X509(pem, NULL, on_passphrase, &asked)) != NULL) {
		if (!strong(x))
			complain(l, "certificate", "the signature of an issuer in it is too weak");
		X509_free(x);
	}
	if (l->leaf != NULL && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		complain(l, "certificate", "it holds a damaged certificate");
	ERR_clear_error();
	BIO_free(pem);
}

static void look_at_key(struct look *l)
{
	BIO *pem = bio_of(&l->key);
	bool asked = false;

	l->private = pem != NULL ? PEM_read_bio_PrivateKey(pem, NULL, on_passphrase, &asked) : NULL;
	if (l->private == NULL)
		complain(l, "key",
			asked ? "it has a passphrase, and nobody is there to ask"
			      : "there is no private key in PEM in it");
	else if (l->leaf != NULL && X509_check_private_key(l->leaf, l->private) != 1)
		complain(l, "key", "it is not the key of the certificate");
	else if (EVP_PKEY_get_security_bits(l->private) < BITS_MIN)
		complain(
			l, "key", "it is too weak: RSA of 2048 bits at least, or P-256, is wanted");
	ERR_clear_error();
	BIO_free(pem);
}

static void put(struct look *l, struct str name, struct buf *out)
{
	bool chain, key;

	buf_init(&l->chain, FILE_MAX);
	buf_init(&l->key, FILE_MAX);
	chain = read_file(l, "certificate", &l->chain);
	key = read_file(l, "key", &l->key);
	if (chain)
		look_at_chain(l);
	if (key)
		look_at_key(l);
	if (chain && key)
		material_put(out, &(struct material){ name, buf_str(&l->chain), buf_str(&l->key) });
	X509_free(l->leaf);
	EVP_PKEY_free(l->private);
	buf_free(&l->chain);
	buf_free(&l->key);
}

/* A host name, or "*." and one. */
static bool is_name(struct str name)
{
	bool fine = name.n > 0 && name.n < 254 && name.p[0] != '.';

	if (name.n > 2 && name.p[0] == '*' && name.p[1] == '.')
		name = str_from(name, 2);
	for (size_t i = 0; i < name.n; i++)
		fine = fine &&
			(ascii_alnum(name.p[i]) || name.p[i] == '-' || name.p[i] == '.' ||
				name.p[i] == '_');
	return fine;
}

/* True if there is something to read. */
static bool both_set(struct conf_section s, const char *what, struct buf *complaints)
{
	bool certificate = conf_text(s, "certificate").n > 0, key = conf_text(s, "key").n > 0;

	if (certificate && key)
		return true;
	if (certificate || key)
		conf_complain(s, certificate ? "certificate" : "key", complaints,
			"%s: certificate and key are wanted, both", what);
	return false;
}

static void put_named(struct conf_section s, struct buf *out, struct buf *complaints)
{
	struct look l = { .section = s, .complaints = complaints };
	struct str name = conf_title(s);

	if (!is_name(name))
		conf_complain(s, NULL, complaints,
			"sni \"%.200s\": a server's name is wanted, like mail.example.net", name.p);
	else if (both_set(s, "sni", complaints))
		put(&l, name, out);
	else if (conf_text(s, "certificate").n == 0 && conf_text(s, "key").n == 0)
		conf_complain(s, NULL, complaints, "sni \"%.200s\": certificate and key are wanted",
			name.p);
}

enum err tls_material_read(struct buf *out, struct conf *c, struct buf *complaints)
{
	struct conf_section s = conf_section(conf_root(c), "tls", 0);
	struct look l = { .section = s, .complaints = complaints };
	size_t before = complaints->len, names = conf_sections(s, "sni");

	if (both_set(s, "tls", complaints))
		put(&l, STR(""), out);
	else if (names > 0 && conf_text(s, "key").n == 0)
		conf_complain(s, NULL, complaints,
			"tls: sni needs a certificate of its own section, for all other names");
	if (names > NAMES_MAX)
		conf_complain(s, NULL, complaints, "tls: more than %d sni sections", NAMES_MAX);
	for (size_t i = 0; i < names && i < NAMES_MAX; i++)
		put_named(conf_section(s, "sni", i), out, complaints);
	if (out->broken && complaints->len == before)
		conf_complain(s, NULL, complaints, "tls: the certificates are too large together");
	return complaints->len == before ? ERR_NONE : ERR_SYNTAX;
}
