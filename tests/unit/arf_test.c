/* arf_test.c - abuse reports of RFC 5965 and RFC 6692, as they come and as they should not. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "ctl/arf.h"

#define HEAD                               \
	"From: <abuse@reporter.example>\n" \
	"To: <abuse@example.net>\n"        \
	"Subject: a report\n"              \
	"MIME-Version: 1.0\n"
#define REPORT                            \
	"Feedback-Type: abuse\n"          \
	"User-Agent: SomeGenerator/1.0\n" \
	"Version: 1\n"                    \
	"Source-IP: 192.0.2.7\n"          \
	"Source-Port: 50312\n"            \
	"Arrival-Date: Thu, 08 Mar 2026 14:00:00 -0500 (EST)\n"
#define WHEN INT64_C(1772996400000)
#define PART "--b1\nContent-Type: message/feedback-report\n\n"
#define MULTI                                                                 \
	HEAD "Content-Type: multipart/report; report-type=feedback-report;\n" \
	     "\tboundary=\"b1\"\n\nThis is MIME.\n--b1\nContent-Type: text/plain\n\nHello\n"
#define ENCLOSED                                                                  \
	"\n--b1\nContent-Type: message/rfc822\n\n"                                \
	"Received: from x\nContent-Type: multipart/report; boundary=in\n\n--in\n" \
	"Content-Type: message/feedback-report\n\nFeedback-Type: fraud\n"         \
	"Source-IP: 203.0.113.1\n--in--\n\n--b1--\n"

static bool read_text(const char *text, struct arf *a)
{
	return arf_read(str_of(text), a);
}

static void assert_whole(const struct arf *a)
{
	char text[ADDR_TEXT];

	assert_null(a->odd);
	assert_true(a->has_addr && a->has_port && a->has_date);
	assert_string_equal(addr_format(a->addr, text), "192.0.2.7");
	assert_int_equal(a->port, 50312);
	assert_true(a->date.ms == WHEN && a->date.zoned);
	assert_string_equal(a->type, "abuse");
}

static void a_report_says_whose_connection_and_when(void **state)
{
	struct arf a;

	(void)state;
	assert_true(read_text(MULTI PART REPORT ENCLOSED, &a));
	assert_whole(&a);
}

static void line_ends_may_be_crlf(void **state)
{
	const char *text = MULTI PART REPORT ENCLOSED;
	char crlf[4096];
	size_t n = 0;
	struct arf a;

	(void)state;
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			crlf[n++] = '\r';
		crlf[n++] = *text;
	}
	assert_true(arf_read((struct str){ crlf, n }, &a));
	assert_whole(&a);
}

static void the_enclosed_message_is_never_believed(void **state)
{
	struct arf a;

	(void)state;
	assert_false(read_text(MULTI ENCLOSED, &a));
	assert_true(read_text(MULTI PART "Feedback-Type: abuse\n" ENCLOSED, &a));
	assert_false(a.has_addr);
}

static void a_report_may_be_forwarded_within_a_mail(void **state)
{
	struct arf a;

	(void)state;
	assert_true(read_text(HEAD "Content-Type: multipart/mixed; boundary=(o)=_'?;x=\"a;b\"\n\n"
				   "--(o)=_'?\nContent-Type: message/rfc822\n\n" MULTI PART REPORT
				   "--b1--\n--(o)=_'?--\n",
			    &a) == false); /* unquoted, a parenthesis begins a comment */
	assert_true(read_text(HEAD
		"Content-Type: multipart/mixed; x=\"a;b=c\"; boundary=\"(o)=_'?\"\n\n"
		"--(o)=_'?\nContent-Type: message/rfc822\n\n" MULTI PART REPORT
		"--b1--\n--(o)=_'?--\n",
		&a));
	assert_whole(&a);
}

static void a_part_alone_is_read(void **state)
{
	struct arf a;

	(void)state;
	assert_true(read_text("Content-Type: message/feedback-report\n\n" REPORT, &a));
	assert_whole(&a);
	assert_true(read_text(REPORT, &a));
	assert_whole(&a);
}

static void encodings_are_undone(void **state)
{
	struct arf a;

	(void)state;
	assert_true(read_text("Content-Type: message/feedback-report\n"
			      "Content-Transfer-Encoding: base64\n\n"
			      "RmVlZGJhY2stVHlwZTogYWJ1c2UKU291cmNlLUlQOiAxOTIuMC4yLjcKU291\n"
			      "cmNlLVBvcnQ6IDUwMzEyCkFycml2YWwtRGF0ZTogVGh1LCAwOCBNYXIgMjAy\n"
			      "NiAxNDowMDowMCAtMDUwMAo=\n",
		&a));
	assert_whole(&a);
	assert_true(
		read_text("Content-Type: message/feedback-report\n"
			  "Content-Transfer-Encoding: quoted-printable\n\n"
			  "Feedback-Type:=20abuse\nSource-IP: 192.0.=\n2.7\nSource-Port: 50312\n"
			  "Arrival-Date: Thu, 08 Mar 2026 14:00:00 -0500\n",
			&a));
	assert_whole(&a);
}

static void fields_fold_and_have_comments(void **state)
{
	struct arf a;

	(void)state;
	assert_true(
		read_text("feedback-type: abuse (sure)\nSOURCE-IP:\n 192.0.2.7\n (theirs)\n"
			  "Source-Port : 50312\nArrival-Date: Thu, 08 Mar 2026\n\t14:00:00 -0500\n",
			&a));
	assert_whole(&a);
}

static void older_and_other_spellings_are_known(void **state)
{
	struct arf a;
	char text[ADDR_TEXT];

	(void)state;
	assert_true(read_text("Feedback-Type: abuse\nSource-IP: [IPv6:2001:db8::7]\n"
			      "Received-Date: Thu, 08 Mar 2026 14:00:00 -0500\n",
		&a));
	assert_string_equal(addr_format(a.addr, text), "2001:db8::7");
	assert_true(a.has_date && a.date.ms == WHEN && !a.has_port && a.odd == NULL);
	assert_true(read_text("Feedback-Type: abuse\n"
			      "Received-Date: Thu, 08 Mar 2026 15:00:00 -0500\n"
			      "Arrival-Date: Thu, 08 Mar 2026 14:00:00 -0500\n",
		&a));
	assert_true(a.date.ms == WHEN && a.odd == NULL);
}

static const struct {
	const char *text, *odd;
} odd[] = {
	{ "Source-IP: 192.0.2.7\nSource-IP: 192.0.2.8\n", "Source-IP" },
	{ "Source-IP: 192.0.2.7 192.0.2.8\n", "Source-IP" },
	{ "Source-IP: localhost\n", "Source-IP" },
	{ "Source-Port: 0\n", "Source-Port" },
	{ "Source-Port: 65536\n", "Source-Port" },
	{ "Source-Port: 1\nSource-Port: 2\n", "Source-Port" },
	{ "Arrival-Date: yesterday\n", "Arrival-Date" },
	{ "Arrival-Date: 8 Mar 2026 14:00 Z\nArrival-Date: 8 Mar 2026 15:00 Z\n", "Arrival-Date" },
	{ "Source-IP: 192.0.2.7\nSource-IP: 192.0.2.7\n", NULL },
};

static void what_contradicts_itself_is_named(void **state)
{
	char text[512];
	struct arf a;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		snprintf(text, sizeof(text), "Feedback-Type: abuse\n%s", odd[i].text);
		assert_true(read_text(text, &a));
		if (odd[i].odd == NULL)
			assert_null(a.odd);
		else
			assert_string_equal(a.odd, odd[i].odd);
	}
}

static void what_is_no_report_is_none(void **state)
{
	static const char *const texts[] = { "", "\n", "Hello\n", HEAD "\nFeedback-Type: abuse\n",
		HEAD "Content-Type: multipart/report\n\n" PART REPORT, /* no boundary */
		HEAD "Content-Type: multipart/report; boundary=b2\n\n" PART REPORT };
	struct arf a = { .port = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(read_text(texts[i], &a));
	assert_int_equal(a.port, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_says_whose_connection_and_when),
		cmocka_unit_test(line_ends_may_be_crlf),
		cmocka_unit_test(the_enclosed_message_is_never_believed),
		cmocka_unit_test(a_report_may_be_forwarded_within_a_mail),
		cmocka_unit_test(a_part_alone_is_read),
		cmocka_unit_test(encodings_are_undone),
		cmocka_unit_test(fields_fold_and_have_comments),
		cmocka_unit_test(older_and_other_spellings_are_known),
		cmocka_unit_test(what_contradicts_itself_is_named),
		cmocka_unit_test(what_is_no_report_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
