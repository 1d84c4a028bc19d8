/* received_test.c - the line we add cannot be made into two. */
#include "tests/unit/test.h"

#include "smtpgate/received.h"

static void says_who_came_and_nothing_he_made_up(void **state)
{
	struct received r = { .helo = STR("pc.example"),
		.hostname = "mx.example.net",
		.esmtp = true,
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

static void names_how_a_message_came(void **state)
{
	static const struct {
		struct received r;
		const char *want;
	} rows[] = {
		{ { .esmtp = false, .tls = true }, " with SMTP id" },
		{ { .esmtp = true, .tls = true }, " with ESMTPS id" },
		{ { .esmtp = true, .auth = true }, " with ESMTPA id" },
		{ { .esmtp = true, .tls = true, .auth = true }, " with ESMTPSA id" },
		{ { .esmtp = true, .tls = true, .utf8 = true }, " with UTF8SMTPS id" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct received r = rows[i].r;

		r.hostname = r.sid = "x";
		received_put(&out, &r);
		buf_add(&out, (struct str){ "", 1 });
		assert_non_null(strstr(buf_str(&out).p, rows[i].want));
		buf_clear(&out);
	}
	buf_free(&out);
}

static void fields_are_counted_however_they_are_cut(void **state)
{
	struct str header = STR("Received: a\r\n\tReceived: b\r\nRECEIVED:c\r\nReceived : d\r\n"
				"Receive\r\nX-Received: e\r\n\r\nReceived: f\r\n");

	(void)state;
	for (size_t cut = 0; cut <= header.n; cut++) {
		struct received_count c = { 0 };

		received_look(&c, str_first(header, cut));
		received_look(&c, str_from(header, cut));
		assert_int_equal(c.n, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(says_who_came_and_nothing_he_made_up),
		cmocka_unit_test(names_how_a_message_came),
		cmocka_unit_test(fields_are_counted_however_they_are_cut) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
