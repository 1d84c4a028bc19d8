/* certificate.h - certificates and keys made for one run of a test; no private key lies in the tree. */
#ifndef POPGATE_TEST_CERTIFICATE_H
#define POPGATE_TEST_CERTIFICATE_H

#include <openssl/x509.h>

enum certificate_kind {
	CERTIFICATE_P256,
	CERTIFICATE_RSA,
	CERTIFICATE_WEAK, /* RSA of 1024 bits */
};

struct certificate {
	X509 *x;
	EVP_PKEY *private;
	char *chain, *key; /* PEM: the certificate and its issuer's, if it has one */
};

/* For that DNS name, good for an hour; issuer NULL: one that signs itself and others. */
void certificate_make(struct certificate *out, const char *name, enum certificate_kind kind,
	const struct certificate *issuer);
void certificate_free(struct certificate *c);

/* Writes text to a file of its own below dir, named name. */
void certificate_write(const char *dir, const char *name, const char *text);

#endif
