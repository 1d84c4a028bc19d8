/* notice_test.c - what the store tells comes through whole, or not at all. */
#include "tests/unit/test.h"

#include "common/window/notice.h"

static struct notice example(enum notice_kind kind)
{
	struct notice e = { .kind = kind,
		.stamp_ms = 1700000000000,
		.until_ms = 1700002000000,
		.port = 41000,
		.scope = SCOPE_KEY_SUBSCRIBER,
		.count = 7,
		.source = { "pop3", "scram-sha-256", true } };

	assert_true(addr_parse(STR("2001:db8::1"), &e.addr));
	assert_true(subscriber_fold(STR("Anna@Example.Net"), STR(""), &e.who));
	return e;
}

static void every_kind_comes_back_as_it_was(void **state)
{
	uint8_t bytes[NOTICE_MAX];
	struct notice back;

	(void)state;
	for (int kind = NOTICE_GRANT; kind <= NOTICE_MISSED; kind++) {
		struct notice e = example((enum notice_kind)kind);
		size_t n = notice_encode(&e, bytes);

		assert_true(notice_decode((struct str){ (const char *)bytes, n }, &back));
		assert_true(back.kind == e.kind && back.stamp_ms == e.stamp_ms &&
			back.until_ms == e.until_ms && addr_eq(back.addr, e.addr) &&
			back.port == e.port && back.scope == e.scope && back.count == e.count &&
			subscriber_eq(&back.who, &e.who) && back.source.tls);
		assert_string_equal(back.source.mechanism, e.source.mechanism);
	}
}

static void half_a_packet_or_more_than_one_is_none(void **state)
{
	const struct notice e = example(NOTICE_GRANT);
	uint8_t bytes[NOTICE_MAX + 1] = { 0 };
	size_t n = notice_encode(&e, bytes);
	struct notice back;

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_false(notice_decode((struct str){ (const char *)bytes, i }, &back));
	assert_false(notice_decode((struct str){ (const char *)bytes, n + 1 }, &back));
	bytes[2] = NOTICE_MISSED + 1;
	assert_false(notice_decode((struct str){ (const char *)bytes, n }, &back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_comes_back_as_it_was),
		cmocka_unit_test(half_a_packet_or_more_than_one_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
