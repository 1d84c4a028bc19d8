/* mac.c - see mac.h. */
#include "common/users/mac.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdlib.h>

struct mac {
	EVP_MAC_CTX *ctx; /* owned */
};

static bool take_key(struct mac *m, const uint8_t key[MAC_KEY])
{
	char digest[] = "SHA256";
	const OSSL_PARAM with[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	m->ctx = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;
	EVP_MAC_free(hmac); /* the context has its own share */
	return m->ctx != NULL && EVP_MAC_init(m->ctx, key, MAC_KEY, with) == 1;
}

enum err mac_open(struct mac **out, const uint8_t key[MAC_KEY])
{
	struct mac *m = calloc(1, sizeof(*m));
	bool fine = m != NULL && take_key(m, key);

	if (fine)
		*out = m;
	else
		mac_close(&m);
	return fine ? ERR_NONE : ERR_NOMEM;
}

void mac_close(struct mac **m)
{
	if (*m == NULL)
		return;
	EVP_MAC_CTX_free((*m)->ctx);
	free(*m);
	*m = NULL;
}

/* Without a key EVP_MAC_init() begins anew with the one that is there. */
void mac_make(struct mac *m, const void *octets, size_t n, uint8_t out[MAC_SIZE])
{
	bool made = EVP_MAC_init(m->ctx, NULL, 0, NULL) == 1 &&
		EVP_MAC_update(m->ctx, octets, n) == 1 &&
		EVP_MAC_final(m->ctx, out, &n, MAC_SIZE) == 1;

	assert(made && n == MAC_SIZE);
}
