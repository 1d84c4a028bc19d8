/* places_test.c - each domain and each network of the config is found, and nothing else. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "smtpgate/places.h"

static struct conf *c;
static struct places *p;

static void open_with(const char *lines)
{
	struct buf text, complaints;

	buf_init(&text, 1 << 20);
	buf_init(&complaints, 4096);
	buf_add(&text, STR("smtpgate {\n"));
	buf_add(&text, str_of(lines));
	buf_add(&text, STR("}\n"));
	assert_int_equal(conf_parse(&c, "test", buf_str(&text), &complaints), ERR_NONE);
	assert_int_equal(places_open(&p, conf_section(conf_root(c), "smtpgate", 0)), ERR_NONE);
	buf_free(&text);
	buf_free(&complaints);
}

static void close_all(void)
{
	places_close(&p);
	conf_close(&c);
}

static void domains_are_found_in_either_case(void **state)
{
	(void)state;
	open_with("local_domains = { \"Example.NET\", \"a.example\", \"example.org\" }\n");
	assert_true(places_is_local(p, STR("example.net")));
	assert_true(places_is_local(p, STR("EXAMPLE.net")));
	assert_true(places_is_local(p, STR("a.example")));
	assert_true(places_is_local(p, STR("example.org")));
	assert_false(places_is_local(p, STR("")));
	assert_false(places_is_local(p, STR("example")));
	assert_false(places_is_local(p, STR("b.example")));
	assert_false(places_is_local(p, STR("x.example.net")));
	assert_false(places_is_local(p, STR("example.neu")));
	close_all();
}

/* In whatever order, and however many. */
static void each_of_many_is_found(void **state)
{
	static char lines[200000];
	size_t n = (size_t)snprintf(lines, sizeof(lines), "local_domains = { \"x.example\"");
	char name[40];

	(void)state;
	for (unsigned i = 0; i < 3000; i++)
		n += (size_t)snprintf(
			lines + n, sizeof(lines) - n, ", \"D%u.example\"", i * 7919 % 3000);
	snprintf(lines + n, sizeof(lines) - n, " }\n");
	open_with(lines);
	for (unsigned i = 0; i < 3010; i++) {
		snprintf(name, sizeof(name), "d%u.example", i);
		assert_int_equal(places_is_local(p, str_of(name)), i < 3000);
	}
	assert_true(places_is_local(p, STR("x.example")));
	close_all();
}

static void networks_hold_their_addresses(void **state)
{
	static const struct {
		const char *text;
		bool held;
	} rows[] = { { "192.0.2.1", true }, { "192.0.3.1", false }, { "2001:db8::5", true },
		{ "2001:db9::5", false }, { "198.51.100.7", true }, { "198.51.100.8", false } };

	(void)state;
	open_with("networks = { \"192.0.2.0/24\", \"2001:db8::/32\", \"198.51.100.7\" }\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a;

		assert_true(addr_parse(str_of(rows[i].text), &a));
		assert_int_equal(places_is_network(p, a), rows[i].held);
	}
	close_all();
}

static void without_any_nothing_is_ours(void **state)
{
	struct addr a = { { 0 } };

	(void)state;
	open_with("");
	assert_false(places_is_local(p, STR("example.net")));
	assert_false(places_is_network(p, a));
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains_are_found_in_either_case),
		cmocka_unit_test(each_of_many_is_found),
		cmocka_unit_test(networks_hold_their_addresses),
		cmocka_unit_test(without_any_nothing_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
