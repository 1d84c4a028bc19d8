/* introduce_test.c - how a client is made known: xtext, XCLIENT's lines, the PROXY header. */
#include "tests/unit/test.h"

#include "smtpgate/introduce.h"

static struct introduction client_at(const char *address)
{
	struct introduction i = { .client = { .port = 1025 },
		.gate = { .port = 25 },
		.name = "host.example",
		.helo = "pc",
		.esmtp = true };

	assert_true(addr_parse(str_of(address), &i.client.addr));
	assert_true(addr_parse(str_of(address), &i.gate.addr));
	return i;
}

static void says(const struct introduction *i, unsigned attributes, const char *want)
{
	struct buf out;

	buf_init(&out, 4096);
	assert_true(xclient_put(&out, i, attributes));
	buf_add(&out, (struct str){ "", 1 });
	assert_string_equal(buf_str(&out).p, want);
	buf_free(&out);
}

static void attributes_are_read_as_offered(void **state)
{
	(void)state;
	assert_int_equal(xclient_attributes(STR("NAME ADDR port Proto helo LOGIN")), 63);
	assert_int_equal(xclient_attributes(STR("DESTADDR  TTL ADDRESS")), 0);
	assert_int_equal(xclient_attributes(STR("")), 0);
}

static void an_address_says_its_family(void **state)
{
	const struct introduction v4 = client_at("192.0.2.1"), v6 = client_at("2001:db8::1");

	(void)state;
	says(&v4, XCLIENT_ADDR, "XCLIENT ADDR=192.0.2.1\r\n");
	says(&v6, XCLIENT_ADDR | XCLIENT_PORT, "XCLIENT ADDR=IPV6:2001:db8::1 PORT=1025\r\n");
}

static void what_is_not_known_is_said_to_be_so(void **state)
{
	struct introduction i = client_at("192.0.2.1");

	(void)state;
	i.name[0] = '\0';
	i.esmtp = false;
	says(&i, XCLIENT_NAME | XCLIENT_PROTO | XCLIENT_LOGIN,
		"XCLIENT NAME=[UNAVAILABLE] PROTO=SMTP LOGIN=[UNAVAILABLE]\r\n");
	i.name_later = true;
	says(&i, XCLIENT_NAME, "XCLIENT NAME=[TEMPUNAVAIL]\r\n");
}

static void a_client_cannot_add_an_attribute(void **state)
{
	struct introduction i = client_at("192.0.2.1");

	(void)state;
	strcpy(i.helo, "x LOGIN=root\r\nQUIT+");
	says(&i, XCLIENT_HELO, "XCLIENT HELO=x+20LOGIN+3Droot+0D+0AQUIT+2B\r\n");
	assert_string_equal(introduction_hello(&i), "");
	strcpy(i.helo, "[192.0.2.1]");
	assert_string_equal(introduction_hello(&i), "[192.0.2.1]");
}

static void long_ones_take_two_lines_and_what_goes_together_stays_together(void **state)
{
	struct introduction i = client_at("192.0.2.1");
	unsigned next;

	(void)state;
	assert_int_equal(xclient_next(&i, 63), 63);
	memset(i.name, 'n', 250);
	memset(i.helo, 'h', 250);
	next = xclient_next(&i, 63);
	assert_int_equal(next, XCLIENT_ADDR | XCLIENT_PORT | XCLIENT_NAME);
	assert_int_equal(
		xclient_next(&i, 63 & ~next), XCLIENT_HELO | XCLIENT_PROTO | XCLIENT_LOGIN);
}

static void a_helo_that_does_not_fit_is_left_unsaid(void **state)
{
	struct introduction i = client_at("192.0.2.1");

	(void)state;
	memset(i.helo, '+', 255);
	says(&i, XCLIENT_HELO | XCLIENT_PROTO, "XCLIENT HELO=[UNAVAILABLE] PROTO=ESMTP\r\n");
}

static void proxy_header_says_both_ends(void **state)
{
	struct introduction i = client_at("192.0.2.1");
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	proxy_put(&out, &i);
	assert_int_equal(out.len, 16 + 12);
	assert_memory_equal(
		buf_str(&out).p + 12, "\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\1\4\1\0\x19", 16);
	buf_clear(&out);
	i = client_at("2001:db8::1");
	proxy_put(&out, &i);
	assert_int_equal(out.len, 16 + 36);
	assert_memory_equal(buf_str(&out).p + 12, "\x21\x21\0\x24\x20\x01\x0d\xb8", 8);
	buf_clear(&out);
	i.client.port = 0;
	proxy_put(&out, &i);
	assert_int_equal(out.len, 16);
	assert_memory_equal(buf_str(&out).p, "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);
	buf_free(&out);
}

static void xtext_is_read_strictly(void **state)
{
	static const char *const bad[] = { "+2b", "+4", "+", "a=b", "a b", "+41", "\x7f", "+G0" };
	char dst[4];
	size_t n = 9;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(xtext_read(str_of(bad[i]), dst, sizeof(dst), &n));
	assert_false(xtext_read(STR("abcde"), dst, sizeof(dst), &n));
	assert_int_equal(n, 9);
	assert_true(xtext_read(STR("a+20+2B"), dst, sizeof(dst), &n));
	assert_int_equal(n, 3);
	assert_memory_equal(dst, "a +", 3);
}

static void the_same_client_is_the_same(void **state)
{
	struct introduction a = client_at("192.0.2.1"), b = a;

	(void)state;
	strcpy(b.name, "other.example"); /* found out later */
	assert_true(introduction_eq(&a, &b));
	assert_true(subscriber_fold(STR("anna@example.net"), STR(""), &b.login));
	assert_false(introduction_eq(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_read_as_offered),
		cmocka_unit_test(an_address_says_its_family),
		cmocka_unit_test(what_is_not_known_is_said_to_be_so),
		cmocka_unit_test(a_client_cannot_add_an_attribute),
		cmocka_unit_test(long_ones_take_two_lines_and_what_goes_together_stays_together),
		cmocka_unit_test(a_helo_that_does_not_fit_is_left_unsaid),
		cmocka_unit_test(proxy_header_says_both_ends),
		cmocka_unit_test(xtext_is_read_strictly),
		cmocka_unit_test(the_same_client_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
