/* gate_talk.c - SMTP in every state, one octet at a time. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "smtpgate/gate.h"
#include "tests/talk/talk.h"

static struct {
	struct talk talk;
	struct gate gate;
	struct gate_facts facts;
	enum proof proof;
	struct reply rcpt, data, end, fail; /* code 0: yes */
	char passed[4096]; /* what went to the hop */
	size_t passed_n;
	unsigned resets, aborts, ends, offers;
	const char *reason; /* of the last refusal */
} s;

static bool is_local(void *owner, struct str domain)
{
	(void)owner;
	return str_eq(domain, STR("l.example"));
}

static void on_refused(void *owner, const struct gate_refusal *r)
{
	(void)owner;
	s.reason = r->reason;
}

static void put_received(void *owner, struct buf *out)
{
	(void)owner;
	buf_add(out, STR("R: x\r\n"));
}

static void take_body(void)
{
	struct str body = buf_str(&s.gate.body);

	memcpy(s.passed + s.passed_n, body.p, body.n);
	s.passed_n += body.n;
	buf_clear(&s.gate.body);
}

static void reply(const struct reply *r, int code, const char *text)
{
	const struct reply yes = reply_make(code, text);

	gate_reply(&s.gate, r->code != 0 ? r : &yes);
}

static void answer(void *owner)
{
	(void)owner;
	switch (s.gate.ask.kind) {
	case GATE_ASKS_PROOF: gate_proof(&s.gate, s.proof); break;
	case GATE_ASKS_RECIPIENT:
		s.offers++;
		reply(&s.rcpt, 250, "2.1.5 taken");
		break;
	case GATE_ASKS_DATA: reply(&s.data, 354, "go"); break;
	case GATE_ASKS_ROOM:
		take_body();
		if (s.fail.code != 0)
			gate_fail(&s.gate, &s.fail);
		gate_room(&s.gate);
		break;
	case GATE_ASKS_END:
		s.ends++;
		take_body();
		reply(&s.end, 250, "2.0.0 queued");
		break;
	case GATE_ASKS_ABORT:
		s.aborts++;
		gate_room(&s.gate);
		break;
	case GATE_ASKS_RESET:
		s.resets++;
		gate_room(&s.gate);
		break;
	case GATE_ASKS_NOTHING: fail();
	}
}

static int setup(void **state)
{
	(void)state;
	memset(&s, 0, sizeof(s));
	s.facts = (struct gate_facts){ .role = ROLE_MX,
		.hostname = "mx.example",
		.refusal_text = "no relay",
		.max_message_size = 100,
		.max_recipients = 2,
		.eight_bit = true,
		.is_local = is_local,
		.refused = on_refused,
		.received = put_received };
	gate_init(&s.gate, &s.facts);
	talk_start(&s.talk, &s.gate.engine, answer, NULL);
	talk_hears(&s.talk, "220 mx.example ESMTP Popgate\r\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gate_free(&s.gate);
	talk_end(&s.talk);
	return 0;
}

static void says(const char *text, const char *want)
{
	talk_says(&s.talk, text, want);
}

static void envelope(void)
{
	says("EHLO pc\r\n",
		"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 100\r\n250-8BITMIME\r\n"
		"250 ENHANCEDSTATUSCODES\r\n");
	says("MAIL FROM:<a@b.example>\r\n", "250 2.1.0 Sender ok\r\n");
	says("RCPT TO:<c@L.example>\r\n", "250 2.1.5 taken\r\n");
}

#define GO "354 End the message with <CR><LF>.<CR><LF>\r\n"

static void a_message_goes_through_as_it_is(void **state)
{
	(void)state;
	envelope();
	says("DATA\r\n", GO);
	says("A: b\r\n\r\n..x\r\n.\r\n", "250 2.0.0 queued\r\n");
	assert_int_equal(s.passed_n, 6 + 13);
	assert_memory_equal(s.passed, "R: x\r\nA: b\r\n\r\n..x\r\n", s.passed_n);
	says("MAIL FROM:<>\r\n", "250 2.1.0 Sender ok\r\n");
	says("RSET\r\n", "250 2.0.0 Ok\r\n");
	assert_int_equal(s.resets, 0); /* no hop was asked */
	says("QUIT\r\n", "221 2.0.0 Bye\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
}

static void strangers_do_not_relay(void **state)
{
	static const char *const probes[] = { "d@e.example", "d%e.example@l.example",
		"e.example!d@l.example", "\\\"d@e.example\\\"@l.example", "d@[192.0.2.1]",
		"@l.example:d@e.example", "d@l.example.e.example", "d@x.l.example" };
	char command[200];

	(void)state;
	envelope();
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		char address[100];
		size_t n = 0;

		for (const char *c = probes[i]; *c != '\0'; c++)
			if (*c != '\\')
				address[n++] = *c;
		address[n] = '\0';
		snprintf(command, sizeof(command), "RCPT TO:<%s>\r\n", address);
		says(command, "550 5.7.1 no relay\r\n");
	}
	assert_int_equal(s.offers, 1);
	says("RCPT TO:<d@\"l.example\">\r\n",
		"501 5.1.3 The recipient's address cannot be read\r\n");
	says("RCPT TO:<d@l.example.>\r\n", "501 5.1.3 The recipient's address cannot be read\r\n");
}

static void a_proof_is_asked_anew_at_each_mail(void **state)
{
	(void)state;
	s.proof = PROOF_WINDOW;
	says("HELO pc\r\n", "250 mx.example\r\n");
	says("MAIL FROM:<a@b.example>\r\nRCPT TO:<d@e.example>\r\n",
		"250 2.1.0 Sender ok\r\n250 2.1.5 taken\r\n");
	assert_int_equal(s.gate.ask.route, ROUTE_RELAY);
	says("RSET\r\n", "250 2.0.0 Ok\r\n");
	assert_int_equal(s.resets, 1);
	s.proof = PROOF_NONE;
	says("MAIL FROM:<a@b.example>\r\nRCPT TO:<d@e.example>\r\n",
		"250 2.1.0 Sender ok\r\n550 5.7.1 no relay\r\n");
	assert_string_equal(s.reason, "no-proof");
	s.proof = PROOF_UNKNOWN;
	says("RSET\r\nMAIL FROM:<a@b.example>\r\n", "250 2.0.0 Ok\r\n250 2.1.0 Sender ok\r\n");
	says("RCPT TO:<d@e.example>\r\n",
		"451 4.3.0 Cannot tell now whether you may relay, try again later\r\n");
	says("RCPT TO:<d@l.example>\r\n", "250 2.1.5 taken\r\n");
}

static void submission_wants_a_proof_at_mail(void **state)
{
	(void)state;
	s.facts.role = ROLE_SUBMISSION;
	says("HELO pc\r\n", "250 mx.example\r\n");
	says("MAIL FROM:<a@b.example>\r\n", "530 5.7.0 no relay\r\n");
	says("RCPT TO:<d@l.example>\r\n", "503 5.5.1 MAIL comes first\r\n");
	s.proof = PROOF_UNKNOWN;
	says("MAIL FROM:<a@b.example>\r\n",
		"451 4.3.0 Cannot tell now whether you may send, try again later\r\n");
}

static void each_command_has_its_place(void **state)
{
	(void)state;
	says("MAIL FROM:<a@b.example>\r\n", "503 5.5.1 Send EHLO or HELO first\r\n");
	says("EHLO\r\n", "501 5.5.4 An argument is missing\r\n");
	says("HELO pc\r\n", "250 mx.example\r\n");
	says("RCPT TO:<d@l.example>\r\n", "503 5.5.1 MAIL comes first\r\n");
	says("DATA\r\n", "503 5.5.1 MAIL comes first\r\n");
	says("MAIL FROM:<a@b.example>\r\n", "250 2.1.0 Sender ok\r\n");
	says("MAIL FROM:<a@b.example>\r\n", "503 5.5.1 One sender is enough\r\n");
	says("DATA\r\n", "554 5.5.1 No recipient was accepted\r\n");
	says("DATA now\r\n", "501 5.5.4 This command takes no argument\r\n");
	says("VRFY anna\r\n", "252 2.5.0 Send the mail and see\r\n");
	says("NOOP x\r\n", "250 2.0.0 Ok\r\n");
	says("WHAT is this\r\n", "500 5.5.2 Unknown command\r\n");
}

static void parameters_are_known_or_refused(void **state)
{
	(void)state;
	says("EHLO pc\r\n",
		"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 100\r\n250-8BITMIME\r\n"
		"250 ENHANCEDSTATUSCODES\r\n");
	says("MAIL FROM:<a@b.example> SIZE=101\r\n", "552 5.3.4 The message is too large\r\n");
	says("MAIL FROM:<a@b.example> SIZE=x\r\n", "501 5.5.4 SIZE takes a number\r\n");
	says("MAIL FROM:<a@b.example> BODY=9BIT\r\n", "501 5.5.4 BODY takes 7BIT or 8BITMIME\r\n");
	says("MAIL FROM:<a@b.example> RET=FULL\r\n", "555 5.5.4 Unknown parameter\r\n");
	says("MAIL FROM:<a@b.example> SIZE=99 BODY=8BITMIME\r\n", "250 2.1.0 Sender ok\r\n");
	assert_true(s.gate.envelope.eight_bit && s.gate.envelope.size == 99);
	says("RCPT TO:<d@l.example> NOTIFY=NEVER\r\n", "555 5.5.4 Unknown parameter\r\n");
}

static void one_refused_recipient_spoils_nothing(void **state)
{
	(void)state;
	envelope();
	s.rcpt = reply_make(550, "5.1.1 who?");
	says("RCPT TO:<x@l.example>\r\n", "550 5.1.1 who?\r\n");
	s.rcpt.code = 0;
	says("RCPT TO:<y@l.example>\r\n", "250 2.1.5 taken\r\n");
	says("RCPT TO:<z@l.example>\r\n", "452 4.5.3 Too many recipients in one message\r\n");
	says("DATA\r\n", GO);
	says(".\r\n", "250 2.0.0 queued\r\n");
}

static void bare_line_ends_stop_a_message_before_them(void **state)
{
#define OCTETS(s)                  \
	{                          \
		(s), sizeof(s) - 1 \
	}
	static const struct str bodies[] = { OCTETS("ab\n.\r\nMAIL FROM:<x@y.example>\r\n.\r\n"),
		OCTETS("ab\r.\r\n.\r\n"), OCTETS("ab\0c\r\n.\r\n"),
		OCTETS("ab\n\n.\n.\r\n\r\n.\r\n") };
#undef OCTETS

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		teardown(state); /* the one before */
		setup(state);
		envelope();
		says("DATA\r\n", GO);
		talk_says_octets(&s.talk, bodies[i],
			"550 5.6.0 The message holds a bare CR, a bare LF or a NUL\r\n");
		assert_memory_equal(s.passed, "R: x\r\nab", s.passed_n);
		assert_int_equal(s.aborts, 1);
		assert_int_equal(s.ends, 0);
		says("NOOP\r\n", "250 2.0.0 Ok\r\n");
	}
}

static void too_much_is_counted_while_it_comes(void **state)
{
	char line[64];

	(void)state;
	envelope();
	says("DATA\r\n", GO);
	memset(line, 'x', sizeof(line));
	memcpy(line + 61, "\r\n", 3);
	says(line, "");
	says(line, "");
	says(".\r\n", "552 5.3.4 The message is too large\r\n");
	assert_int_equal(s.aborts, 1);
	assert_int_equal(s.ends, 0);
	says("NOOP\r\n", "250 2.0.0 Ok\r\n");
}

static void an_early_reply_of_the_hop_is_the_answer(void **state)
{
	(void)state;
	envelope();
	s.fail = reply_make(552, "5.2.2 full");
	says("DATA\r\n", GO);
	says("one\r\n", "");
	says("two\r\n.\r\n", "552 5.2.2 full\r\n");
	assert_int_equal(s.ends, 0);
}

static void the_hop_s_answers_are_passed_on(void **state)
{
	(void)state;
	envelope();
	s.data = reply_make(451, "4.3.2 not now");
	says("DATA\r\n", "451 4.3.2 not now\r\n");
	assert_int_equal(s.resets, 1);
	s.data.code = 0;
	s.end = reply_make(554, "5.7.1 spam");
	says("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@l.example>\r\n",
		"250 2.1.0 Sender ok\r\n250 2.1.5 taken\r\n");
	says("DATA\r\n", GO);
	says("x\r\n.\r\n", "554 5.7.1 spam\r\n");
	says("RCPT TO:<c@l.example>\r\n", "503 5.5.1 MAIL comes first\r\n");
}

static void bad_lines_are_dropped_whole(void **state)
{
	static char line[3000];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line + 2900, "\r\n", 3);
	says(line, "500 5.5.2 The line is too long\r\n");
	says("NOOP\nQUIT\r\n",
		"500 5.5.2 Lines end in CR LF, and hold no other CR, LF or NUL\r\n"
		"221 2.0.0 Bye\r\n");
}

static void other_protocols_are_cut(void **state)
{
	(void)state;
	says("POST / HTTP/1.1\r\n", "421 4.7.0 This is SMTP, closing\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
}

int main(void)
{
#define TALK(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TALK(a_message_goes_through_as_it_is),
		TALK(strangers_do_not_relay),
		TALK(a_proof_is_asked_anew_at_each_mail),
		TALK(submission_wants_a_proof_at_mail),
		TALK(each_command_has_its_place),
		TALK(parameters_are_known_or_refused),
		TALK(one_refused_recipient_spoils_nothing),
		TALK(bare_line_ends_stop_a_message_before_them),
		TALK(too_much_is_counted_while_it_comes),
		TALK(an_early_reply_of_the_hop_is_the_answer),
		TALK(the_hop_s_answers_are_passed_on),
		TALK(bad_lines_are_dropped_whole),
		TALK(other_protocols_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
