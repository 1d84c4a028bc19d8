/* proxyhdr_test.c - PROXY headers whole, an octet at a time and torn; see proxyhdr.h. */
#include "tests/unit/test.h"

#include "common/line/proxyhdr.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_ENDS "\xc0\0\2\1\xc6\x33\x64\2\4\1\0\x6e" /* 192.0.2.1:1025 to 198.51.100.2:110 */
#define V4 SIGNATURE "\x21\x11"

#define LONGEST                                                  \
	"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff " \
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"

struct expected {
	struct str in;
	enum proxyhdr says;
	enum proxied of; /* of a whole one, and what follows too */
	const char *client; /* "": none */
	bool tls;
	const char *why; /* of a broken one */
};

#define CLIENT(in, at)                                                                  \
	{                                                                               \
		{ in, sizeof(in) - 1 }, PROXYHDR_WHOLE, PROXIED_CLIENT, at, false, NULL \
	}
#define CLIENT_TLS(in, at)                                                             \
	{                                                                              \
		{ in, sizeof(in) - 1 }, PROXYHDR_WHOLE, PROXIED_CLIENT, at, true, NULL \
	}
#define NOBODY(in, kind)                                                                \
	{                                                                               \
		{ in, sizeof(in) - 1 }, PROXYHDR_WHOLE, PROXIED_##kind, "", false, NULL \
	}
#define BROKEN(in, why)                                                                  \
	{                                                                                \
		{ in, sizeof(in) - 1 }, PROXYHDR_BROKEN, PROXIED_UNKNOWN, "", false, why \
	}

/* clang-format off */
static const struct expected cases[] = {
	CLIENT("PROXY TCP4 192.0.2.1 198.51.100.2 1025 110\r\n", "192.0.2.1:1025"),
	CLIENT("PROXY TCP6 2001:db8::1 2001:db8::2 65535 995\r\n", "[2001:db8::1]:65535"),
	CLIENT("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 0 110\r\n", "192.0.2.1:0"),
	NOBODY("PROXY UNKNOWN\r\n", UNKNOWN),
	NOBODY("PROXY UNKNOWN what ever\r\n", UNKNOWN),
	NOBODY(LONGEST, UNKNOWN),
	NOBODY("PROXY TCP4 0.0.0.0 198.51.100.2 1025 110\r\n", UNKNOWN),
	NOBODY("PROXY TCP6 :: 2001:db8::2 1025 110\r\n", UNKNOWN),

	BROKEN("USER anna\r\n", "no-header"),
	BROKEN("EHLO there\r\n", "no-header"),
	BROKEN("proxy TCP4 192.0.2.1 198.51.100.2 1025 110\r\n", "no-header"),
	BROKEN("\x16\x03\x01", "no-header"),
	BROKEN("\r\n\r\n\r\n", "no-header"),
	BROKEN("PROXY TCP4 192.0.2.1 198.51.100.2 1025 110\n", "malformed"),
	BROKEN("PROXY TCP4 192.0.2.1 198.51.100.2 1025 110\r\r\n", "malformed"),
	BROKEN("PROXY TCP4 192.0.2.1 198.51.100.2 1025 110 \r\n", "malformed"),
	BROKEN("PROXY TCP4  192.0.2.1 198.51.100.2 1025 110\r\n", "malformed"),
	BROKEN("PROXY TCP4 192.0.2.1 198.51.100.2 01025 110\r\n", "malformed"),
	BROKEN("PROXY TCP4 192.0.2.1 198.51.100.2 65536 110\r\n", "malformed"),
	BROKEN("PROXY TCP4 192.0.2.1 198.51.100.2 -1 110\r\n", "malformed"),
	BROKEN("PROXY TCP4 192.0.2.01 198.51.100.2 1025 110\r\n", "malformed"),
	BROKEN("PROXY TCP4 192.0.2 198.51.100.2 1025 110\r\n", "malformed"),
	BROKEN("PROXY TCP4 2001:db8::1 2001:db8::2 1025 110\r\n", "malformed"),
	BROKEN("PROXY TCP6 192.0.2.1 198.51.100.2 1025 110\r\n", "malformed"),
	BROKEN("PROXY TCP5 192.0.2.1 198.51.100.2 1025 110\r\n", "malformed"),
	BROKEN("PROXY TCP4 192.0.2.1 198.51.100.2 1025\r\n", "malformed"),
	BROKEN("PROXY TCP4\r\n", "malformed"),
	BROKEN("PROXY \r\n", "malformed"),
	BROKEN("PROXY UNKNOWN a\nb\r\n", "malformed"),
	BROKEN("x" LONGEST, "no-header"),
	BROKEN("PROXY UNKNOWN 1ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "too-long"),

	CLIENT(V4 "\0\x0c" V4_ENDS, "192.0.2.1:1025"),
	CLIENT(SIGNATURE "\x21\x21\0\x24" "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
	       "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2" "\4\1\0\x6e", "[2001:db8::1]:1025"),
	/* ALPN, an authority, padding, an id, a namespace and one of nobody's */
	CLIENT(V4 "\0\x2d" V4_ENDS "\1\0\4pop3" "\2\0\4mail" "\4\0\2\0\0" "\5\0\4abcd" "\x30\0\1n"
	       "\xe0\0\0", "192.0.2.1:1025"),
	CLIENT(V4 "\0\x1a" V4_ENDS "\3\0\4\xc9\x10\xc5\x66" "\2\0\4mail", "192.0.2.1:1025"),
	CLIENT_TLS(V4 "\0\x2b" V4_ENDS "\x20\0\x1c" "\1\0\0\0\0" "\x21\0\7TLSv1.3"
		   "\x22\0\3cn." "\x23\0\4AES1", "192.0.2.1:1025"),
	CLIENT(V4 "\0\x14" V4_ENDS "\x20\0\5\0\0\0\0\1", "192.0.2.1:1025"),
	NOBODY(SIGNATURE "\x20\0\0\0", LOCAL),
	NOBODY(SIGNATURE "\x20\x11\0\x0c" V4_ENDS, LOCAL),
	NOBODY(SIGNATURE "\x20\x21\0\x0c" V4_ENDS, LOCAL),
	NOBODY(SIGNATURE "\x20\0\0\3abc", LOCAL),
	NOBODY(SIGNATURE "\x21\0\0\0", UNKNOWN),
	NOBODY(SIGNATURE "\x21\x12\0\x0c" V4_ENDS, UNKNOWN),
	NOBODY(SIGNATURE "\x21\x10\0\x0c" V4_ENDS, UNKNOWN),
	NOBODY(V4 "\0\x0c\0\0\0\0\xc6\x33\x64\2\4\1\0\x6e", UNKNOWN),

	BROKEN(SIGNATURE "\x11\x11\0\x0c" V4_ENDS, "malformed"),
	BROKEN(SIGNATURE "\x22\x11\0\x0c" V4_ENDS, "malformed"),
	BROKEN(SIGNATURE "\x21\x41\0\x0c" V4_ENDS, "malformed"),
	BROKEN(SIGNATURE "\x21\x13\0\x0c" V4_ENDS, "malformed"),
	BROKEN(V4 "\0\x0b" V4_ENDS, "malformed"),
	BROKEN(SIGNATURE "\x21\x21\0\x0c" V4_ENDS, "malformed"),
	BROKEN(SIGNATURE "\x21\x31\0\x0c" V4_ENDS, "malformed"),
	BROKEN(V4 "\0\x0e" V4_ENDS "\2\0", "malformed"),
	BROKEN(V4 "\0\x10" V4_ENDS "\2\0\2m", "malformed"),
	BROKEN(V4 "\0\x1a" V4_ENDS "\3\0\4\xc9\x10\xc5\x67" "\2\0\4mail", "checksum"),
	BROKEN(V4 "\0\x12" V4_ENDS "\3\0\3\0\0\0", "malformed"),
	BROKEN(V4 "\0\x13" V4_ENDS "\x20\0\4\1\0\0\0", "malformed"),
	BROKEN(V4 "\0\x17" V4_ENDS "\x20\0\x08\1\0\0\0\0\x21\0\1", "malformed"),
	BROKEN(V4 "\x0f\xf1" V4_ENDS, "too-long"),
	BROKEN(V4 "\xff\xff" V4_ENDS, "too-long"),
};
/* clang-format on */

static void check(const struct expected *e, enum proxyhdr says, const struct proxyhdr_facts *f,
	const char *why)
{
	char text[ENDPOINT_TEXT];

	assert_int_equal(says, e->says);
	if (says == PROXYHDR_BROKEN)
		assert_string_equal(why, e->why);
	if (says != PROXYHDR_WHOLE)
		return;
	assert_int_equal(f->of, e->of);
	assert_int_equal(f->tls, e->tls);
	if (f->of == PROXIED_CLIENT)
		assert_string_equal(endpoint_format(f->client, text), e->client);
}

static void headers_mean_what_the_specification_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxyhdr_facts f;
		size_t used = 0;
		const char *why = "";
		enum proxyhdr says = proxyhdr_read(cases[i].in, &f, &used, &why);

		check(&cases[i], says, &f, why);
		if (says == PROXYHDR_WHOLE)
			assert_int_equal(used, cases[i].in.n);
	}
}

static void a_torn_header_is_waited_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum proxyhdr says = PROXYHDR_PARTIAL;
		struct proxyhdr_facts f;
		size_t n = 0, used;
		const char *why = "";

		for (; n <= cases[i].in.n && says == PROXYHDR_PARTIAL; n++)
			says = proxyhdr_read(str_first(cases[i].in, n), &f, &used, &why);
		check(&cases[i], says, &f, why);
		if (says == PROXYHDR_WHOLE)
			assert_int_equal(n - 1, cases[i].in.n);
	}
}

static void what_follows_is_left_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char octets[600];
		struct proxyhdr_facts f;
		size_t used = 0;
		const char *why = "";
		enum proxyhdr says;

		memcpy(octets, cases[i].in.p, cases[i].in.n);
		memcpy(octets + cases[i].in.n, "\r\n\r\nPROXY ", 10);
		says = proxyhdr_read((struct str){ octets, cases[i].in.n + 10 }, &f, &used, &why);
		check(&cases[i], says, &f, why);
		if (says == PROXYHDR_WHOLE)
			assert_int_equal(used, cases[i].in.n);
	}
}

static void the_tls_of_the_balancer_is_told(void **state)
{
	const struct str in = STR(V4 "\0\x3a" V4_ENDS "\x20\0\x2b"
				     "\1\0\0\0\0"
				     "\x21\0\7TLSv1.3"
				     "\x23\0\x16TLS_AES_128_GCM_SHA256"
				     "\x25\0\0");
	struct proxyhdr_facts f;
	size_t used;
	const char *why = "";

	(void)state;
	assert_int_equal(proxyhdr_read(in, &f, &used, &why), PROXYHDR_WHOLE);
	assert_true(f.tls);
	assert_string_equal(f.tls_version, "TLSv1.3");
	assert_string_equal(f.tls_cipher, "TLS_AES_128_GCM_SHA256");
}

static void names_that_could_forge_a_log_line_are_left_out(void **state)
{
	const struct str in = STR(V4 "\0\x1a" V4_ENDS "\x20\0\x0b\1\0\0\0\0"
				     "\x21\0\3a b");
	struct proxyhdr_facts f;
	size_t used;
	const char *why = "";

	(void)state;
	assert_int_equal(proxyhdr_read(in, &f, &used, &why), PROXYHDR_WHOLE);
	assert_true(f.tls);
	assert_string_equal(f.tls_version, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_mean_what_the_specification_says),
		cmocka_unit_test(a_torn_header_is_waited_for),
		cmocka_unit_test(what_follows_is_left_alone),
		cmocka_unit_test(the_tls_of_the_balancer_is_told),
		cmocka_unit_test(names_that_could_forge_a_log_line_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
