/* certificate.c - see certificate.h. */
#include "tests/unit/certificate.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static EVP_PKEY *make_key(enum certificate_kind kind)
{
	if (kind == CERTIFICATE_P256)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	return EVP_PKEY_Q_keygen(
		NULL, NULL, "RSA", (size_t)(kind == CERTIFICATE_RSA ? 2048 : 1024));
}

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert(extension != NULL && X509_add_ext(x, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static char *text_of(BIO *bio)
{
	char *at, *text;
	long n = BIO_get_mem_data(bio, &at);

	text = calloc(1, (size_t)n + 1);
	assert(text != NULL);
	memcpy(text, at, (size_t)n);
	BIO_free(bio);
	return text;
}

static void sign(struct certificate *c, const char *name, const struct certificate *issuer)
{
	char alternative[300];
	X509_NAME *subject = X509_get_subject_name(c->x);

	X509_set_version(c->x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c->x), (long)(uintptr_t)c->x >> 4);
	X509_gmtime_adj(X509_getm_notBefore(c->x), -60);
	X509_gmtime_adj(X509_getm_notAfter(c->x), 3600);
	X509_set_pubkey(c->x, c->private);
	X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(c->x, issuer != NULL ? X509_get_subject_name(issuer->x) : subject);
	snprintf(alternative, sizeof(alternative), "DNS:%s", name);
	extend(c->x, c->x, NID_subject_alt_name, alternative);
	if (issuer == NULL)
		extend(c->x, c->x, NID_basic_constraints, "critical,CA:TRUE");
	assert(X509_sign(c->x, issuer != NULL ? issuer->private : c->private, EVP_sha256()) > 0);
}

void certificate_make(struct certificate *out, const char *name, enum certificate_kind kind,
	const struct certificate *issuer)
{
	BIO *chain = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());

	*out = (struct certificate){ .x = X509_new(), .private = make_key(kind) };
	assert(out->x != NULL && out->private != NULL);
	sign(out, name, issuer);
	PEM_write_bio_X509(chain, out->x);
	if (issuer != NULL)
		PEM_write_bio_X509(chain, issuer->x);
	PEM_write_bio_PrivateKey(key, out->private, NULL, NULL, 0, NULL, NULL);
	out->chain = text_of(chain);
	out->key = text_of(key);
}

void certificate_free(struct certificate *c)
{
	X509_free(c->x);
	EVP_PKEY_free(c->private);
	free(c->chain);
	free(c->key);
}

void certificate_write(const char *dir, const char *name, const char *text)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	assert(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}
