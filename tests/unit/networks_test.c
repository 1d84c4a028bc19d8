/* networks_test.c - networks that are known, and the days on which they end. */
#include "tests/unit/test.h"

#include "smtpgate/networks.h"

static void a_day_ends_at_the_midnight_behind_it(void **state)
{
	int64_t ms;

	(void)state;
	assert_true(date_end(STR("1970-01-01"), &ms) && ms == 86400000);
	assert_true(date_end(STR("2024-02-29"), &ms) && ms == INT64_C(1709251200000));
	assert_true(date_end(STR("2027-12-31"), &ms) && ms == INT64_C(1830297600000));
}

static void what_is_no_day_is_refused(void **state)
{
	static const char *const wrong[] = { "", "2027", "2027-01", "2027-1-1", "2027-13-01",
		"2027-02-29", "2027-00-10", "2027-01-00", "2027-01-32", "27-01-01", "2027-01-01 ",
		"1969-12-31", "2027-01-31-1", "20270131" };
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(date_end(str_of(wrong[i]), &ms));
}

static struct known_network known(const char *text, int64_t until_ms, bool relay, bool rewrite)
{
	struct known_network k = {
		.note = text, .until_ms = until_ms, .relay = relay, .rewrite = rewrite
	};

	assert_true(network_parse(str_of(text), &k.network));
	return k;
}

static void a_network_is_a_proof_until_its_end(void **state)
{
	struct networks n = { .n = 3 };
	struct addr a, b;
	bool ended;

	(void)state;
	n.at[0] = known("192.0.2.0/25", 1000, true, false);
	n.at[1] = known("192.0.2.0/24", 2000, true, true);
	n.at[2] = known("2001:db8::/32", INT64_MAX, false, true);
	assert_true(addr_parse(STR("192.0.2.1"), &a));
	assert_true(addr_parse(STR("2001:db8::1"), &b));
	assert_ptr_equal(networks_proof(&n, a, 999, &ended), &n.at[0]);
	assert_ptr_equal(networks_proof(&n, a, 1000, &ended), &n.at[1]);
	assert_null(networks_proof(&n, a, 2000, &ended));
	assert_true(ended);
	assert_null(networks_proof(&n, b, 0, &ended));
	assert_false(ended);
	assert_true(networks_rewrite(&n, a) && networks_rewrite(&n, b));
	assert_true(addr_parse(STR("198.51.100.1"), &a));
	assert_false(networks_rewrite(&n, a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_ends_at_the_midnight_behind_it),
		cmocka_unit_test(what_is_no_day_is_refused),
		cmocka_unit_test(a_network_is_a_proof_until_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
