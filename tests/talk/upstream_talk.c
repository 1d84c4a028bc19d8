/* upstream_talk.c - a next hop that says what it likes, one octet at a time. */
#include "tests/unit/test.h"

#include "smtpgate/upstream.h"
#include "tests/talk/talk.h"

static struct {
	struct talk talk;
	struct upstream hop;
	enum upstream_event heard;
	unsigned asked;
} s;

static const struct envelope full = { .sender = { .text = "a@b.example" },
	.size = 77,
	.eight_bit = true },
			     bare = { .sender = { .text = "a@b.example" } };
static const struct recipient recipient = { .path = { .text = "c@d.example" } };

static void answer(void *owner)
{
	(void)owner;
	s.heard = s.hop.event;
	s.asked++;
}

static void start(bool lmtp)
{
	memset(&s, 0, sizeof(s));
	upstream_init(&s.hop, "gate.example", lmtp);
	talk_start(&s.talk, &s.hop.engine, answer, NULL);
}

static void end(void)
{
	upstream_free(&s.hop);
	talk_end(&s.talk);
}

static void hears(enum upstream_event event, const char *text, const char *we_say)
{
	s.heard = EVENT_NONE;
	talk_says(&s.talk, text, we_say);
	assert_int_equal(s.heard, event);
}

static void ready(bool lmtp)
{
	start(lmtp);
	hears(EVENT_NONE, "220 hi\r\n", lmtp ? "LHLO gate.example\r\n" : "EHLO gate.example\r\n");
	hears(EVENT_READY, "250-hop\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 PIPELINING\r\n", "");
}

static void a_message_from_greeting_to_quit(void **state)
{
	struct buf body;

	(void)state;
	ready(false);
	upstream_mail(&s.hop, &full);
	talk_hears(&s.talk, "MAIL FROM:<a@b.example> SIZE=77 BODY=8BITMIME\r\n");
	hears(EVENT_REPLY, "250 ok\r\n", "");
	upstream_rcpt(&s.hop, &recipient);
	talk_hears(&s.talk, "RCPT TO:<c@d.example>\r\n");
	hears(EVENT_REPLY, "550 5.1.1 who\r\n", "");
	assert_int_equal(s.hop.reply.code, 550);
	upstream_rcpt(&s.hop, &recipient);
	talk_hears(&s.talk, "RCPT TO:<c@d.example>\r\n");
	hears(EVENT_REPLY, "250 ok\r\n", "");
	upstream_data(&s.hop);
	talk_hears(&s.talk, "DATA\r\n");
	hears(EVENT_REPLY, "354 go\r\n", "");
	assert_int_equal(s.hop.state, UPSTREAM_BODY);
	buf_init(&body, 100);
	buf_add(&body, STR("..x\r\n"));
	upstream_body(&s.hop, &body);
	upstream_end(&s.hop);
	talk_hears(&s.talk, "..x\r\n.\r\n");
	hears(EVENT_REPLY, "250 2.0.0 queued\r\n", "");
	assert_int_equal(s.hop.state, UPSTREAM_READY);
	upstream_quit(&s.hop);
	talk_hears(&s.talk, "QUIT\r\n");
	hears(EVENT_NONE, "221 bye\r\n", "");
	assert_int_equal(s.talk.want, STEP_CLOSE);
	buf_free(&body);
	end();
}

static void what_was_not_offered_is_not_asked_for(void **state)
{
	(void)state;
	start(false);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_NONE, "502 what\r\n", "HELO gate.example\r\n");
	hears(EVENT_READY, "250 hop SIZE 8BITMIME\r\n", "");
	upstream_mail(&s.hop, &full);
	talk_hears(&s.talk, "MAIL FROM:<a@b.example>\r\n");
	end();
}

static void a_hop_out_of_step_is_broken(void **state)
{
	static const char *const greetings[] = { "554 go away\r\n", "250 hi\r\n", "999 x\r\n",
		"hello\r\n", "220 hi\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++) {
		start(false);
		hears(EVENT_BROKEN, greetings[i], "");
		end();
	}
	ready(false);
	hears(EVENT_BROKEN, "250 nobody asked\r\n", "");
	end();
	ready(false);
	upstream_mail(&s.hop, &bare);
	talk_hears(&s.talk, "MAIL FROM:<a@b.example>\r\n");
	hears(EVENT_BROKEN, "354 go on\r\n", "");
	end();
}

static void in_data(bool lmtp, unsigned recipients)
{
	ready(lmtp);
	upstream_mail(&s.hop, &bare);
	talk_hears(&s.talk, "MAIL FROM:<a@b.example>\r\n");
	hears(EVENT_REPLY, "250 ok\r\n", "");
	for (unsigned i = 0; i < recipients; i++) {
		upstream_rcpt(&s.hop, &recipient);
		talk_hears(&s.talk, "RCPT TO:<c@d.example>\r\n");
		hears(EVENT_REPLY, "250 ok\r\n", "");
	}
	upstream_data(&s.hop);
	talk_hears(&s.talk, "DATA\r\n");
	hears(EVENT_REPLY, "354 go\r\n", "");
}

static void a_reply_during_the_body_is_early(void **state)
{
	(void)state;
	in_data(false, 1);
	hears(EVENT_EARLY, "250 taken\r\n", "");
	end();
}

static void lmtp_s_worst_reply_counts(void **state)
{
	(void)state;
	in_data(true, 3);
	upstream_end(&s.hop);
	talk_hears(&s.talk, ".\r\n");
	hears(EVENT_NONE, "250 one\r\n", "");
	hears(EVENT_NONE, "452 full\r\n", "");
	hears(EVENT_REPLY, "250 three\r\n", "");
	assert_int_equal(s.hop.reply.code, 452);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_from_greeting_to_quit),
		cmocka_unit_test(what_was_not_offered_is_not_asked_for),
		cmocka_unit_test(a_hop_out_of_step_is_broken),
		cmocka_unit_test(a_reply_during_the_body_is_early),
		cmocka_unit_test(lmtp_s_worst_reply_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
