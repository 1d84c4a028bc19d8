/* received_test.c - the line we add cannot be made into two. */
#include "tests/unit/test.h"

#include "smtpgate/received.h"

static void says_who_came_and_nothing_he_made_up(void **state)
{
	struct received r = { .helo = STR("pc.example"),
		.hostname = "mx.example.net",
		.protocol = "ESMTP",
		.sid = "abc",
		.now_ms = 1795520000000 };
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_true(addr_parse(STR("192.0.2.1"), &r.client));
	received_put(&out, &r);
	assert_true(str_eq(buf_str(&out),
		STR("Received: from pc.example ([192.0.2.1])\r\n\tby mx.example.net with ESMTP id "
		    "abc;\r\n"
		    "\tTue, 24 Nov 2026 11:33:20 +0000\r\n")));
	buf_clear(&out);
	r.helo = STR("x\r\nX-Evil: (y) \"z\" <>");
	assert_true(addr_parse(STR("2001:db8::1"), &r.client));
	received_put(&out, &r);
	assert_true(str_starts_nocase(buf_str(&out),
		STR("Received: from x??X-Evil:??y???z???? ([IPv6:2001:db8::1])\r\n\tby ")));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(
		says_who_came_and_nothing_he_made_up) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
