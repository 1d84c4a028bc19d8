/* record_test.c - what is written is read, and nothing else is. */
#include "tests/unit/test.h"

#include "common/base/crc32c.h"
#include "common/window/record.h"

static struct record sample(void)
{
	struct record r = { .kind = RECORD_GRANT,
		.port = 4242,
		.logins = 7,
		.login_ms = 1795520000123,
		.until_ms = 1795520000999,
		.origin = 0x1122334455667788,
		.sequence = 9,
		.source = { "pop3", "plain", true } };

	assert_true(addr_parse(STR("192.0.2.1"), &r.key));
	assert_true(subscriber_fold(STR("anna"), STR("example.net"), &r.who));
	return r;
}

static void comes_back_as_it_was(void **state)
{
	const struct record r = sample();
	struct record back;
	uint8_t bytes[RECORD_MAX], again[RECORD_MAX];
	size_t n = record_encode(&r, bytes);

	(void)state;
	assert_true(record_decode((struct str){ (char *)bytes, n }, &back));
	assert_int_equal(record_encode(&back, again), n);
	assert_memory_equal(bytes, again, n);
	assert_true(
		back.login_ms == r.login_ms && back.until_ms == r.until_ms && back.port == 4242);
	assert_string_equal(back.who.name, "anna@example.net");
	assert_string_equal(back.source.mechanism, "plain");
}

static void its_times_are_read_without_the_rest(void **state)
{
	const struct record r = sample();
	uint8_t bytes[RECORD_MAX];
	size_t n = record_encode(&r, bytes);
	enum record_kind kind;
	int64_t login_ms, until_ms;

	(void)state;
	bytes[n - 1] ^= 1;
	assert_true(record_times((struct str){ (char *)bytes, n }, &kind, &login_ms, &until_ms));
	assert_true(kind == RECORD_GRANT && login_ms == r.login_ms && until_ms == r.until_ms);
	assert_false(record_times((struct str){ (char *)bytes, 40 }, &kind, &login_ms, &until_ms));
	assert_false(record_times(STR(""), &kind, &login_ms, &until_ms));
}

/* What a store of before has written must count, or an upgrade would close every window. */
static void a_record_without_a_fingerprint_is_as_it_always_was(void **state)
{
	static const uint8_t before[] = "\x01\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"
					"\x00\x00\xff\xff\xc0\x00\x02\x01\x92\x10\x07\x00\x00\x00";
	const struct record old = sample();
	struct record with = sample(), back;
	uint8_t bytes[RECORD_MAX];
	size_t n = record_encode(&old, bytes), more;

	(void)state;
	assert_memory_equal(bytes, before, sizeof(before) - 1);
	with.account.b[0] = 1;
	with.account.b[FINGERPRINT_MAX - 1] = 9;
	more = record_encode(&with, bytes);
	assert_int_equal(more, n + FINGERPRINT_MAX);
	assert_true(record_decode((struct str){ (char *)bytes, more }, &back));
	assert_true(fingerprint_eq(&back.account, &with.account));
	assert_string_equal(back.who.name, "anna@example.net");
}

static void every_flipped_bit_and_every_cut_is_seen(void **state)
{
	const struct record r = sample();
	struct record back;
	uint8_t bytes[RECORD_MAX];
	size_t n = record_encode(&r, bytes);

	(void)state;
	for (size_t cut = 0; cut < n; cut++)
		assert_false(record_decode((struct str){ (char *)bytes, cut }, &back));
	for (size_t bit = 0; bit < n * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		assert_false(record_decode((struct str){ (char *)bytes, n }, &back));
		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
}

static void the_crc_is_castagnoli_s(void **state)
{
	(void)state;
	assert_int_equal(crc32c("123456789", 9),
		0xe3069283); /* RFC 3720 B.4's polynomial, its check value */
	assert_int_equal(crc32c("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(its_times_are_read_without_the_rest),
		cmocka_unit_test(a_record_without_a_fingerprint_is_as_it_always_was),
		cmocka_unit_test(every_flipped_bit_and_every_cut_is_seen),
		cmocka_unit_test(the_crc_is_castagnoli_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
