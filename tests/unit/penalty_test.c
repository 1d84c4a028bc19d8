/* penalty_test.c - how wrong passwords add up, are forgotten, and what they cost. */
#include "tests/unit/test.h"

#include "common/window/penalty.h"

static const struct penalty_rules rules = { .free = 3, .max_ms = 30000, .decay_ms = 60000 };

static void each_different_wrong_password_counts_and_the_same_one_once(void **state)
{
	struct penalty p = { 0 };

	(void)state;
	assert_true(penalty_add(&p, &rules, 11, 1000));
	assert_false(penalty_add(&p, &rules, 11, 2000));
	assert_int_equal(penalty_level(&p, &rules, 2000), 1);
	assert_true(penalty_add(&p, &rules, 12, 3000));
	assert_false(penalty_add(&p, &rules, 11, 4000));
	assert_int_equal(penalty_level(&p, &rules, 4000), 2);
	/* what is not known is always another one */
	assert_true(penalty_add(&p, &rules, 0, 5000));
	assert_true(penalty_add(&p, &rules, 0, 5000));
	assert_int_equal(penalty_level(&p, &rules, 5000), 4);
}

static void a_password_used_often_is_not_pushed_out_by_others(void **state)
{
	struct penalty p = { 0 };

	(void)state;
	assert_true(penalty_add(&p, &rules, 7, 0));
	for (uint64_t secret = 100; secret < 150; secret++) {
		assert_true(penalty_add(&p, &rules, secret, 0));
		assert_false(penalty_add(&p, &rules, 7, 0));
	}
	for (uint64_t secret = 200; secret < 200 + PENALTY_SECRETS; secret++)
		assert_true(penalty_add(&p, &rules, secret, 0));
	assert_true(penalty_add(&p, &rules, 7, 0));
}

static void one_is_forgotten_in_each_span(void **state)
{
	struct penalty p = { 0 };

	(void)state;
	for (uint64_t secret = 1; secret <= 5; secret++)
		assert_true(penalty_add(&p, &rules, secret, 1000));
	assert_int_equal(penalty_level(&p, &rules, 1000 + 59999), 5);
	assert_int_equal(penalty_level(&p, &rules, 1000 + 60000), 4);
	assert_int_equal(penalty_level(&p, &rules, 1000 + 240000), 1);
	assert_int_equal(penalty_level(&p, &rules, 1000 + 300000), 0);
	assert_int_equal(penalty_level(&p, &rules, INT64_MAX), 0);
	assert_int_equal(penalty_level(&p, &rules, 0), 5); /* the clock went back */
	assert_true(penalty_add(&p, &rules, 9, 1000 + 240000));
	assert_int_equal(penalty_level(&p, &rules, 1000 + 240000), 2);
}

static void delays_double_to_a_bound_and_the_first_are_free(void **state)
{
	static const int64_t wanted[] = { 0, 0, 0, 0, 1000, 2000, 4000, 8000, 16000, 30000, 30000 };
	const struct penalty_rules off = { .free = 0, .max_ms = 0, .decay_ms = 1000 };

	(void)state;
	for (uint32_t level = 0; level < 11; level++) {
		assert_int_equal(penalty_delay(&rules, level, 1), wanted[level]);
		assert_int_equal(penalty_delay(&off, level, 1), 0);
	}
	assert_int_equal(penalty_delay(&rules, UINT32_MAX, 1), 30000);
	assert_int_equal(penalty_delay(&rules, 12, 4), 0);
	assert_int_equal(penalty_delay(&rules, 13, 4), 1000);
}

static struct addr address(const char *text)
{
	struct addr a;

	assert_true(addr_parse(str_of(text), &a));
	return a;
}

static bool shares(const char *a, const char *b, size_t i)
{
	static const struct subscriber nobody;
	struct penalty_key of_a[PENALTY_KEYS], of_b[PENALTY_KEYS];
	size_t n = penalty_keys(address(a), &nobody, of_a);

	assert_int_equal(penalty_keys(address(b), &nobody, of_b), n);
	assert_true(i < n);
	return of_a[i].n == of_b[i].n && memcmp(of_a[i].bytes, of_b[i].bytes, of_a[i].n) == 0;
}

static void ipv6_counts_by_three_networks_and_ipv4_by_its_address(void **state)
{
	struct penalty_key keys[PENALTY_KEYS];
	struct subscriber who;

	(void)state;
	assert_true(subscriber_fold(STR("anna@example.net"), STR(""), &who));
	assert_int_equal(penalty_keys(address("192.0.2.1"), &who, keys), 2);
	assert_int_equal(penalty_keys(address("2001:db8::1"), &who, keys), 4);
	assert_int_equal(keys[3].n, 1 + who.n);
	assert_false(shares("192.0.2.1", "192.0.2.2", 0));
	assert_true(shares("2001:db8::1", "2001:db8::2", 0));
	assert_false(shares("2001:db8::1", "2001:db8:0:1::1", 0));
	assert_true(shares("2001:db8::1", "2001:db8:0:1::1", 1));
	assert_false(shares("2001:db8::1", "2001:db8:0:100::1", 1));
	assert_true(shares("2001:db8::1", "2001:db8:0:100::1", 2));
	assert_false(shares("2001:db8::1", "2001:db8:1::1", 2));
}

static void rows_come_back_and_nothing_else_does(void **state)
{
	struct penalty p = { .failures = 3, .last_ms = 77, .secrets = { 1, UINT64_MAX } }, back;
	uint8_t bytes[PENALTY_MAX];
	size_t n = penalty_encode(&p, bytes);

	(void)state;
	assert_true(penalty_decode((struct str){ (char *)bytes, n }, &back));
	assert_memory_equal(&p, &back, sizeof(p));
	for (size_t i = 0; i < n; i++) {
		bytes[i] ^= 1;
		assert_false(penalty_decode((struct str){ (char *)bytes, n }, &back));
		bytes[i] ^= 1;
		assert_false(penalty_decode((struct str){ (char *)bytes, i }, &back));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_different_wrong_password_counts_and_the_same_one_once),
		cmocka_unit_test(a_password_used_often_is_not_pushed_out_by_others),
		cmocka_unit_test(one_is_forgotten_in_each_span),
		cmocka_unit_test(delays_double_to_a_bound_and_the_first_are_free),
		cmocka_unit_test(ipv6_counts_by_three_networks_and_ipv4_by_its_address),
		cmocka_unit_test(rows_come_back_and_nothing_else_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
