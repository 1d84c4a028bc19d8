/* tls_test.c - TLS between buffers: our server with a client of OpenSSL's own and with ours. */
#include "tests/unit/test.h"

#include <malloc.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/material.h"
#include "common/net/tls.h"
#include "tests/unit/certificate.h"

#define WIRE_MAX (8 << 20)

static struct certificate authority, mail, other, rsa; /* made once for all tests */
static char directory[] = "/tmp/popgate-tls.XXXXXX", ca_path[64];

static struct tls_context *server_of(const struct tickets *tickets)
{
	struct tls_context *c = NULL;
	struct buf bytes;

	buf_init(&bytes, MATERIAL_MAX);
	material_put(&bytes, &(struct material){ STR(""), str_of(mail.chain), str_of(mail.key) });
	material_put(&bytes,
		&(struct material){ STR("other.test"), str_of(other.chain), str_of(other.key) });
	material_put(&bytes,
		&(struct material){ STR("*.rsa.test"), str_of(rsa.chain), str_of(rsa.key) });
	assert_int_equal(
		tls_server_open(&c, &(struct tls_server){ buf_str(&bytes), "pop3", tickets }),
		ERR_NONE);
	buf_free(&bytes);
	return c;
}

/* --- a client that is not ours --- */

struct peer {
	SSL_CTX *context;
	SSL *ssl;
	BIO *in, *out;
	SSL_SESSION *session; /* the last one it was given a ticket for */
};

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct peer *p = SSL_get_app_data(ssl);

	SSL_SESSION_free(p->session);
	p->session = session;
	return 1;
}

static void peer_open(struct peer *p, int version)
{
	*p = (struct peer){ .context = SSL_CTX_new(TLS_client_method()) };
	SSL_CTX_set_min_proto_version(p->context, version);
	SSL_CTX_set_max_proto_version(p->context, version);
	SSL_CTX_set_session_cache_mode(
		p->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(p->context, on_session);
	SSL_CTX_load_verify_file(p->context, ca_path);
}

/* Politely, or OpenSSL forgets the session. Of a ticket that is renewed it tells by no call-back with 1.2. */
static void peer_hang_up(struct peer *p)
{
	if (p->ssl != NULL && SSL_is_init_finished(p->ssl)) {
		SSL_set_shutdown(p->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		if (SSL_version(p->ssl) == TLS1_2_VERSION)
			on_session(p->ssl, SSL_get1_session(p->ssl));
	}
	SSL_free(p->ssl);
	p->ssl = NULL;
}

static void peer_dial(struct peer *p)
{
	peer_hang_up(p);
	p->ssl = SSL_new(p->context);
	p->in = BIO_new(BIO_s_mem());
	p->out = BIO_new(BIO_s_mem());
	SSL_set_bio(p->ssl, p->in, p->out);
	SSL_set_app_data(p->ssl, p);
	SSL_set_connect_state(p->ssl);
	if (p->session != NULL)
		SSL_set_session(p->ssl, p->session);
}

static void peer_close(struct peer *p)
{
	peer_hang_up(p);
	SSL_SESSION_free(p->session);
	SSL_CTX_free(p->context);
	ERR_clear_error();
}

/* --- our end --- */

struct end {
	struct tls *tls;
	struct buf in, wire, out;
	enum tls_says says;
};

static void end_open(struct end *e, struct tls_context *c, const char *peer)
{
	*e = (struct end){ .says = TLS_FINE };
	assert_int_equal(tls_open(&e->tls, c, peer), ERR_NONE);
	buf_init(&e->in, WIRE_MAX);
	buf_init(&e->wire, WIRE_MAX);
	buf_init(&e->out, WIRE_MAX);
}

static void end_close(struct end *e)
{
	tls_close(&e->tls);
	buf_free(&e->in);
	buf_free(&e->wire);
	buf_free(&e->out);
}

static void hear(struct end *e, struct str octets)
{
	if (e->says == TLS_FINE)
		e->says = tls_receive(e->tls, octets, &e->in, &e->wire);
}

/* Moves octets, at most step at a time, until neither end has more to say; the peer's input ends in got. */
static void converse(struct peer *p, struct end *e, size_t step, struct buf *got)
{
	char octets[16384];
	size_t n, moved = 1;

	while (moved > 0) {
		moved = 0;
		(void)SSL_do_handshake(p->ssl);
		while (SSL_is_init_finished(p->ssl) &&
			SSL_read_ex(p->ssl, octets, sizeof(octets), &n))
			buf_add(got, (struct str){ octets, n });
		ERR_clear_error();
		while (BIO_read_ex(p->out, octets, step, &n)) {
			hear(e, (struct str){ octets, n });
			moved += n;
		}
		n = e->wire.len < step ? e->wire.len : step;
		if (n > 0)
			BIO_write(p->in, buf_str(&e->wire).p, (int)n);
		buf_take(&e->wire, n);
		moved += n;
	}
}

static bool shakes(struct peer *p, struct end *e, size_t step)
{
	struct buf got;

	buf_init(&got, WIRE_MAX);
	peer_dial(p);
	converse(p, e, step, &got);
	buf_free(&got);
	return SSL_is_init_finished(p->ssl) && tls_ready(e->tls) && e->says == TLS_FINE;
}

static void talks_both_ways_an_octet_at_a_time(struct peer *p, struct tls_context *c)
{
	struct end e;
	struct buf got;

	end_open(&e, c, NULL);
	assert_true(shakes(p, &e, 1));
	buf_init(&got, WIRE_MAX);
	assert_int_equal(SSL_write(p->ssl, "STAT\r\n", 6), 6);
	buf_add(&e.out, STR("+OK hello\r\n"));
	tls_seal(e.tls, &e.out, &e.wire);
	assert_int_equal(e.out.len, 0);
	converse(p, &e, 1, &got);
	assert_true(str_eq(buf_str(&got), STR("+OK hello\r\n")));
	assert_true(str_eq(buf_str(&e.in), STR("STAT\r\n")));
	buf_free(&got);
	end_close(&e);
}

static void speaks_1_2_and_1_3_and_nothing_older(void **state)
{
	const struct {
		int version;
		const char *name; /* NULL: refused */
	} rows[] = { { TLS1_3_VERSION, "TLSv1.3" }, { TLS1_2_VERSION, "TLSv1.2" },
		{ TLS1_1_VERSION, NULL }, { TLS1_VERSION, NULL } };
	struct tls_context *c = server_of(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peer p;
		struct end e;

		peer_open(&p, rows[i].version);
		SSL_CTX_set_security_level(p.context, 0);
		SSL_CTX_set_cipher_list(p.context, "ALL:@SECLEVEL=0");
		end_open(&e, c, NULL);
		assert_int_equal(shakes(&p, &e, 100), rows[i].name != NULL);
		if (rows[i].name != NULL) {
			assert_string_equal(tls_facts(e.tls)->version, rows[i].name);
			assert_non_null(tls_facts(e.tls)->cipher);
			assert_int_equal(tls_facts(e.tls)->has_exporter, i == 0);
			talks_both_ways_an_octet_at_a_time(&p, c);
		} else {
			assert_int_equal(e.says, TLS_FAILED);
			assert_string_equal(tls_error(e.tls), "unsupported protocol");
		}
		end_close(&e);
		peer_close(&p);
	}
	tls_context_close(&c);
}

static void both_ends_export_the_same(void **state)
{
	struct tls_context *c = server_of(NULL);
	unsigned char theirs[TLS_EXPORTER], ours[TLS_EXPORTER];
	struct peer p;
	struct end e;

	(void)state;
	peer_open(&p, TLS1_3_VERSION);
	end_open(&e, c, NULL);
	assert_true(shakes(&p, &e, 1000));
	assert_int_equal(SSL_export_keying_material(p.ssl, theirs, sizeof(theirs),
				 "EXPORTER-Channel-Binding", 24, (const unsigned char *)"", 0, 1),
		1);
	assert_true(tls_exporter(e.tls, ours));
	assert_memory_equal(theirs, ours, TLS_EXPORTER);
	end_close(&e);
	peer_close(&p);
	tls_context_close(&c);
}

/* --- names and protocols --- */

static void gives_each_name_its_certificate_and_others_the_default(void **state)
{
	const struct {
		const char *asked, *subject;
	} rows[] = { { "other.test", "other.test" }, { "OTHER.test", "other.test" },
		{ "unknown.test", "mail.test" }, { NULL, "mail.test" },
		{ "a.rsa.test", "*.rsa.test" }, { "b.a.rsa.test", "mail.test" },
		{ "rsa.test", "mail.test" } };
	struct tls_context *c = server_of(NULL);

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		const char *asked = rows[i / 2].asked;
		char subject[64] = "";
		struct peer p;
		struct end e;
		struct buf got;

		buf_init(&got, 100);
		peer_open(&p, i % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION);
		end_open(&e, c, NULL);
		peer_dial(&p);
		if (asked != NULL)
			SSL_set_tlsext_host_name(p.ssl, asked);
		converse(&p, &e, 4000, &got);
		assert_true(tls_ready(e.tls));
		X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(p.ssl)),
			NID_commonName, subject, sizeof(subject));
		assert_string_equal(subject, rows[i / 2].subject);
		assert_string_equal(tls_facts(e.tls)->sni, asked != NULL ? asked : "");
		end_close(&e);
		peer_close(&p);
	}
	tls_context_close(&c);
}

static void refuses_a_client_that_meant_another_protocol(void **state)
{
	const struct {
		const char *offered;
		bool welcome;
	} rows[] = { { "\4pop3", true }, { "\4imap\4pop3", true }, { "\4imap", false },
		{ "\10http/1.1\2h2", false }, { "\5pop3s", false }, { "\3pop", false } };
	struct tls_context *c = server_of(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peer p;
		struct end e;
		const unsigned char *chosen;
		unsigned n;

		peer_open(&p, TLS1_3_VERSION);
		SSL_CTX_set_alpn_protos(p.context, (const unsigned char *)rows[i].offered,
			(unsigned)strlen(rows[i].offered));
		end_open(&e, c, NULL);
		assert_int_equal(shakes(&p, &e, 1000), rows[i].welcome);
		SSL_get0_alpn_selected(p.ssl, &chosen, &n);
		assert_int_equal(n, rows[i].welcome ? 4 : 0);
		if (!rows[i].welcome)
			assert_string_equal(tls_error(e.tls), "no application protocol");
		end_close(&e);
		peer_close(&p);
	}
	tls_context_close(&c);
}

/* --- sessions --- */

/* What the first context began goes on at the second, which is another worker's. */
static void resumes_at_another_worker(int version)
{
	struct tickets *maker, *reader;
	struct tls_context *first, *second;
	struct peer p;
	struct end e;
	int fd;

	assert_int_equal(tickets_make(&maker, &fd), ERR_NONE);
	assert_int_equal(tickets_map(&reader, fd), ERR_NONE);
	first = server_of(reader);
	second = server_of(reader);
	peer_open(&p, version);
	for (int i = 0; i < 6; i++) {
		end_open(&e, i % 2 == 0 ? first : second, NULL);
		assert_true(shakes(&p, &e, 1000));
		assert_int_equal(tls_facts(e.tls)->resumed, i > 0);
		assert_int_equal(SSL_session_reused(p.ssl), i > 0);
		end_close(&e);
		if (i > 2)
			tickets_turn(maker); /* the ticket is one turn old at the next */
	}
	tickets_turn(maker);
	tickets_turn(maker);
	end_open(&e, first, NULL);
	assert_true(shakes(&p, &e, 1000)); /* too old: a full handshake, no failure */
	assert_false(tls_facts(e.tls)->resumed);
	end_close(&e);
	peer_close(&p);
	tls_context_close(&first);
	tls_context_close(&second);
	tickets_close(&reader);
	tickets_close(&maker);
	close(fd);
}

static void a_session_goes_on_at_any_worker_until_its_key_is_forgotten(void **state)
{
	(void)state;
	resumes_at_another_worker(TLS1_3_VERSION);
	resumes_at_another_worker(TLS1_2_VERSION);
}

static void without_ticket_keys_no_session_goes_on(void **state)
{
	struct tls_context *c = server_of(NULL);
	struct peer p;

	(void)state;
	peer_open(&p, TLS1_3_VERSION);
	for (int i = 0; i < 2; i++) {
		struct end e;

		end_open(&e, c, NULL);
		assert_true(shakes(&p, &e, 1000));
		assert_false(tls_facts(e.tls)->resumed);
		end_close(&e);
	}
	peer_close(&p);
	tls_context_close(&c);
}

/* --- our client --- */

static void pass(struct end *from, struct end *to)
{
	struct buf octets;

	buf_init(&octets, WIRE_MAX);
	buf_move(&octets, &from->wire);
	hear(to, buf_str(&octets));
	buf_free(&octets);
}

static void both_shake(struct end *client, struct end *server)
{
	hear(client, STR(""));
	while (client->wire.len > 0 || server->wire.len > 0) {
		pass(client, server);
		pass(server, client);
	}
}

static void our_client_verifies_the_name_it_asked_for(void **state)
{
	const struct {
		const char *peer;
		bool ca, verify, done, verified;
		const char *error;
	} rows[] = {
		{ "mail.test", true, true, true, true, NULL },
		{ "other.test", true, true, true, true, NULL },
		{ "wrong.test", true, true, false, false, "hostname mismatch" },
		{ "127.0.0.1", true, true, false, false, "IP address mismatch" },
		{ "mail.test", false, true, false, false,
			"self-signed certificate in certificate chain" },
		{ "wrong.test", true, false, true, false, NULL },
		{ "mail.test", true, false, true, true, NULL },
		{ "mail.test", false, false, true, false, NULL },
		{ NULL, true, true, true, true, NULL },
	};
	struct tls_context *server = server_of(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t of_client[TLS_EXPORTER], of_server[TLS_EXPORTER];
		struct tls_context *context;
		struct end c, s;

		assert_int_equal(tls_client_open(&context,
					 &(struct tls_client){ rows[i].verify,
						 rows[i].ca ? ca_path : "/tmp", "pop3" }),
			ERR_NONE);
		end_open(&c, context, rows[i].peer);
		end_open(&s, server, NULL);
		both_shake(&c, &s);
		assert_int_equal(tls_ready(c.tls), rows[i].done);
		if (rows[i].done) {
			assert_int_equal(tls_facts(c.tls)->verified, rows[i].verified);
			assert_true(tls_exporter(c.tls, of_client));
			assert_true(tls_exporter(s.tls, of_server));
			assert_memory_equal(of_client, of_server, TLS_EXPORTER);
			assert_null(tls_error(c.tls));
		} else {
			assert_string_equal(tls_error(c.tls), rows[i].error);
			assert_int_equal(s.says, TLS_FAILED); /* it heard the alert */
		}
		end_close(&c);
		end_close(&s);
		tls_context_close(&context);
	}
	tls_context_close(&server);
}

static void a_ca_that_is_not_there_is_said(void **state)
{
	struct tls_context *c;

	(void)state;
	assert_int_equal(tls_client_open(&c, &(struct tls_client){ true, "/nowhere/ca.pem", NULL }),
		ERR_ABSENT);
}

/* --- octets --- */

static void fill(struct buf *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char octet = (char)(i * 7 + i / 251);

		buf_add(b, (struct str){ &octet, 1 });
	}
}

static void much_goes_both_ways_unchanged_through_little_room(void **state)
{
	struct tls_context *server = server_of(NULL), *client;
	struct end c, s;
	struct buf want, got;

	(void)state;
	assert_int_equal(
		tls_client_open(&client, &(struct tls_client){ true, ca_path, NULL }), ERR_NONE);
	end_open(&c, client, "mail.test");
	end_open(&s, server, NULL);
	both_shake(&c, &s);
	assert_true(tls_ready(s.tls));
	buf_init(&want, WIRE_MAX);
	buf_init(&got, WIRE_MAX);
	fill(&want, 1 << 20);
	for (int side = 0; side < 2; side++) {
		struct end *from = side == 0 ? &c : &s, *to = side == 0 ? &s : &c;

		buf_add(&from->out, buf_str(&want));
		tls_seal(from->tls, &from->out, &from->wire);
		buf_free(&to->in);
		buf_init(&to->in, 1000);
		buf_clear(&got);
		while (from->wire.len > 0 || tls_waiting(to->tls)) {
			size_t n = tls_waiting(to->tls) || from->wire.len < 3000 ? 0 : 3000;

			if (n == 0 && !tls_waiting(to->tls))
				n = from->wire.len;
			hear(to, str_first(buf_str(&from->wire), n));
			assert_int_equal(to->says, TLS_FINE);
			buf_take(&from->wire, n);
			buf_move(&got, &to->in);
		}
		assert_true(str_eq(buf_str(&got), buf_str(&want)));
	}
	buf_free(&want);
	buf_free(&got);
	end_close(&c);
	end_close(&s);
	tls_context_close(&server);
	tls_context_close(&client);
}

static void the_end_is_said_once_and_heard_after_all_else(void **state)
{
	struct tls_context *server = server_of(NULL), *client;
	struct end c, s;
	size_t n;

	(void)state;
	assert_int_equal(
		tls_client_open(&client, &(struct tls_client){ true, ca_path, NULL }), ERR_NONE);
	end_open(&c, client, "mail.test");
	end_open(&s, server, NULL);
	tls_end(s.tls, &s.wire); /* not before it is ready */
	assert_int_equal(s.wire.len, 0);
	both_shake(&c, &s);
	buf_add(&s.out, STR("bye"));
	tls_seal(s.tls, &s.out, &s.wire);
	tls_end(s.tls, &s.wire);
	n = s.wire.len;
	tls_end(s.tls, &s.wire);
	assert_int_equal(s.wire.len, n);
	pass(&s, &c);
	assert_true(str_eq(buf_str(&c.in), STR("bye")));
	assert_int_equal(c.says, TLS_ENDED);
	assert_null(tls_error(c.tls));
	end_close(&c);
	end_close(&s);
	tls_context_close(&server);
	tls_context_close(&client);
}

static void garbage_fails_with_an_alert_and_stays_failed(void **state)
{
	const char *const rows[] = { "GET / HTTP/1.0\r\n\r\n", "EHLO x\r\nMAIL FROM:<a@b>\r\n",
		"\x16\x03\x01\x00\x05hello" };
	struct tls_context *c = server_of(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct end e;

		end_open(&e, c, NULL);
		hear(&e, i == 2 ? (struct str){ rows[i], 10 } : str_of(rows[i]));
		assert_int_equal(e.says, TLS_FAILED);
		assert_non_null(tls_error(e.tls));
		assert_int_equal(e.in.len, 0);
		assert_int_equal(tls_receive(e.tls, STR("x"), &e.in, &e.wire), TLS_FAILED);
		end_close(&e);
	}
	tls_context_close(&c);
}

static void material_that_does_not_fit_together_is_refused(void **state)
{
	const struct material rows[] = {
		{ STR(""), str_of(mail.chain), str_of(other.key) },
		{ STR(""), STR("none"), str_of(other.key) },
		{ STR(""), str_of(mail.chain), STR("") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tls_context *c;
		struct buf bytes;

		buf_init(&bytes, MATERIAL_MAX);
		material_put(&bytes, &rows[i]);
		assert_int_equal(
			tls_server_open(&c, &(struct tls_server){ buf_str(&bytes), "pop3", NULL }),
			ERR_SYNTAX);
		buf_take(&bytes, 1);
		assert_int_equal(
			tls_server_open(&c, &(struct tls_server){ buf_str(&bytes), "pop3", NULL }),
			ERR_SYNTAX);
		buf_free(&bytes);
		assert_int_equal(tls_server_open(&c, &(struct tls_server){ STR(""), "pop3", NULL }),
			ERR_SYNTAX);
	}
}

/* Does malloc count here? Under the sanitizer it does not. */
static bool malloc_counts(void)
{
	size_t before = mallinfo2().uordblks;
	void *volatile block = malloc(100000);
	bool counts = mallinfo2().uordblks > before;

	free(block);
	return counts;
}

static void an_idle_connection_holds_no_buffers(void **state)
{
	enum {
		MANY = 50
	};
	struct tls_context *c = server_of(NULL);
	struct end ends[MANY];
	struct peer p;
	struct buf got;
	size_t before, each;

	(void)state;
	buf_init(&got, WIRE_MAX);
	peer_open(&p, TLS1_3_VERSION);
	end_open(&ends[0], c, NULL);
	assert_true(shakes(&p, &ends[0], 4000));
	before = mallinfo2().uordblks;
	for (int i = 1; i < MANY; i++) {
		end_open(&ends[i], c, NULL);
		assert_true(shakes(&p, &ends[i], 4000));
		SSL_write(p.ssl, "CAPA\r\n", 6);
		buf_add(&ends[i].out, STR("+OK\r\n"));
		tls_seal(ends[i].tls, &ends[i].out, &ends[i].wire);
		converse(&p, &ends[i], 4000, &got);
		assert_int_equal(ends[i].in.len, 6);
		buf_clear(&ends[i].in);
		buf_trim(&ends[i].in);
		buf_trim(&ends[i].wire);
	}
	each = (mallinfo2().uordblks - before) / (MANY - 1);
	if (malloc_counts()) {
		printf("%zu octets a connection\n", each);
		assert_in_range(each, 1000, 16000);
	}
	for (int i = 0; i < MANY; i++)
		end_close(&ends[i]);
	buf_free(&got);
	peer_close(&p);
	tls_context_close(&c);
}

static int make_certificates(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(ca_path, sizeof(ca_path), "%s/ca", directory);
	certificate_make(&authority, "Test CA", CERTIFICATE_P256, NULL);
	certificate_make(&mail, "mail.test", CERTIFICATE_P256, &authority);
	certificate_make(&other, "other.test", CERTIFICATE_P256, &authority);
	certificate_make(&rsa, "*.rsa.test", CERTIFICATE_RSA, &authority);
	certificate_write(directory, "ca", authority.chain);
	return 0;
}

static int free_certificates(void **state)
{
	(void)state;
	certificate_free(&authority);
	certificate_free(&mail);
	certificate_free(&other);
	certificate_free(&rsa);
	unlink(ca_path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(speaks_1_2_and_1_3_and_nothing_older),
		cmocka_unit_test(both_ends_export_the_same),
		cmocka_unit_test(gives_each_name_its_certificate_and_others_the_default),
		cmocka_unit_test(refuses_a_client_that_meant_another_protocol),
		cmocka_unit_test(a_session_goes_on_at_any_worker_until_its_key_is_forgotten),
		cmocka_unit_test(without_ticket_keys_no_session_goes_on),
		cmocka_unit_test(our_client_verifies_the_name_it_asked_for),
		cmocka_unit_test(a_ca_that_is_not_there_is_said),
		cmocka_unit_test(much_goes_both_ways_unchanged_through_little_room),
		cmocka_unit_test(the_end_is_said_once_and_heard_after_all_else),
		cmocka_unit_test(garbage_fails_with_an_alert_and_stays_failed),
		cmocka_unit_test(material_that_does_not_fit_together_is_refused),
		cmocka_unit_test(an_idle_connection_holds_no_buffers),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
