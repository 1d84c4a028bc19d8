/* addr_test.c - addresses, networks and endpoints as text and as keys. */
#include "tests/unit/test.h"

#include "common/base/addr.h"

static struct addr addr(const char *text)
{
	struct addr a;

	assert_true(addr_parse(str_of(text), &a));
	return a;
}

static void prints_what_it_reads(void **state)
{
	static const char *const same[] = { "192.0.2.1", "0.0.0.0", "255.255.255.255", "::1",
		"::", "2001:db8::1", "fe80::1:2:3:4" };
	char text[ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_string_equal(addr_format(addr(same[i]), text), same[i]);
}

static void refuses_what_is_no_address(void **state)
{
	static const char *const junk[] = { "", "192.0.2", "192.0.2.256", "192.0.2.1 ",
		"1.2.3.4/32", "[::1]", "::1%lo", "fe80::1::2", "host.example" };
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
		assert_false(addr_parse(str_of(junk[i]), &a));
}

static void a_mapped_client_is_an_ipv4_client(void **state)
{
	(void)state;
	assert_true(addr_eq(addr("::ffff:192.0.2.1"), addr("192.0.2.1")));
	assert_true(addr_is_v4(addr("::ffff:192.0.2.1")));
	assert_false(addr_is_v4(addr("2001:db8::1")));
}

static void keys_are_masked_by_family(void **state)
{
	(void)state;
	assert_true(addr_eq(addr_key(addr("192.0.2.77"), 24, 64), addr("192.0.2.0")));
	assert_true(addr_eq(addr_key(addr("192.0.2.77"), 32, 64), addr("192.0.2.77")));
	assert_true(
		addr_eq(addr_key(addr("2001:db8:1:2:3:4:5:6"), 32, 64), addr("2001:db8:1:2::")));
	assert_true(addr_eq(addr_key(addr("2001:db8:1:2:3:4:5:6"), 32, 61), addr("2001:db8:1::")));
}

static void networks_hold_their_own_and_no_stray_bits(void **state)
{
	struct network n;
	char text[ADDR_TEXT];

	(void)state;
	assert_true(network_parse(STR("192.0.2.0/25"), &n));
	assert_true(network_holds(n, addr("192.0.2.127")));
	assert_false(network_holds(n, addr("192.0.2.128")));
	assert_false(network_holds(n, addr("2001:db8::1")));
	assert_string_equal(network_format(n, text), "192.0.2.0/25");
	assert_true(network_parse(STR("2001:db8::/33"), &n));
	assert_true(network_holds(n, addr("2001:db8:7fff::1")));
	assert_false(network_holds(n, addr("2001:db8:8000::1")));
	assert_false(network_parse(STR("192.0.2.1/24"), &n));
	assert_false(network_parse(STR("192.0.2.0/33"), &n));
	assert_false(network_parse(STR("192.0.2.0/"), &n));
}

static void endpoints_have_a_port(void **state)
{
	static const char *const junk[] = { "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536",
		"::1:110", "[127.0.0.1]:110", "[::1]", ":110", "[::1]110" };
	struct endpoint e;
	char text[ENDPOINT_TEXT];

	(void)state;
	assert_true(endpoint_parse(STR("127.0.0.1:110"), &e));
	assert_int_equal(e.port, 110);
	assert_true(endpoint_parse(STR("[::]:995"), &e));
	assert_string_equal(endpoint_format(e, text), "[::]:995");
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
		assert_false(endpoint_parse(str_of(junk[i]), &e));
}

static void loopback_is_a_whole_network(void **state)
{
	(void)state;
	assert_true(addr_is_loopback(addr("127.9.9.9")));
	assert_true(addr_is_loopback(addr("::1")));
	assert_false(addr_is_loopback(addr("128.0.0.1")));
	assert_false(addr_is_loopback(addr("::2")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_what_it_reads),
		cmocka_unit_test(refuses_what_is_no_address),
		cmocka_unit_test(a_mapped_client_is_an_ipv4_client),
		cmocka_unit_test(keys_are_masked_by_family),
		cmocka_unit_test(networks_hold_their_own_and_no_stray_bits),
		cmocka_unit_test(endpoints_have_a_port),
		cmocka_unit_test(loopback_is_a_whole_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
