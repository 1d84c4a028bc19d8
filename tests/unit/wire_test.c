/* wire_test.c - packets of the store's socket. */
#include "tests/unit/test.h"

#include "common/window/wire.h"

static struct str packet_of(const struct request *r, uint8_t *bytes)
{
	return (struct str){ (char *)bytes, wire_put_request(r, bytes) };
}

static void requests_come_back_and_nothing_shorter_or_longer(void **state)
{
	struct request r = { .kind = WIRE_GRANT,
		.ticket = 77,
		.grant = { .port = 9, .source = { "pop3", "plain", true }, .sid = "abc" } };
	uint8_t bytes[WIRE_MAX + 1] = { 0 };
	struct request back;
	struct answer a;
	struct str packet;

	(void)state;
	assert_true(subscriber_fold(STR("anna"), STR("example.net"), &r.grant.who));
	r.grant.account.b[FINGERPRINT_MAX - 1] = 3;
	packet = packet_of(&r, bytes);
	assert_true(wire_get_request(packet, &back));
	assert_true(back.ticket == 77 && back.grant.port == 9 && back.grant.source.tls);
	assert_string_equal(back.grant.who.name, "anna@example.net");
	assert_string_equal(back.grant.sid, "abc");
	assert_true(fingerprint_eq(&back.grant.account, &r.grant.account));
	assert_false(wire_get_answer(packet, &a));
	for (size_t n = 0; n < packet.n; n++)
		assert_false(wire_get_request(str_first(packet, n), &back));
	assert_false(wire_get_request((struct str){ packet.p, packet.n + 1 }, &back));
}

static void what_no_program_of_ours_writes_is_refused(void **state)
{
	struct request nobody = { .kind = WIRE_GRANT };
	struct request odd = { .kind = WIRE_REVOKE, .revocation = { .scope = SCOPE_SUBSCRIBER } };
	struct request for_ever = { .kind = WIRE_GRANT,
		.grant.lifetime_ms = GRANT_LIFETIME_MAX_MS + 1 };
	struct request upper = { .kind = WIRE_GRANT, .grant.who = { 6, "A@b.cd" } };
	uint8_t bytes[WIRE_MAX];
	struct request back;

	(void)state;
	assert_true(subscriber_fold(STR("anna"), STR("x.example"), &for_ever.grant.who));
	assert_false(wire_get_request(packet_of(&nobody, bytes), &back));
	assert_false(wire_get_request(packet_of(&odd, bytes), &back));
	assert_false(wire_get_request(packet_of(&for_ever, bytes), &back));
	assert_false(wire_get_request(packet_of(&upper, bytes), &back));
}

static void failures_and_uses_come_back(void **state)
{
	struct request f = { .kind = WIRE_FAILURE, .failure = { .secret = UINT64_MAX } };
	struct request u = { .kind = WIRE_USE, .use = { .messages = 1, .recipients = 2 } };
	uint8_t bytes[WIRE_MAX];
	struct request back;

	(void)state;
	assert_true(wire_get_request(packet_of(&f, bytes), &back)); /* of a name nobody can have */
	assert_true(back.failure.secret == UINT64_MAX && back.failure.who.n == 0);
	assert_true(subscriber_fold(STR("anna"), STR("x.example"), &f.failure.who));
	assert_true(wire_get_request(packet_of(&f, bytes), &back));
	assert_string_equal(back.failure.who.name, "anna@x.example");
	assert_true(wire_get_request(packet_of(&u, bytes), &back));
	assert_true(back.use.messages == 1 && back.use.recipients == 2 && !back.use.login);
	u.use.login = true; /* of nobody */
	assert_false(wire_get_request(packet_of(&u, bytes), &back));
	u.use.who = f.failure.who;
	assert_true(wire_get_request(packet_of(&u, bytes), &back));
	u.use.messages = RATE_COUNT_MAX + 1;
	assert_false(wire_get_request(packet_of(&u, bytes), &back));
}

static void a_use_says_how_the_message_got_through(void **state)
{
	struct request u = { .kind = WIRE_USE,
		.use = { .messages = 1,
			.by = USE_BY_AUTH,
			.tls = true,
			.port = 4711,
			.listener = 587,
			.mechanism = "plain",
			.sid = "s1" } };
	uint8_t bytes[WIRE_MAX];
	struct request back;

	(void)state;
	use_helo(&u.use, STR("my\x80 pc\n"));
	assert_string_equal(u.use.helo, "my??pc?");
	assert_false(wire_get_request(packet_of(&u, bytes), &back)); /* of nobody */
	assert_true(subscriber_fold(STR("anna"), STR("x.example"), &u.use.who));
	assert_true(wire_get_request(packet_of(&u, bytes), &back));
	assert_true(back.use.by == USE_BY_AUTH && back.use.tls && back.use.port == 4711 &&
		back.use.listener == 587);
	assert_string_equal(back.use.mechanism, "plain");
	assert_string_equal(back.use.sid, "s1");
	assert_string_equal(back.use.helo, "my??pc?");
}

static void answers_come_back(void **state)
{
	const struct answer a = {
		.ticket = 5, .result = ERR_FULL, .stamp_ms = 1, .until_ms = 2, .never = true
	};
	uint8_t bytes[WIRE_MAX];
	struct str packet = { (char *)bytes, wire_put_answer(&a, bytes) };
	struct answer back;
	struct request r;

	(void)state;
	assert_true(wire_get_answer(packet, &back));
	assert_true(back.ticket == 5 && back.result == ERR_FULL && back.until_ms == 2 &&
		back.never && !back.renewed);
	assert_false(wire_get_request(packet, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_come_back_and_nothing_shorter_or_longer),
		cmocka_unit_test(what_no_program_of_ours_writes_is_refused),
		cmocka_unit_test(failures_and_uses_come_back),
		cmocka_unit_test(a_use_says_how_the_message_got_through),
		cmocka_unit_test(answers_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
