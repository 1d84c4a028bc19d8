/* scram.c - see scram.h. */
#include "common/users/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "common/line/base64.h"
#include "common/users/sasl.h"

static bool read_key(struct str text, uint8_t *key)
{
	size_t n;

	return base64_read(text, (char *)key, SCRAM_KEY, &n) && n == SCRAM_KEY;
}

bool scram_read(struct str data, struct scram *out)
{
	struct str iterations, salt, stored, server;
	struct scram s = { 0 };
	uint64_t n;

	if (!str_split(data, ',', &iterations, &salt) || !str_split(salt, ',', &salt, &stored) ||
		!str_split(stored, ',', &stored, &server) ||
		!str_to_u64(iterations, SCRAM_ITERATIONS_MAX, &n) || n == 0 ||
		!base64_read(salt, (char *)s.salt, sizeof(s.salt), &s.salt_n) || s.salt_n == 0 ||
		!read_key(stored, s.stored_key) || !read_key(server, s.server_key))
		return false;
	s.iterations = (unsigned)n;
	*out = s;
	return true;
}

static void add_octets(struct buf *to, const uint8_t *octets, size_t n)
{
	buf_add(to, STR(","));
	base64_add(to, (struct str){ (const char *)octets, n });
}

bool scram_write(const struct scram *s, char *dst, size_t size)
{
	struct buf text;
	bool done;

	buf_init(&text, 512);
	buf_printf(&text, "%u", s->iterations);
	add_octets(&text, s->salt, s->salt_n);
	add_octets(&text, s->stored_key, SCRAM_KEY);
	add_octets(&text, s->server_key, SCRAM_KEY);
	done = !text.broken && str_to_cstr(buf_str(&text), dst, size);
	buf_free(&text);
	return done;
}

/* RFC 5802 3: ClientKey := HMAC(SaltedPassword, "Client Key"), StoredKey := H(ClientKey),
 * ServerKey := HMAC(SaltedPassword, "Server Key"). */
static bool make_keys(const uint8_t *salted, struct scram *s)
{
	uint8_t client_key[SCRAM_KEY];
	bool done = HMAC(EVP_sha256(), salted, SCRAM_KEY, (const uint8_t *)"Client Key", 10,
			    client_key, NULL) != NULL &&
		SHA256(client_key, sizeof(client_key), s->stored_key) != NULL &&
		HMAC(EVP_sha256(), salted, SCRAM_KEY, (const uint8_t *)"Server Key", 10,
			s->server_key, NULL) != NULL;

	explicit_bzero(client_key, sizeof(client_key));
	return done;
}

bool scram_derive(struct str password, struct scram *s)
{
	char prepared[SASL_PREPARED_MAX];
	uint8_t salted[SCRAM_KEY];
	struct str typed = sasl_prepare(password, prepared);
	bool done = PKCS5_PBKDF2_HMAC(typed.p, (int)typed.n, s->salt, (int)s->salt_n,
			    (int)s->iterations, EVP_sha256(), sizeof(salted), salted) == 1 &&
		make_keys(salted, s);

	explicit_bzero(prepared, sizeof(prepared));
	explicit_bzero(salted, sizeof(salted));
	return done;
}
