/* tls_conf_test.c - the tls section: what is taken, and what is said of each thing that is wrong with it. */
#include "tests/unit/test.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/material.h"
#include "common/conf/listeners.h"
#include "common/conf/tls.h"
#include "tests/unit/certificate.h"

static struct certificate authority, good, rsa, weak;
static char directory[] = "/tmp/popgate-conf.XXXXXX";
static const char *const files[] = { "good", "good.key", "rsa", "rsa.key", "weak", "weak.key",
	"empty", "damaged", "locked.key" };

/* D stands for the directory of the files. */
static void spread(char *dst, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + sizeof(directory) < size; text++)
		n += (size_t)snprintf(dst + n, size - n, *text == '~' ? "%s" : "%.1s",
			*text == '~' ? directory : text);
	dst[n] = '\0';
}

static enum err read_text(const char *text, struct buf *material, struct buf *complaints)
{
	char whole[2048];
	struct conf *c = NULL;
	enum err e;

	spread(whole, sizeof(whole), text);
	buf_init(complaints, 1 << 16);
	buf_init(material, MATERIAL_MAX);
	e = conf_parse(&c, "test.conf", str_of(whole), complaints);
	if (e == ERR_NONE)
		e = tls_material_read(material, c, complaints);
	conf_close(&c);
	return e;
}

static void takes_the_default_first_and_then_each_name(void **state)
{
	const char *const names[] = { "", "rsa.test", "*.test" };
	struct buf material, complaints;
	struct material m;
	struct str rest;

	(void)state;
	assert_int_equal(
		read_text("tls { sni \"rsa.test\" { certificate = \"~/rsa\" key = \"~/rsa.key\" }\n"
			  "certificate = \"~/good\" key = \"~/good.key\"\n"
			  "sni \"*.test\" { certificate = \"~/good\" key = \"~/good.key\" } }",
			&material, &complaints),
		ERR_NONE);
	rest = buf_str(&material);
	for (size_t i = 0; i < 3; i++) {
		assert_true(material_cut(&rest, &m));
		assert_true(str_eq(m.name, str_of(names[i])));
		assert_true(str_eq(m.chain, str_of(i == 1 ? rsa.chain : good.chain)));
		assert_true(str_eq(m.key, str_of(i == 1 ? rsa.key : good.key)));
	}
	assert_int_equal(rest.n, 0);
	buf_free(&material);
	buf_free(&complaints);
}

static void without_a_certificate_there_is_nothing_to_read(void **state)
{
	struct buf material, complaints;

	(void)state;
	assert_int_equal(read_text("", &material, &complaints), ERR_NONE);
	assert_int_equal(material.len, 0);
	buf_free(&material);
	buf_free(&complaints);
}

static void says_what_is_wrong_and_on_which_line(void **state)
{
	const struct {
		const char *conf, *want;
	} rows[] = {
		{ "tls {\n certificate = \"~/good\" }",
			"test.conf:2: tls: certificate and key are wanted" },
		{ "tls {\n key = \"~/good.key\" }",
			"test.conf:2: tls: certificate and key are wanted" },
		{ "tls { certificate = \"~/good\"\n key = \"~/rsa.key\" }", "test.conf:2: key \"" },
		{ "tls { certificate = \"~/good\" key = \"~/rsa.key\" }",
			"not the key of the certificate" },
		{ "tls { certificate = \"~/weak\" key = \"~/weak.key\" }", "too weak" },
		{ "tls { certificate = \"~/empty\" key = \"~/good.key\" }",
			"no certificate in PEM" },
		{ "tls { certificate = \"~/good\" key = \"~/empty\" }", "no private key in PEM" },
		{ "tls { certificate = \"~/good\" key = \"~/good\" }", "no private key in PEM" },
		{ "tls { certificate = \"~/good\" key = \"~/locked.key\" }",
			"it has a passphrase" },
		{ "tls { certificate = \"~/damaged\" key = \"~/good.key\" }",
			"it holds a damaged certificate" },
		{ "tls { certificate = \"~/absent\" key = \"~/good.key\" }", "not there" },
		{ "tls { certificate = \"good\" key = \"~/good.key\" }", "an absolute path" },
		{ "tls {\n\n sni \"a.test\" { certificate = \"~/good\" key = \"~/good.key\" } }",
			"sni needs a certificate of its own section" },
		{ "tls { certificate = \"~/good\" key = \"~/good.key\"\n sni \"a.test\" { key = "
		  "\"~/rsa\" } }",
			"test.conf:2: sni: certificate and key" },
		{ "tls { certificate = \"~/good\" key = \"~/good.key\"\n sni \"a.test\" { } }",
			"sni \"a.test\": certificate and key" },
		{ "tls { certificate = \"~/good\" key = \"~/good.key\"\n sni \"a b\" { certificate "
		  "= \"~/rsa\" "
		  "key = \"~/rsa.key\" } }",
			"a server's name is wanted" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf material, complaints;

		assert_int_equal(read_text(rows[i].conf, &material, &complaints), ERR_SYNTAX);
		buf_add(&complaints, (struct str){ "", 1 });
		if (strstr(buf_str(&complaints).p, rows[i].want) == NULL)
			fail_msg("row %zu: %s", i, buf_str(&complaints).p);
		buf_free(&material);
		buf_free(&complaints);
	}
}

static void a_listener_has_tls_only_with_a_certificate(void **state)
{
	static const struct {
		const char *tls, *word;
		enum listener_tls want;
		bool bad;
	} rows[] = {
		{ "", "", LISTENER_CLEAR, false },
		{ "", "tls = \"none\"", LISTENER_CLEAR, false },
		{ "", "tls = \"starttls\"", LISTENER_CLEAR, true },
		{ "", "tls = \"implicit\"", LISTENER_CLEAR, true },
		{ "tls { certificate = \"/c\" key = \"/k\" }", "", LISTENER_STARTTLS, false },
		{ "tls { certificate = \"/c\" key = \"/k\" }", "tls = \"none\"", LISTENER_CLEAR,
			false },
		{ "tls { certificate = \"/c\" key = \"/k\" }", "tls = \"implicit\"",
			LISTENER_IMPLICIT, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct conf *c;
		struct listeners l;
		struct buf complaints;
		enum err e;

		snprintf(text, sizeof(text), "%s pop3d { listener \"127.0.0.1:110\" { %s } }",
			rows[i].tls, rows[i].word);
		buf_init(&complaints, 4096);
		assert_int_equal(conf_parse(&c, "test.conf", str_of(text), &complaints), ERR_NONE);
		e = listeners_read(&l, c, "pop3d", &complaints);
		assert_int_equal(e, rows[i].bad ? ERR_SYNTAX : ERR_NONE);
		if (e == ERR_NONE)
			assert_int_equal(l.tls[0], rows[i].want);
		conf_close(&c);
		buf_free(&complaints);
	}
}

static void write_locked_key(void)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/locked.key", directory);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(PEM_write_PKCS8PrivateKey(
				 file, good.private, EVP_aes_128_cbc(), "secret", 6, NULL, NULL),
		1);
	fclose(file);
}

static int make_certificates(void **state)
{
	char damaged[8192];

	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	certificate_make(&authority, "Test CA", CERTIFICATE_P256, NULL);
	certificate_make(&good, "good.test", CERTIFICATE_P256, &authority);
	certificate_make(&rsa, "rsa.test", CERTIFICATE_RSA, &authority);
	certificate_make(&weak, "weak.test", CERTIFICATE_WEAK, &authority);
	certificate_write(directory, "good", good.chain);
	certificate_write(directory, "good.key", good.key);
	certificate_write(directory, "rsa", rsa.chain);
	certificate_write(directory, "rsa.key", rsa.key);
	certificate_write(directory, "weak", weak.chain);
	certificate_write(directory, "weak.key", weak.key);
	certificate_write(directory, "empty", "");
	snprintf(damaged, sizeof(damaged),
		"%s-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", good.chain);
	certificate_write(directory, "damaged", damaged);
	write_locked_key();
	return 0;
}

static int free_certificates(void **state)
{
	char path[128];

	(void)state;
	certificate_free(&authority);
	certificate_free(&good);
	certificate_free(&rsa);
	certificate_free(&weak);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
		unlink(path);
	}
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_default_first_and_then_each_name),
		cmocka_unit_test(without_a_certificate_there_is_nothing_to_read),
		cmocka_unit_test(says_what_is_wrong_and_on_which_line),
		cmocka_unit_test(a_listener_has_tls_only_with_a_certificate),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
