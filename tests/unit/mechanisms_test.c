/* mechanisms_test.c - every mechanism against GNU SASL's own client, with every kind of account. */
#include "tests/unit/test.h"

#include <gsasl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/users/users.h"

static struct {
	void (*run)(void *job);
	void (*done)(void *job);
	void *job;
	unsigned jobs;
} pool;

static bool submit(void *ctx, void (*run)(void *job), void (*done)(void *job), void *job)
{
	(void)ctx;
	assert_null(pool.job);
	pool.run = run;
	pool.done = done;
	pool.job = job;
	pool.jobs++;
	return true;
}

static void run_pool(void)
{
	while (pool.job != NULL) {
		void *job = pool.job;

		pool.job = NULL;
		pool.run(job);
		pool.done(job);
	}
}

static struct {
	enum users_says says;
	enum users_why why;
	struct subscriber who;
	char challenge[2048];
	size_t challenge_n;
	unsigned n;
} heard;

static void on_heard(void *owner, const struct users_answer *a)
{
	(void)owner;
	heard.says = a->says;
	heard.why = a->why;
	heard.who = a->who;
	assert_true(a->challenge.n < sizeof(heard.challenge));
	if (a->challenge.n > 0)
		memcpy(heard.challenge, a->challenge.p, a->challenge.n);
	heard.challenge[a->challenge.n] = '\0';
	heard.challenge_n = a->challenge.n;
	heard.n++;
}

static char path[] = "/tmp/popgate-mechanisms.XXXXXX";

#define PENCIL                                          \
	"{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==," \
	"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=," \
	"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define CRYPT                                                              \
	"{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/" \
	"O817G3uBnIFNjnQJuesI68u4OT"                                       \
	"LiBFdcbYEdFCoEOfaS35inz1"

static const char plain_only[] = "anna:{PLAIN}secret\nlocked:{PLAIN}secret::::::disabled\n";
static const char mixed[] = "anna:{PLAIN}secret\nscram:" PENCIL "\nbert:" CRYPT "\n"
			    "locked:{PLAIN}secret::::::disabled\n";
static const char keys_only[] = "scram:" PENCIL "\nbert:" CRYPT "\n";
static const char crypt_only[] = "bert:" CRYPT "\n";

static struct users *open_users(const char *text)
{
	struct users *u = NULL;
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(users_open(&u, path, STR("example.net"),
				 &(struct users_lent){ .pool = { submit, NULL } }),
		ERR_NONE);
	return u;
}

/* --- the client --- */

struct client {
	const char *mechanism, *name, *password, *authzid;
	bool binds;
};

static const char binding[] = "0123456789abcdef0123456789abcdef";
static const char binding64[] = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

static int on_property(Gsasl *ctx, Gsasl_session *g, Gsasl_property property)
{
	(void)ctx;
	(void)g;
	(void)property;
	return GSASL_NO_CALLBACK;
}

static Gsasl *library(void)
{
	static Gsasl *ctx;

	if (ctx == NULL) {
		assert_int_equal(gsasl_init(&ctx), GSASL_OK);
		gsasl_callback_set(ctx, on_property);
	}
	return ctx;
}

static Gsasl_session *begin_client(const struct client *c)
{
	Gsasl_session *g;

	assert_int_equal(gsasl_client_start(library(), c->mechanism, &g), GSASL_OK);
	gsasl_property_set(g, GSASL_AUTHID, c->name);
	gsasl_property_set(g, GSASL_PASSWORD, c->password);
	if (c->authzid != NULL)
		gsasl_property_set(g, GSASL_AUTHZID, c->authzid);
	if (c->binds)
		gsasl_property_set(g, GSASL_CB_TLS_EXPORTER, binding64);
	return g;
}

/* What stands in of. */
static bool on_binding(void *of, uint8_t *dst)
{
	memcpy(dst, of, USERS_BINDING);
	return true;
}

static struct users_facts facts_of(bool bound)
{
	return (struct users_facts){ .secure = true,
		.service = "pop",
		.hostname = "mail.example.net",
		.binding = bound ? on_binding : NULL,
		.bound = (void *)(uintptr_t)binding };
}

/* A whole conversation; false if the client itself is not content with what it heard. */
static bool converse(struct users *u, const struct client *c, bool bound)
{
	const struct users_facts facts = facts_of(bound);
	Gsasl_session *g = begin_client(c);
	bool server_first =
		strcmp(c->mechanism, "CRAM-MD5") == 0 || strcmp(c->mechanism, "LOGIN") == 0;
	int code = GSASL_NEEDS_MORE;
	struct exchange *x;

	heard.n = 0;
	heard.challenge_n = 0;
	assert_int_equal(users_begin(&x, u, c->mechanism, &facts, on_heard, NULL), ERR_NONE);
	if (server_first)
		users_step(x, (struct str){ NULL, 0 });
	do {
		char *out = NULL;
		size_t n = 0;

		code = gsasl_step(g, heard.challenge, heard.challenge_n, &out, &n);
		if (code != GSASL_OK && code != GSASL_NEEDS_MORE)
			break;
		heard.n = 0;
		users_step(x, (struct str){ out != NULL ? out : "", n });
		gsasl_free(out);
		run_pool();
		assert_int_equal(heard.n, 1);
	} while (heard.says == USERS_CONTINUE);
	users_end(&x);
	gsasl_finish(g);
	return code == GSASL_OK;
}

static void succeeds(struct users *u, struct client c, bool bound, const char *who)
{
	assert_true(converse(u, &c, bound));
	assert_int_equal(heard.says, USERS_OK);
	assert_string_equal(heard.who.name, who);
}

static void fails(struct users *u, struct client c, bool bound, enum users_why why)
{
	(void)converse(u, &c, bound);
	assert_int_equal(heard.says, USERS_FAIL);
	assert_int_equal(heard.why, why);
}

static const char *const of_passwords[] = { "PLAIN", "LOGIN" };
static const char *const of_keys[] = { "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS" };

static void a_right_proof_is_right_by_every_mechanism(void **state)
{
	struct users *u = open_users(mixed);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const char *m = of_passwords[i];

		succeeds(u, (struct client){ .mechanism = m, .name = "anna", .password = "secret" },
			false, "anna@example.net");
		succeeds(u,
			(struct client){
				.mechanism = m, .name = "SCRAM@example.net", .password = "pencil" },
			false, "scram@example.net");
		succeeds(u,
			(struct client){
				.mechanism = m, .name = "bert", .password = "Hello world!" },
			false, "bert@example.net");
	}
	for (size_t i = 0; i < 2; i++) {
		const char *m = of_keys[i];

		succeeds(u,
			(struct client){ .mechanism = m,
				.name = "anna",
				.password = "secret",
				.binds = i == 1 },
			i == 1, "anna@example.net");
		succeeds(u,
			(struct client){ .mechanism = m,
				.name = "scram",
				.password = "pencil",
				.binds = i == 1 },
			i == 1, "scram@example.net");
	}
	succeeds(u,
		(struct client){ .mechanism = "CRAM-MD5", .name = "anna", .password = "secret" },
		false, "anna@example.net");
	users_close(&u);
}

static void a_wrong_one_is_wrong_and_says_why_to_the_log(void **state)
{
	static const char *const all[] = { "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256" };
	struct users *u = open_users(mixed);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const char *m = all[i];

		fails(u, (struct client){ .mechanism = m, .name = "anna", .password = "Secret" },
			false, USERS_WHY_PASSWORD);
		assert_string_equal(heard.who.name, "anna@example.net");
		fails(u, (struct client){ .mechanism = m, .name = "nobody", .password = "secret" },
			false, USERS_WHY_UNKNOWN);
		fails(u, (struct client){ .mechanism = m, .name = "locked", .password = "secret" },
			false, USERS_WHY_DISABLED);
		fails(u, (struct client){ .mechanism = m, .name = "a b", .password = "secret" },
			false, USERS_WHY_UNKNOWN);
	}
	fails(u, (struct client){ .mechanism = "SCRAM-SHA-256", .name = "scram", .password = "x" },
		false, USERS_WHY_PASSWORD);
	/* whose account cannot do it is nobody */
	fails(u,
		(struct client){
			.mechanism = "SCRAM-SHA-256", .name = "bert", .password = "Hello world!" },
		false, USERS_WHY_UNKNOWN);
	fails(u, (struct client){ .mechanism = "CRAM-MD5", .name = "scram", .password = "pencil" },
		false, USERS_WHY_UNKNOWN);
	users_close(&u);
}

static void nobody_acts_for_somebody_else(void **state)
{
	static const char *const some[] = { "PLAIN", "SCRAM-SHA-256" };
	struct users *u = open_users(mixed);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct client c = { .mechanism = some[i],
			.name = "anna",
			.password = "secret",
			.authzid = "bert" };

		fails(u, c, false, USERS_WHY_PASSWORD);
		c.authzid = "Anna@EXAMPLE.net";
		succeeds(u, c, false, "anna@example.net");
	}
	users_close(&u);
}

/* RFC 5802 6: a client that believes that we cannot bind, while we said that we can, was lied to. */
static void a_downgraded_client_is_refused(void **state)
{
	static const struct {
		const char *mechanism, *first;
		bool bound;
		enum users_says says;
	} cases[] = {
		{ "SCRAM-SHA-256", "y,,n=anna,r=abcdef", false, USERS_CONTINUE },
		{ "SCRAM-SHA-256", "n,,n=anna,r=abcdef", false, USERS_CONTINUE },
		{ "SCRAM-SHA-256", "n,,n=anna,r=abcdef", true, USERS_CONTINUE },
		{ "SCRAM-SHA-256", "y,,n=anna,r=abcdef", true, USERS_FAIL },
		{ "SCRAM-SHA-256", "p=tls-exporter,,n=anna,r=abcdef", true, USERS_FAIL },
		{ "SCRAM-SHA-256", "p=tls-exporter,,n=anna,r=abcdef", false, USERS_FAIL },
		{ "SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=anna,r=abcdef", true, USERS_CONTINUE },
		{ "SCRAM-SHA-256-PLUS", "p=tls-unique,,n=anna,r=abcdef", true, USERS_FAIL },
		{ "SCRAM-SHA-256-PLUS", "y,,n=anna,r=abcdef", true, USERS_FAIL },
		{ "SCRAM-SHA-256-PLUS", "n,,n=anna,r=abcdef", true, USERS_FAIL },
		{ "SCRAM-SHA-256", "junk", false, USERS_FAIL },
		{ "SCRAM-SHA-256", "", false, USERS_FAIL },
		{ "SCRAM-SHA-256", "n,,", false, USERS_FAIL },
		{ "SCRAM-SHA-256", "n,,n=,r=abcdef", false, USERS_FAIL },
	};
	struct users *u = open_users(mixed);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct users_facts facts = facts_of(cases[i].bound);
		struct exchange *x;

		assert_int_equal(
			users_begin(&x, u, cases[i].mechanism, &facts, on_heard, NULL), ERR_NONE);
		users_step(x, str_of(cases[i].first));
		assert_int_equal(heard.says, cases[i].says);
		users_end(&x);
	}
	users_close(&u);
}

static void a_binding_to_another_connection_is_refused(void **state)
{
	struct client c = { .mechanism = "SCRAM-SHA-256-PLUS",
		.name = "anna",
		.password = "secret",
		.binds = true };
	struct users_facts facts = facts_of(true);
	struct users *u = open_users(mixed);
	Gsasl_session *g = begin_client(&c);
	struct exchange *x;
	char *out;
	size_t n;

	(void)state;
	facts.bound = (void *)(uintptr_t) "fedcba9876543210fedcba9876543210";
	assert_int_equal(users_begin(&x, u, c.mechanism, &facts, on_heard, NULL), ERR_NONE);
	assert_int_equal(gsasl_step(g, "", 0, &out, &n), GSASL_NEEDS_MORE);
	users_step(x, (struct str){ out, n });
	gsasl_free(out);
	assert_int_equal(
		gsasl_step(g, heard.challenge, heard.challenge_n, &out, &n), GSASL_NEEDS_MORE);
	users_step(x, (struct str){ out, n });
	gsasl_free(out);
	run_pool();
	assert_int_equal(heard.says, USERS_FAIL);
	users_end(&x);
	gsasl_finish(g);
	users_close(&u);
}

/* What SCRAM says of salt and iterations of a name. */
static void look_at(struct users *u, const char *name, char *salt, size_t size)
{
	const struct users_facts facts = facts_of(false);
	struct exchange *x;
	char first[128];

	assert_int_equal(users_begin(&x, u, "SCRAM-SHA-256", &facts, on_heard, NULL), ERR_NONE);
	snprintf(first, sizeof(first), "n,,n=%s,r=abcdef", name);
	users_step(x, str_of(first));
	assert_int_equal(heard.says, USERS_CONTINUE);
	assert_non_null(strstr(heard.challenge, ",s="));
	snprintf(salt, size, "%s", strstr(heard.challenge, ",s="));
	users_end(&x);
}

static void nobody_looks_like_somebody(void **state)
{
	static const char *const names[] = { "anna", "bert", "nobody", "nobodyelse", "a=20b",
		"scram" };
	struct users *u = open_users(mixed);
	char salts[6][128], again[128];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		look_at(u, names[i], salts[i], sizeof(salts[i]));
		look_at(u, names[i], again, sizeof(again));
		assert_string_equal(salts[i], again);
		assert_int_equal(strlen(salts[i]), strlen(salts[0]));
		assert_non_null(strstr(salts[i], ",i=4096"));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(salts[i], salts[k]);
	}
	look_at(u, "NoBody@example.net", again, sizeof(again));
	assert_string_equal(again, salts[2]);
	users_close(&u);
}

/* As many jobs for nobody as for somebody, whatever the accounts store. */
static void nobody_costs_what_somebody_costs(void **state)
{
	static const char *const files[] = { plain_only, mixed, keys_only };
	static const char *const names[] = { "anna", "scram", "bert", "nobody" };

	(void)state;
	for (size_t f = 0; f < 3; f++) {
		struct users *u = open_users(files[f]);
		unsigned usual = 0;

		for (size_t i = 0; i < 4; i++) {
			const struct client c = {
				.mechanism = "SCRAM-SHA-256", .name = names[i], .password = "wrong"
			};

			pool.jobs = 0;
			(void)converse(u, &c, false);
			assert_int_equal(heard.says, USERS_FAIL);
			usual = i == 0 ? pool.jobs : usual;
			assert_int_equal(pool.jobs, usual);
		}
		users_close(&u);
	}
}

static void fails_anyhow(
	struct users *u, const char *mechanism, struct str first, struct str second)
{
	const struct users_facts facts = facts_of(false);
	struct exchange *x;

	assert_int_equal(users_begin(&x, u, mechanism, &facts, on_heard, NULL), ERR_NONE);
	users_step(x, first);
	if (heard.says == USERS_CONTINUE)
		users_step(x, second);
	run_pool();
	assert_int_equal(heard.says, USERS_FAIL);
	assert_int_equal(heard.why, USERS_WHY_SYNTAX);
	users_end(&x);
}

static void what_is_no_proof_is_refused(void **state)
{
	const struct str none = { NULL, 0 };
	struct users *u = open_users(mixed);
	char *large = calloc(1, USERS_RESPONSE_MAX + 2);

	(void)state;
	assert_non_null(large);
	memset(large, 'a', USERS_RESPONSE_MAX + 1);
	fails_anyhow(u, "LOGIN", none, none);
	fails_anyhow(u, "LOGIN", STR("anna"), STR(""));
	fails_anyhow(u, "LOGIN", STR("anna"), STR("sec\0ret"));
	fails_anyhow(u, "LOGIN", STR("an\0na"), STR("secret"));
	fails_anyhow(u, "LOGIN", STR("anna"), str_first(str_of(large), 512));
	fails_anyhow(u, "CRAM-MD5", STR("anna 0123456789abcdef0123456789abcdef"), none);
	fails_anyhow(u, "CRAM-MD5", none, STR("anna"));
	fails_anyhow(u, "CRAM-MD5", none, STR(" 0123456789abcdef0123456789abcdef"));
	fails_anyhow(u, "CRAM-MD5", none, none);
	fails_anyhow(u, "SCRAM-SHA-256", none, STR("n,,n=an\0na,r=abcdef"));
	fails_anyhow(u, "SCRAM-SHA-256", none, none);
	fails_anyhow(u, "SCRAM-SHA-256", STR("n,,n=anna,r=abcdef"), STR("c=biws,r=abcdef"));
	fails_anyhow(u, "SCRAM-SHA-256", STR("n,,n=anna,r=abcdef"), STR(""));
	fails_anyhow(u, "PLAIN", none, none);
	fails_anyhow(u, "PLAIN", str_of(large), none);
	free(large);
	users_close(&u);
}

static void tries_apop(struct users *u, const char *name, const char *digest, enum users_says says)
{
	struct users_facts facts = facts_of(false);
	struct exchange *x;
	char response[256];
	size_t n;

	facts.apop = STR("<1896.697170952@dbc.mtview.ca.us>");
	assert_true(users_plain(str_of(name), str_of(digest), response, sizeof(response), &n));
	assert_int_equal(users_begin(&x, u, "APOP", &facts, on_heard, NULL), ERR_NONE);
	users_step(x, (struct str){ response, n });
	assert_int_equal(heard.says, says);
	users_end(&x);
}

static void apop_is_as_in_its_rfc(void **state)
{
	struct users *u = open_users("mrose:{PLAIN}tanstaaf\nbert:" CRYPT "\n");
	const struct users_facts facts = facts_of(false);
	struct exchange *x;

	(void)state;
	tries_apop(u, "mrose", "c4c9334bac560ecc979e58001b3e22fb", USERS_OK);
	assert_string_equal(heard.who.name, "mrose@example.net");
	tries_apop(u, "mrose", "c4c9334bac560ecc979e58001b3e22fc", USERS_FAIL);
	assert_int_equal(heard.why, USERS_WHY_PASSWORD);
	tries_apop(u, "mrose", "c4c9334bac560ecc979e58001b3e22f", USERS_FAIL);
	tries_apop(u, "bert", "c4c9334bac560ecc979e58001b3e22fb", USERS_FAIL);
	assert_int_equal(heard.why, USERS_WHY_UNKNOWN);
	tries_apop(u, "nobody", "c4c9334bac560ecc979e58001b3e22fb", USERS_FAIL);
	assert_int_equal(users_begin(&x, u, "APOP", &facts, on_heard, NULL), ERR_ABSENT);
	assert_true(users_apop(u));
	users_close(&u);
}

static void what_is_announced_depends_on_accounts_and_connection(void **state)
{
	static const struct {
		const char *file;
		bool secure, bound;
		const char *wanted;
	} cases[] = {
		{ mixed, true, true, "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN CRAM-MD5" },
		{ mixed, true, false, "SCRAM-SHA-256 PLAIN LOGIN CRAM-MD5" },
		{ mixed, false, false, "SCRAM-SHA-256 CRAM-MD5" },
		{ keys_only, true, false, "SCRAM-SHA-256 PLAIN LOGIN" },
		{ crypt_only, true, true, "PLAIN LOGIN" },
		{ crypt_only, false, false, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct users *u = open_users(cases[i].file);
		struct users_facts facts = facts_of(cases[i].bound);
		char text[USERS_MECHANISMS_TEXT];
		struct exchange *x;

		facts.secure = cases[i].secure;
		assert_string_equal(users_mechanisms(u, &facts, text), cases[i].wanted);
		if (!facts.secure)
			assert_int_equal(
				users_begin(&x, u, "PLAIN", &facts, on_heard, NULL), ERR_DENIED);
		if (!facts.secure)
			assert_int_equal(
				users_begin(&x, u, "LOGIN", &facts, on_heard, NULL), ERR_DENIED);
		assert_int_equal(
			users_begin(&x, u, "SCRAM-SHA-1", &facts, on_heard, NULL), ERR_ABSENT);
		users_close(&u);
	}
}

/* At every step, with the job under way as well; the sanitisers look on. */
static void it_may_end_at_any_time(void **state)
{
	struct client c = { .mechanism = "SCRAM-SHA-256", .name = "anna", .password = "secret" };
	struct users *u = open_users(mixed);
	const struct users_facts facts = facts_of(false);

	(void)state;
	for (int stop = 0; stop < 4; stop++) {
		Gsasl_session *g = begin_client(&c);
		struct exchange *x;
		char *out;
		size_t n;

		assert_int_equal(users_begin(&x, u, c.mechanism, &facts, on_heard, NULL), ERR_NONE);
		heard.challenge_n = 0;
		for (int i = 0; i < stop; i++) {
			run_pool();
			out = NULL;
			n = 0;
			(void)!gsasl_step(g, heard.challenge, heard.challenge_n, &out, &n);
			users_step(x, (struct str){ out != NULL ? out : "", n });
			gsasl_free(out);
		}
		heard.n = 0;
		users_end(&x);
		run_pool();
		assert_int_equal(heard.n, 0);
		gsasl_finish(g);
	}
	users_close(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_right_proof_is_right_by_every_mechanism),
		cmocka_unit_test(a_wrong_one_is_wrong_and_says_why_to_the_log),
		cmocka_unit_test(nobody_acts_for_somebody_else),
		cmocka_unit_test(a_downgraded_client_is_refused),
		cmocka_unit_test(a_binding_to_another_connection_is_refused),
		cmocka_unit_test(nobody_looks_like_somebody),
		cmocka_unit_test(nobody_costs_what_somebody_costs),
		cmocka_unit_test(what_is_no_proof_is_refused),
		cmocka_unit_test(apop_is_as_in_its_rfc),
		cmocka_unit_test(what_is_announced_depends_on_accounts_and_connection),
		cmocka_unit_test(it_may_end_at_any_time),
	};
	int failed;

	close(mkstemp(path));
	log_open(&(struct log_settings){
		"test", STDERR_FILENO, LOG_LOGFMT, LOG_LEVEL_ERROR, false, NULL });
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	gsasl_done(library());
	unlink(path);
	return failed;
}
