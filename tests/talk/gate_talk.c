/* gate_talk.c - SMTP in every state, one octet at a time. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "smtpgate/gate.h"
#include "tests/talk/talk.h"

static struct {
	struct talk talk;
	struct gate gate;
	struct gate_facts facts;
	struct policy_client client;
	enum gate_auth auth; /* the answer to a response */
	const char *challenge;
	char mechanism[32], response[64]; /* of the last AUTH question; "-": none was given */
	unsigned cancels, shadows;
	const char *mechanisms;
	struct reply rcpt, data, end, fail; /* code 0: yes */
	char passed[4096]; /* what went to the hop */
	size_t passed_n;
	unsigned resets, aborts, ends, offers;
	const char *reason; /* of the last refusal */
	const char *gone; /* at DATA the client may not send any more, says data; NULL: it may */
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

static void on_shadowed(void *owner, const struct gate_refusal *r)
{
	(void)owner;
	s.shadows++;
	s.reason = r->reason;
}

static const char *mechanisms(void *owner, char *dst)
{
	(void)dst;
	(void)owner;
	return s.mechanisms;
}

static void on_cancelled(void *owner)
{
	(void)owner;
	s.cancels++;
}

static void answer_auth(void)
{
	struct str r = s.gate.ask.response;

	snprintf(s.mechanism, sizeof(s.mechanism), "%s", s.gate.ask.mechanism);
	if (r.p == NULL)
		snprintf(s.response, sizeof(s.response), "-");
	else
		snprintf(s.response, sizeof(s.response), "%.*s", (int)r.n, r.p);
	gate_auth(&s.gate, s.auth, str_of(s.challenge));
}

static void put_seen(void *owner, struct buf *out)
{
	(void)owner;
	buf_add(out, STR("192.0.2.1 40123 proxy"));
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
	case GATE_ASKS_GREETING: gate_room(&s.gate); break;
	case GATE_ASKS_AUTH: answer_auth(); break;
	case GATE_ASKS_PROOF: gate_proof(&s.gate, &s.client); break;
	case GATE_ASKS_RECIPIENT:
		s.offers++;
		reply(&s.rcpt, 250, "2.1.5 taken");
		break;
	case GATE_ASKS_DATA:
		if (s.gone != NULL)
			gate_refuse(&s.gate, &s.data, s.gone);
		else
			reply(&s.data, 354, "go");
		break;
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

static const struct gate_hooks hooks = {
	.is_local = is_local,
	.mechanisms = mechanisms,
	.auth_cancelled = on_cancelled,
	.shadowed = on_shadowed,
	.refused = on_refused,
	.seen = put_seen,
	.received = put_received,
};

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
		.utf8 = true,
		.dsn = true,
		.starttls = true,
		.auth = true,
		.hooks = &hooks };
	s.mechanisms = "PLAIN LOGIN";
	s.challenge = "";
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

#define EHLO                                                                                  \
	"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 100\r\n250-STARTTLS\r\n"                \
	"250-AUTH PLAIN LOGIN\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-CHUNKING\r\n" \
	"250-LIMITS RCPTMAX=2\r\n250 ENHANCEDSTATUSCODES\r\n"

static void envelope(void)
{
	says("EHLO pc\r\n", EHLO);
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
	assert_int_equal(s.talk.want, STEP_PART);
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
	s.client.proof = PROOF_WINDOW;
	says("HELO pc\r\n", "250 mx.example\r\n");
	says("MAIL FROM:<a@b.example>\r\nRCPT TO:<d@e.example>\r\n",
		"250 2.1.0 Sender ok\r\n250 2.1.5 taken\r\n");
	assert_int_equal(s.gate.ask.route, ROUTE_RELAY);
	says("RSET\r\n", "250 2.0.0 Ok\r\n");
	assert_int_equal(s.resets, 1);
	s.client.proof = PROOF_NONE;
	says("MAIL FROM:<a@b.example>\r\nRCPT TO:<d@e.example>\r\n",
		"250 2.1.0 Sender ok\r\n550 5.7.1 no relay\r\n");
	assert_string_equal(s.reason, "no-proof");
	s.client.proof = PROOF_UNKNOWN;
	says("RSET\r\nMAIL FROM:<a@b.example>\r\n", "250 2.0.0 Ok\r\n250 2.1.0 Sender ok\r\n");
	says("RCPT TO:<d@e.example>\r\n",
		"451 4.3.0 Cannot tell now whether you may send, try again later\r\n");
	says("RCPT TO:<d@l.example>\r\n", "250 2.1.5 taken\r\n");
}

static void submission_wants_a_proof_at_mail(void **state)
{
	(void)state;
	s.facts.role = ROLE_SUBMISSION;
	s.facts.refusal_text = "log in";
	says("HELO pc\r\n", "250 mx.example\r\n");
	says("MAIL FROM:<a@b.example>\r\n", "530 5.7.0 log in\r\n");
	says("RCPT TO:<d@l.example>\r\n", "503 5.5.1 MAIL comes first\r\n");
	s.client.proof = PROOF_UNKNOWN;
	says("MAIL FROM:<a@b.example>\r\n",
		"451 4.3.0 Cannot tell now whether you may send, try again later\r\n");
}

static void each_command_has_its_place(void **state)
{
	(void)state;
	says("MAIL FROM:<a@b.example>\r\n", "503 5.5.1 Send EHLO or HELO first\r\n");
	says("XADR\r\n", "250 2.0.0 192.0.2.1 40123 proxy\r\n");
	says("XADR 1\r\n", "501 5.5.4 This command takes no argument\r\n");
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
	says("EHLO pc\r\n", EHLO);
	says("MAIL FROM:<a@b.example> SIZE=101\r\n", "552 5.3.4 The message is too large\r\n");
	says("MAIL FROM:<a@b.example> SIZE=x\r\n", "501 5.5.4 SIZE takes a number\r\n");
	says("MAIL FROM:<a@b.example> BODY=9BIT\r\n", "501 5.5.4 BODY takes 7BIT or 8BITMIME\r\n");
	says("MAIL FROM:<a@b.example> SIZE=99999999999999999999\r\n",
		"552 5.3.4 The message is too large\r\n");
	says("MAIL FROM:<a@b.example> RIT=FULL\r\n", "555 5.5.4 Unknown parameter\r\n");
	says("MAIL FROM:<a@b.example> SIZE=1 size=1\r\n", "501 5.5.4 A parameter stands twice\r\n");
	says("MAIL FROM:<a@b.example>SIZE=1\r\n", "501 5.5.4 A parameter cannot be read\r\n");
	says("MAIL FROM:<a@b.example> SIZE=99 BODY=8BITMIME\r\n", "250 2.1.0 Sender ok\r\n");
	assert_true(s.gate.mail->envelope.eight_bit && s.gate.mail->envelope.size == 99);
	says("RCPT TO:<d@l.example> SIZE=1\r\n", "555 5.5.4 Unknown parameter\r\n");
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

static void who_may_not_send_any_more_is_told_at_data(void **state)
{
	(void)state;
	envelope();
	s.gone = "no-proof";
	s.data = reply_make(550, "5.7.1 no more");
	says("DATA\r\n", "550 5.7.1 no more\r\n");
	assert_string_equal(s.reason, "no-proof");
	assert_int_equal(s.resets, 1);
	says("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@l.example>\r\nBDAT 4 LAST\r\nQUIT",
		"250 2.1.0 Sender ok\r\n250 2.1.5 taken\r\n550 5.7.1 no more\r\n");
	assert_int_equal(s.ends, 0);
	s.gone = NULL;
	says("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@l.example>\r\nDATA\r\n",
		"250 2.1.0 Sender ok\r\n250 2.1.5 taken\r\n550 5.7.1 no more\r\n");
	assert_string_equal(s.reason, "next-hop");
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

/* --- what extensions add --- */

static void what_a_hop_does_not_take_is_not_offered(void **state)
{
	(void)state;
	s.facts.eight_bit = s.facts.utf8 = s.facts.dsn = s.facts.auth = s.facts.starttls = false;
	s.facts.size = 50;
	says("EHLO pc\r\n",
		"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 50\r\n250-CHUNKING\r\n"
		"250-LIMITS RCPTMAX=2\r\n250 ENHANCEDSTATUSCODES\r\n");
	says("MAIL FROM:<a@b.example> BODY=8BITMIME\r\n", "555 5.5.4 Unknown parameter\r\n");
	says("MAIL FROM:<a@b.example> SMTPUTF8\r\n", "555 5.5.4 Unknown parameter\r\n");
	says("MAIL FROM:<a@b.example> RET=FULL\r\n", "555 5.5.4 Unknown parameter\r\n");
	says("MAIL FROM:<a@b.example> AUTH=<>\r\n", "555 5.5.4 Unknown parameter\r\n");
	says("MAIL FROM:<a@b.example> SIZE=51\r\n", "552 5.3.4 The message is too large\r\n");
	says("MAIL FROM:<\xc3\xa4@b.example>\r\n",
		"553 5.6.7 An address beyond ASCII needs SMTPUTF8\r\n");
	says("STARTTLS\r\n", "502 5.5.1 STARTTLS is not offered here\r\n");
	says("AUTH PLAIN\r\n", "502 5.5.1 AUTH is not offered here\r\n");
}

static void notifications_are_checked_and_kept(void **state)
{
	(void)state;
	says("EHLO pc\r\n", EHLO);
	says("MAIL FROM:<a@b.example> RET=SOME\r\n", "501 5.5.4 RET takes FULL or HDRS\r\n");
	says("MAIL FROM:<a@b.example> ENVID=a+2\r\n",
		"501 5.5.4 ENVID takes up to 100 octets of xtext\r\n");
	says("MAIL FROM:<a@b.example> RET=HDRS ENVID=QQ+2B1 AUTH=a@b.example\r\n",
		"250 2.1.0 Sender ok\r\n");
	assert_int_equal(s.gate.mail->envelope.ret, DSN_RET_HDRS);
	assert_string_equal(s.gate.mail->envelope.envid, "QQ+2B1");
	says("RCPT TO:<c@l.example> NOTIFY=NEVER,DELAY\r\n",
		"501 5.5.4 NOTIFY takes NEVER, or some of SUCCESS, FAILURE, DELAY\r\n");
	says("RCPT TO:<c@l.example> ORCPT=c@l.example\r\n",
		"501 5.5.4 ORCPT takes a type, a semicolon and an address in xtext\r\n");
	says("RCPT TO:<c@l.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c@l.example\r\n",
		"250 2.1.5 taken\r\n");
	assert_int_equal(s.gate.mail->recipient.notify, DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY);
	assert_string_equal(s.gate.mail->recipient.orcpt, "rfc822;c@l.example");
	says("RCPT TO:<e@l.example>\r\n", "250 2.1.5 taken\r\n");
	assert_int_equal(s.gate.mail->recipient.notify, 0);
	assert_string_equal(s.gate.mail->recipient.orcpt, "");
}

static void utf8_needs_its_parameter(void **state)
{
	(void)state;
	says("EHLO pc\r\n", EHLO);
	says("MAIL FROM:<\xc3\xa4@b.example>\r\n",
		"553 5.6.7 An address beyond ASCII needs SMTPUTF8\r\n");
	says("MAIL FROM:<\xc3@b.example> SMTPUTF8\r\n",
		"501 5.1.7 The sender's address cannot be read\r\n");
	says("MAIL FROM:<a@b.example> SMTPUTF8=yes\r\n", "501 5.5.4 SMTPUTF8 takes no value\r\n");
	says("MAIL FROM:<\xc3\xa4@\xc3\xbc.example> SMTPUTF8\r\n", "250 2.1.0 Sender ok\r\n");
	assert_true(s.gate.mail->envelope.utf8);
	says("RCPT TO:<\xc3\xa4@l.example>\r\n", "250 2.1.5 taken\r\n");
	says("RSET\r\nMAIL FROM:<a@b.example>\r\n", "250 2.0.0 Ok\r\n250 2.1.0 Sender ok\r\n");
	says("RCPT TO:<\xc3\xa4@l.example>\r\n",
		"553 5.6.7 An address beyond ASCII needs SMTPUTF8\r\n");
}

static void eight_bit_text_does_not_go_to_a_hop_that_does_not_take_it(void **state)
{
	(void)state;
	for (int declared = 0; declared < 2; declared++) {
		for (int high = 0; high < 2; high++) {
			teardown(state);
			setup(state);
			says("EHLO pc\r\n", EHLO);
			says(declared ? "MAIL FROM:<a@b.example> BODY=8BITMIME\r\n"
				      : "MAIL FROM:<a@b.example>\r\n",
				"250 2.1.0 Sender ok\r\n");
			says("RCPT TO:<c@l.example>\r\n", "250 2.1.5 taken\r\n");
			s.gate.seven_bit = true;
			says("DATA\r\n", GO);
			says(high ? "a\xc3\xa4\r\n.\r\n" : "a\r\n.\r\n",
				declared && high ? "554 5.6.3 The next hop takes no 8-bit text\r\n"
						 : "250 2.0.0 queued\r\n");
			assert_int_equal(s.aborts, declared && high);
		}
	}
}

static void a_message_that_goes_round_in_circles_is_stopped(void **state)
{
	(void)state;
	s.facts.max_message_size = 100000;
	for (int n = 100; n <= 101; n++) {
		talk_says(&s.talk, "HELO pc\r\n", "250 mx.example\r\n");
		says("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@l.example>\r\n",
			"250 2.1.0 Sender ok\r\n250 2.1.5 taken\r\n");
		says("DATA\r\n", GO);
		says("X: y\r\n\t.z\r\n", "");
		for (int i = 0; i < n; i++)
			says("receiVED: from x\r\n\tby y\r\n", "");
		s.passed_n = 0;
		says("\r\nReceived: not counted\r\n.\r\n",
			n == 100 ? "250 2.0.0 queued\r\n"
				 : "554 5.4.6 Too many Received: fields, the message goes round in "
				   "circles\r\n");
	}
	assert_string_equal(s.reason, "too-many-hops");
	assert_int_equal(s.ends, 1);
	assert_int_equal(s.aborts, 1);
}

static void doubled_dots_are_no_part_of_the_size(void **state)
{
	(void)state;
	s.facts.max_message_size = 6;
	says("EHLO pc\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@l.example>\r\n",
		"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 6\r\n250-STARTTLS\r\n"
		"250-AUTH PLAIN "
		"LOGIN\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-CHUNKING\r\n"
		"250-LIMITS RCPTMAX=2\r\n250 ENHANCEDSTATUSCODES\r\n250 2.1.0 Sender ok\r\n"
		"250 2.1.5 taken\r\n");
	says("DATA\r\n", GO);
	says("..\r\n..\r\n.\r\n", "250 2.0.0 queued\r\n");
	says("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@l.example>\r\n",
		"250 2.1.0 Sender ok\r\n250 2.1.5 taken\r\n");
	says("DATA\r\n", GO);
	says("..\r\n..a\r\n.\r\n", "552 5.3.4 The message is too large\r\n");
}

static void old_devices_have_their_line_ends_mended(void **state)
{
	(void)state;
	s.facts.rewrite = true;
	envelope();
	says("DATA\r\n", GO);
	says("A: b\n\nx\ry\r\n.\n.z\n.\r\n\n.\r\nQUIT\r\n.\r\n", "250 2.0.0 queued\r\n");
	s.passed[s.passed_n] = '\0';
	assert_string_equal(
		s.passed, "R: x\r\nA: b\r\n\r\nx\r\ny\r\n..\r\n.z\r\n..\r\n\r\n..\r\nQUIT\r\n");
	assert_int_equal(s.talk.want, STEP_READ);
}

/* --- BDAT --- */

static void chunks_become_a_message(void **state)
{
	(void)state;
	envelope();
	says("BDAT 7\r\n.a\r\n.\r\n", "250 2.0.0 7 octets received\r\n");
	says("NOOP\r\nBDAT 0\r\n", "250 2.0.0 Ok\r\n250 2.0.0 0 octets received\r\n");
	says("BDAT 4\r\nx\r\ny", "250 2.0.0 4 octets received\r\n");
	says("BDAT 1\r\n\r", "250 2.0.0 1 octets received\r\n");
	says("bdat 3 last\r\n\n..NOOP\r\n", "250 2.0.0 queued\r\n250 2.0.0 Ok\r\n");
	s.passed[s.passed_n] = '\0';
	assert_string_equal(s.passed, "R: x\r\n..a\r\n..\r\nx\r\ny\r\n...\r\n");
	assert_int_equal(s.ends, 1);
	says("BDAT 3 LAST\r\nabcNOOP\r\n", "503 5.5.1 MAIL comes first\r\n250 2.0.0 Ok\r\n");
}

static void between_chunks_nothing_else_goes_on(void **state)
{
	(void)state;
	envelope();
	says("BDAT 3\r\na\r\n", "250 2.0.0 3 octets received\r\n");
	says("DATA\r\n", "503 5.5.1 The message is under way: BDAT goes on, RSET gives it up\r\n");
	says("RCPT TO:<c@l.example>\r\n",
		"503 5.5.1 The message is under way: BDAT goes on, RSET gives it up\r\n");
	says("MAIL FROM:<>\r\n",
		"503 5.5.1 The message is under way: BDAT goes on, RSET gives it up\r\n");
	says("RSET\r\n", "250 2.0.0 Ok\r\n");
	assert_int_equal(s.aborts, 1);
	assert_int_equal(s.ends, 0);
	says("MAIL FROM:<>\r\n", "250 2.1.0 Sender ok\r\n");
}

static void sizes_of_chunks_are_read_strictly(void **state)
{
	static const char *const bad[] = { "BDAT\r\n", "BDAT x\r\n", "BDAT -1\r\n", "BDAT +1\r\n",
		"BDAT 1 FIRST\r\n", "BDAT 0x1\r\n", "BDAT  1\r\n", "BDAT 1  LAST\r\n" };

	(void)state;
	envelope();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		says(bad[i],
			i == 0 ? "501 5.5.4 An argument is missing\r\n"
			       : "501 5.5.4 BDAT takes a number, and LAST behind the last\r\n");
	says("BDAT 4294967297\r\n",
		"552 5.3.4 The message is too large\r\n"
		"421 4.7.0 The chunk is too large to read, closing\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
}

static void a_failed_chunk_ends_the_transaction_and_those_behind_it_are_eaten(void **state)
{
	(void)state;
	envelope();
	says("BDAT 6\r\na\nQUITBDAT 5 LAST\r\nQUIT\r",
		"550 5.6.0 The message holds a bare CR, a bare LF or a NUL\r\n"
		"503 5.5.1 MAIL comes first\r\n");
	assert_int_equal(s.aborts, 2); /* the message, and what was left of the transaction */
	assert_int_equal(s.ends, 0);
	s.passed[s.passed_n] = '\0';
	says("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@l.example>\r\n",
		"250 2.1.0 Sender ok\r\n250 2.1.5 taken\r\n");
	says("BDAT 90\r\n", "");
	for (int i = 0; i < 9; i++)
		says("12345678\r\n", i < 8 ? "" : "250 2.0.0 90 octets received\r\n");
	says("BDAT 11 LAST\r\n123456789\r\n", "552 5.3.4 The message is too large\r\n");
	says("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@l.example>\r\n",
		"250 2.1.0 Sender ok\r\n250 2.1.5 taken\r\n");
	says("BDAT 2 LAST\r\na\r", "550 5.6.0 The message holds a bare CR, a bare LF or a NUL\r\n");
	assert_int_equal(s.ends, 0);
}

static void a_hop_that_fails_between_chunks_is_heard_at_the_next(void **state)
{
	const struct reply gone = reply_make(451, "4.4.2 gone");

	(void)state;
	envelope();
	says("BDAT 3\r\na\r\n", "250 2.0.0 3 octets received\r\n");
	assert_true(gate_in_body(&s.gate));
	gate_fail(&s.gate, &gone);
	says("BDAT 4 LAST\r\nQUITNOOP\r\n", "451 4.4.2 gone\r\n250 2.0.0 Ok\r\n");
	assert_int_equal(s.ends, 0);
	s.data = reply_make(452, "4.3.1 full");
	says("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@l.example>\r\nBDAT 4\r\nQUIT",
		"250 2.1.0 Sender ok\r\n250 2.1.5 taken\r\n452 4.3.1 full\r\n");
}

/* --- STARTTLS --- */

static void tls_forgets_what_was_said_in_clear(void **state)
{
	(void)state;
	says("STARTTLS\r\n", "503 5.5.1 Send EHLO or HELO first\r\n");
	s.auth = GATE_AUTH_OK;
	envelope();
	says("STARTTLS now\r\n", "501 5.5.4 This command takes no argument\r\n");
	says("STARTTLS\r\n", "220 2.0.0 Go ahead\r\n");
	assert_int_equal(s.talk.want, STEP_TLS);
	assert_int_equal(s.resets, 1);
	says("MAIL FROM:<a@b.example>\r\n", "503 5.5.1 Send EHLO or HELO first\r\n");
	assert_true(s.gate.tls);
	s.mechanisms = "";
	says("EHLO pc\r\n",
		"250-mx.example\r\n250-PIPELINING\r\n250-SIZE "
		"100\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
		"250-DSN\r\n250-CHUNKING\r\n250-LIMITS RCPTMAX=2\r\n250 ENHANCEDSTATUSCODES\r\n");
	says("STARTTLS\r\n", "503 5.5.1 This is TLS already\r\n");
}

static void nothing_is_piped_behind_starttls(void **state)
{
	(void)state;
	says("EHLO pc\r\n", EHLO);
	buf_add(&s.talk.in, STR("STARTTLS\r\nNOOP\r"));
	says("\n", "503 5.5.1 Nothing may be piped behind this command\r\n250 2.0.0 Ok\r\n");
	assert_false(s.gate.tls);
}

/* --- AUTH --- */

static void an_exchange_has_its_turns(void **state)
{
	(void)state;
	says("EHLO pc\r\n", EHLO);
	s.auth = GATE_AUTH_CONTINUE;
	says("AUTH login\r\n", "334 \r\n");
	assert_string_equal(s.mechanism, "LOGIN");
	assert_string_equal(s.response, "-");
	s.challenge = "Password:";
	says("YW5uYQ==\r\n", "334 UGFzc3dvcmQ6\r\n");
	assert_string_equal(s.response, "anna");
	assert_string_equal(s.mechanism, "");
	s.auth = GATE_AUTH_OK;
	says("\r\n", "235 2.7.0 Welcome\r\n");
	assert_string_equal(s.response, "");
	assert_true(s.gate.authenticated);
	says("AUTH PLAIN\r\n", "503 5.5.1 You are authenticated already\r\n");
	says("RSET\r\nMAIL FROM:<>\r\n", "250 2.0.0 Ok\r\n250 2.1.0 Sender ok\r\n");
	assert_true(s.gate.authenticated);
}

static void an_initial_response_may_be_given(void **state)
{
	(void)state;
	says("AUTH PLAIN eA==\r\n", "503 5.5.1 Send EHLO or HELO first\r\n");
	says("EHLO pc\r\n", EHLO);
	s.auth = GATE_AUTH_FAIL;
	says("AUTH PLAIN =\r\n", "535 5.7.8 Authentication failed\r\n");
	assert_string_equal(s.response, "");
	says("AUTH PLAIN e A\r\n", "501 5.5.2 That is not base64\r\n");
	says("AUTH PLAIN eA=\r\n", "501 5.5.2 That is not base64\r\n");
	s.auth = GATE_AUTH_OK;
	says("AUTH PLAIN eA==\r\n", "235 2.7.0 Welcome\r\n");
	assert_string_equal(s.response, "x");
}

/* The account that it authenticated as has changed. */
static void who_is_another_now_is_told_between_two_commands(void **state)
{
	(void)state;
	s.client.proof = PROOF_AUTH;
	s.auth = GATE_AUTH_OK;
	says("EHLO pc\r\n", EHLO);
	says("AUTH PLAIN eA==\r\n", "235 2.7.0 Welcome\r\n");
	says("MAIL FROM:<a@b.example>\r\n", "250 2.1.0 Sender ok\r\n");
	says("RCPT TO:<c@L.example>\r\n", "250 2.1.5 taken\r\n");
	says("DATA\r\n", GO);
	gate_evict(&s.gate);
	assert_false(gate_between(&s.gate));
	says("A: b\r\n\r\nx\r\n", "");
	says(".\r\n", "250 2.0.0 queued\r\n421 4.7.0 Your account was changed, log in again\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
	assert_string_equal(s.gate.cut, "account-changed");
	assert_int_equal(s.ends, 1);
}

static void each_failure_has_its_code(void **state)
{
	static const struct {
		enum gate_auth auth;
		const char *want;
	} rows[] = {
		{ GATE_AUTH_SYNTAX, "501 5.5.2 That is no such response\r\n" },
		{ GATE_AUTH_LATER, "454 4.7.0 Cannot authenticate you now, try again later\r\n" },
		{ GATE_AUTH_ABSENT, "504 5.5.4 There is no such mechanism\r\n" },
		{ GATE_AUTH_IN_CLEAR, "538 5.7.11 Encryption is required for this mechanism\r\n" },
		{ GATE_AUTH_FAIL, "535 5.7.8 Authentication failed\r\n" },
		{ GATE_AUTH_FAIL, "535 5.7.8 Authentication failed\r\n" },
		{ GATE_AUTH_FAIL,
			"535 5.7.8 Authentication failed\r\n"
			"421 4.7.0 Too many failures, closing\r\n" },
	};

	(void)state;
	says("EHLO pc\r\n", EHLO);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		s.auth = rows[i].auth;
		says("AUTH PLAIN eA==\r\n", rows[i].want);
		assert_false(s.gate.authenticated);
	}
	assert_int_equal(s.talk.want, STEP_CLOSE);
	assert_string_equal(s.gate.cut, "auth-failures");
}

static void an_exchange_can_be_given_up(void **state)
{
	static char line[13000];

	(void)state;
	says("EHLO pc\r\n", EHLO);
	s.auth = GATE_AUTH_CONTINUE;
	says("AUTH PLAIN\r\n*\r\n", "334 \r\n501 5.7.0 Given up, as you wish\r\n");
	says("AUTH PLAIN\r\n!\r\n", "334 \r\n501 5.5.2 That is not base64\r\n");
	assert_int_equal(s.cancels, 2);
	memset(line, 'x', sizeof(line));
	memcpy(line + 12286, "\r\n", 3);
	says("AUTH PLAIN\r\n", "334 \r\n");
	says(line,
		"501 5.5.2 That is not base64\r\n"); /* not a multiple of four, but not too long */
	memset(line, 'x', sizeof(line));
	memcpy(line + 12287, "\r\n", 3);
	says("AUTH PLAIN\r\n", "334 \r\n");
	says(line, "500 5.5.6 The line is too long for an exchange\r\n");
	assert_int_equal(s.cancels, 4);
	says("NOOP\r\n", "250 2.0.0 Ok\r\n");
	says("MAIL FROM:<>\r\nAUTH PLAIN\r\n",
		"250 2.1.0 Sender ok\r\n503 5.5.1 Not during a transaction\r\n");
}

/* --- who may send --- */

static void a_bound_sender_is_ones_own(void **state)
{
	(void)state;
	s.facts.rules.bind_sender = true;
	s.client.proof = PROOF_AUTH;
	says("HELO pc\r\n", "250 mx.example\r\n");
	says("MAIL FROM:<x@b.example>\r\nRCPT TO:<d@e.example>\r\n",
		"250 2.1.0 Sender ok\r\n550 5.7.1 That sender is not an address of yours\r\n");
	assert_string_equal(s.reason, "sender-binding");
	says("RCPT TO:<d@l.example>\r\n", "250 2.1.5 taken\r\n"); /* as from anyone */
	s.facts.role = ROLE_SUBMISSION;
	says("RSET\r\nMAIL FROM:<x@b.example>\r\n",
		"250 2.0.0 Ok\r\n550 5.7.1 That sender is not an address of yours\r\n");
	s.client.sender_fits = true;
	says("MAIL FROM:<x@b.example>\r\nRCPT TO:<d@e.example>\r\n",
		"250 2.1.0 Sender ok\r\n250 2.1.5 taken\r\n");
}

static void stricter_rules_are_only_told_in_the_shadow(void **state)
{
	(void)state;
	s.facts.shadow = (struct policy_rules){ .no_window = true };
	s.client.proof = PROOF_WINDOW;
	says("HELO pc\r\n", "250 mx.example\r\n");
	says("MAIL FROM:<x@b.example>\r\nRCPT TO:<d@e.example>\r\nRCPT TO:<d@l.example>\r\n",
		"250 2.1.0 Sender ok\r\n250 2.1.5 taken\r\n250 2.1.5 taken\r\n");
	assert_int_equal(s.shadows, 1);
	assert_string_equal(s.reason, "window-off");
}

static void who_speaks_before_the_greeting_is_cut(void **state)
{
	(void)state;
	gate_free(&s.gate);
	talk_end(&s.talk);
	gate_init(&s.gate, &s.facts);
	talk_start(&s.talk, &s.gate.engine, answer, NULL);
	says("E", "554 5.5.1 You spoke before the greeting\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
	assert_string_equal(s.gate.cut, "early");
}

static void names_are_one_word(void **state)
{
	(void)state;
	says("EHLO a b\r\n", "501 5.5.4 One name without blanks is wanted\r\n");
	says("HELO \xc3\xa4\r\n", "501 5.5.4 One name without blanks is wanted\r\n");
	says("MAIL FROM:<>\r\n", "503 5.5.1 Send EHLO or HELO first\r\n");
	says("HELO [192.0.2.1]\r\n", "250 mx.example\r\n");
}

static void chunks_out_of_their_place_are_errors_too(void **state)
{
	(void)state;
	for (int i = 0; i < 19; i++)
		says("BDAT 1\r\nx", "503 5.5.1 MAIL comes first\r\n");
	says("BDAT 1\r\nx", "503 5.5.1 MAIL comes first\r\n421 4.7.0 Too many errors, closing\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
}

static void too_many_errors_are_the_end(void **state)
{
	(void)state;
	for (int i = 0; i < 19; i++)
		says("WHAT\r\n", "500 5.5.2 Unknown command\r\n");
	says("WHAT\r\n", "500 5.5.2 Unknown command\r\n421 4.7.0 Too many errors, closing\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
	assert_string_equal(s.gate.cut, "errors");
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
		TALK(who_may_not_send_any_more_is_told_at_data),
		TALK(the_hop_s_answers_are_passed_on),
		TALK(bad_lines_are_dropped_whole),
		TALK(other_protocols_are_cut),
		TALK(what_a_hop_does_not_take_is_not_offered),
		TALK(notifications_are_checked_and_kept),
		TALK(utf8_needs_its_parameter),
		TALK(eight_bit_text_does_not_go_to_a_hop_that_does_not_take_it),
		TALK(a_message_that_goes_round_in_circles_is_stopped),
		TALK(doubled_dots_are_no_part_of_the_size),
		TALK(old_devices_have_their_line_ends_mended),
		TALK(chunks_become_a_message),
		TALK(between_chunks_nothing_else_goes_on),
		TALK(sizes_of_chunks_are_read_strictly),
		TALK(a_failed_chunk_ends_the_transaction_and_those_behind_it_are_eaten),
		TALK(a_hop_that_fails_between_chunks_is_heard_at_the_next),
		TALK(tls_forgets_what_was_said_in_clear),
		TALK(nothing_is_piped_behind_starttls),
		TALK(an_exchange_has_its_turns),
		TALK(an_initial_response_may_be_given),
		TALK(each_failure_has_its_code),
		TALK(an_exchange_can_be_given_up),
		TALK(a_bound_sender_is_ones_own),
		TALK(stricter_rules_are_only_told_in_the_shadow),
		TALK(who_speaks_before_the_greeting_is_cut),
		TALK(names_are_one_word),
		TALK(chunks_out_of_their_place_are_errors_too),
		TALK(too_many_errors_are_the_end),
		TALK(who_is_another_now_is_told_between_two_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
