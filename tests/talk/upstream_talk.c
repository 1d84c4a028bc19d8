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

static void start_with(const struct upstream_manners *manners, const struct introduction *client)
{
	memset(&s, 0, sizeof(s));
	upstream_init(&s.hop, manners, client);
	talk_start(&s.talk, &s.hop.engine, answer, NULL);
	talk_hears(&s.talk, "");
	assert_int_equal(s.heard, EVENT_CONNECTED);
}

static void start(bool lmtp)
{
	const struct upstream_manners manners = { .hostname = "gate.example", .lmtp = lmtp };

	start_with(&manners, NULL);
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
	s.hop.engine.ops->farewell(&s.hop.engine, FAREWELL_SHUTDOWN, &s.talk.out);
	talk_hears(&s.talk, "QUIT\r\n");
	buf_free(&body);
	end();
}

static void both(void)
{
	ready(false);
	upstream_mail(&s.hop, &bare);
	upstream_rcpt(&s.hop, &recipient);
	talk_hears(&s.talk, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n");
}

static const struct {
	const char *says;
	enum upstream_event event;
	bool mailed;
	int code;
} to_both[] = {
	{ "250 ok\r\n250 fine\r\n", EVENT_REPLY, true, 250 },
	{ "250 ok\r\n550-5.1.1 who\r\n550 is that\r\n", EVENT_REPLY, true, 550 },
	{ "451 4.3.2 later\r\n503 5.5.1 MAIL first\r\n", EVENT_REPLY, false, 451 },
	{ "550 no\r\n421 and good-bye\r\n", EVENT_REPLY, false, 550 },
	{ "250 ok\r\n354 go\r\n", EVENT_BROKEN, true, 0 },
	{ "354 go\r\n", EVENT_BROKEN, false, 0 },
	{ "250 ok\r\nwhat\r\n", EVENT_BROKEN, true, 0 },
};

static void mail_and_rcpt_in_one_go_have_one_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(to_both) / sizeof(to_both[0]); i++) {
		both();
		hears(to_both[i].event, to_both[i].says, "");
		assert_int_equal(s.hop.mailed, to_both[i].mailed);
		if (to_both[i].event == EVENT_REPLY) {
			assert_int_equal(s.hop.state, UPSTREAM_READY);
			assert_int_equal(s.hop.reply.code, to_both[i].code);
			assert_int_equal(s.asked, 3);
		}
		end();
	}
}

static void a_recipient_taken_without_its_sender_is_taken_back(void **state)
{
	(void)state;
	both();
	hears(EVENT_NONE, "550 no\r\n250 but yes\r\n", "RSET\r\n");
	hears(EVENT_REPLY, "250 forgotten\r\n", "");
	assert_int_equal(s.hop.reply.code, 550);
	assert_int_equal(s.hop.state, UPSTREAM_READY);
	end();
	both();
	hears(EVENT_NONE, "550 no\r\n250 but yes\r\n", "RSET\r\n");
	hears(EVENT_BROKEN, "502 what\r\n", "");
	end();
}

/* What came before the two is an answer to neither. */
static void a_second_transaction_remembers_nothing_of_the_first(void **state)
{
	(void)state;
	both();
	hears(EVENT_REPLY, "250 ok\r\n250 fine\r\n", "");
	upstream_reset(&s.hop);
	talk_hears(&s.talk, "RSET\r\n");
	hears(EVENT_REPLY, "250 ok\r\n", "");
	upstream_mail(&s.hop, &bare);
	upstream_rcpt(&s.hop, &recipient);
	talk_hears(&s.talk, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n");
	hears(EVENT_NONE, "450 no\r\n", "");
	assert_false(s.hop.mailed);
	hears(EVENT_REPLY, "503 no\r\n", "");
	assert_int_equal(s.hop.reply.code, 450);
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

static void a_hop_that_wants_more_behind_the_dot_gets_no_further_command(void **state)
{
	(void)state;
	in_data(false, 1);
	upstream_end(&s.hop);
	talk_hears(&s.talk, ".\r\n");
	hears(EVENT_BROKEN, "354 more\r\n", "");
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

/* --- all at once: what stands behind a reply in the same segment --- */

static void hears_at_once(enum upstream_event event, const char *text, const char *we_say)
{
	s.heard = EVENT_NONE;
	buf_add(&s.talk.in, str_of(text));
	talk_hears(&s.talk, we_say);
	assert_int_equal(s.heard, event);
}

static void what_stands_behind_a_reply_is_no_answer_to_the_next_command(void **state)
{
	(void)state;
	ready(false);
	upstream_mail(&s.hop, &bare);
	talk_hears(&s.talk, "MAIL FROM:<a@b.example>\r\n");
	/* the owner answers at once, before the engine could see that there is more */
	buf_add(&s.talk.in, STR("250 ok\r\n250 surplus\r\n"));
	assert_int_equal(s.hop.engine.ops->run(&s.hop.engine, &s.talk.in, &s.talk.out), STEP_ASK);
	assert_int_equal(s.hop.event, EVENT_REPLY);
	assert_true(s.hop.unheard);
	upstream_rcpt(&s.hop, &recipient);
	hears_at_once(EVENT_BROKEN, "", "");
	end();
}

static void half_a_reply_before_the_dot_keeps_the_dot_back(void **state)
{
	(void)state;
	in_data(false, 1);
	hears(EVENT_NONE, "250 ta", "");
	assert_true(s.hop.unheard);
	upstream_end(&s.hop);
	hears_at_once(EVENT_BROKEN, "", "");
	end();
}

static void junk_behind_354_is_early(void **state)
{
	(void)state;
	ready(false);
	upstream_data(&s.hop);
	talk_hears(&s.talk, "DATA\r\n");
	hears_at_once(EVENT_EARLY, "354 go\r\n250 taken\r\n", "");
	end();
}

static void the_hop_forgets_a_transaction_and_goes_on(void **state)
{
	(void)state;
	ready(false);
	upstream_mail(&s.hop, &bare);
	talk_hears(&s.talk, "MAIL FROM:<a@b.example>\r\n");
	hears(EVENT_REPLY, "250 ok\r\n", "");
	upstream_reset(&s.hop);
	talk_hears(&s.talk, "RSET\r\n");
	hears(EVENT_REPLY, "250 ok\r\n", "");
	assert_int_equal(s.hop.state, UPSTREAM_READY);
	end();
}

/* --- parameters --- */

static const struct envelope rich = {
	.sender = { .text = "a@b.example" }, .utf8 = true, .ret = DSN_RET_HDRS, .envid = "e+2B1"
};
static const struct recipient rich_recipient = { .path = { .text = "c@d.example" },
	.notify = DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY,
	.orcpt = "rfc822;c@d.example" };

static void parameters_go_to_a_hop_that_offers_them(void **state)
{
	(void)state;
	start(false);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_READY, "250-hop\r\n250-DSN\r\n250 SMTPUTF8\r\n", "");
	upstream_mail(&s.hop, &rich);
	talk_hears(&s.talk, "MAIL FROM:<a@b.example> SMTPUTF8 RET=HDRS ENVID=e+2B1\r\n");
	hears(EVENT_REPLY, "250 ok\r\n", "");
	upstream_rcpt(&s.hop, &rich_recipient);
	talk_hears(
		&s.talk, "RCPT TO:<c@d.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c@d.example\r\n");
	end();
	ready(false); /* offers neither */
	upstream_mail(&s.hop, &rich);
	talk_hears(&s.talk, "MAIL FROM:<a@b.example>\r\n");
	hears(EVENT_REPLY, "250 ok\r\n", "");
	upstream_rcpt(&s.hop, &rich_recipient);
	talk_hears(&s.talk, "RCPT TO:<c@d.example>\r\n");
	end();
}

/* --- who the client is --- */

static struct introduction anna(void)
{
	struct introduction i = { .client = { .port = 4711 },
		.gate = { .port = 25 },
		.name = "host.example",
		.helo = "pc anna",
		.esmtp = true };

	assert_true(addr_parse(STR("192.0.2.7"), &i.client.addr));
	assert_true(addr_parse(STR("192.0.2.1"), &i.gate.addr));
	assert_true(subscriber_fold(STR("anna@example.net"), STR(""), &i.login));
	return i;
}

static const struct upstream_manners by_xclient = {
	.hostname = "gate.example", .xclient = true, .only_xclient = true
};

static void xclient_tells_what_the_hop_wants_to_know_and_greets_again(void **state)
{
	struct introduction client = anna();

	(void)state;
	start_with(&by_xclient, &client);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_NONE, "250-hop\r\n250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR\r\n",
		"XCLIENT ADDR=192.0.2.7 PORT=4711 NAME=host.example HELO=pc+20anna PROTO=ESMTP "
		"LOGIN=anna@example.net\r\n");
	hears(EVENT_NONE, "220 hi again\r\n", "EHLO gate.example\r\n"); /* its helo is no word */
	hears(EVENT_READY, "250-hop\r\n250-SIZE\r\n250 XCLIENT ADDR\r\n", "");
	assert_true(s.hop.offers.size);
	end();
	client.helo[2] = '.';
	client.login.n = 0;
	start_with(&by_xclient, &client);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_NONE, "250-hop\r\n250 XCLIENT ADDR LOGIN\r\n",
		"XCLIENT ADDR=192.0.2.7 LOGIN=[UNAVAILABLE]\r\n");
	hears(EVENT_NONE, "220 hi again\r\n", "EHLO pc.anna\r\n");
	hears(EVENT_READY, "250 hop\r\n", "");
	end();
}

static void another_client_is_told_of_in_full(void **state)
{
	struct introduction client = anna(), other = { .client = { .port = 7 }, .esmtp = true };

	(void)state;
	start_with(&by_xclient, &client);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_NONE, "250-hop\r\n250 XCLIENT ADDR PORT LOGIN HELO\r\n",
		"XCLIENT ADDR=192.0.2.7 PORT=4711 HELO=pc+20anna LOGIN=anna@example.net\r\n");
	hears(EVENT_NONE, "220 hi again\r\n", "EHLO gate.example\r\n");
	hears(EVENT_READY, "250-hop\r\n250 XCLIENT HELO ADDR LOGIN PORT\r\n", "");
	assert_true(addr_parse(STR("2001:db8::1"), &other.client.addr));
	memcpy(other.helo, "box", 4);
	assert_true(upstream_may_introduce(&s.hop));
	assert_true(upstream_introduce(&s.hop, &other));
	talk_hears(
		&s.talk, "XCLIENT ADDR=IPV6:2001:db8::1 PORT=7 HELO=box LOGIN=[UNAVAILABLE]\r\n");
	hears(EVENT_NONE, "220 hi again\r\n", "EHLO box\r\n");
	hears(EVENT_READY, "250-hop\r\n250 XCLIENT ADDR LOGIN\r\n", "");
	assert_false(upstream_may_introduce(&s.hop)); /* what it was told would stay */
	end();
}

static void a_hop_that_wants_to_know_nothing_takes_any_client(void **state)
{
	struct upstream_manners lmtp = by_xclient;
	struct introduction client = anna();

	(void)state;
	lmtp.lmtp = true;
	lmtp.only_xclient = false;
	start_with(&lmtp, &client);
	hears(EVENT_NONE, "220 hi\r\n", "LHLO gate.example\r\n");
	hears(EVENT_READY, "250-hop\r\n250 SIZE\r\n", "");
	assert_true(upstream_may_introduce(&s.hop));
	assert_false(upstream_introduce(&s.hop, &client));
	talk_hears(&s.talk, "");
	assert_int_equal(s.hop.state, UPSTREAM_READY);
	end();
}

static void a_hop_without_xclient_is_unfit_if_it_has_to_judge(void **state)
{
	struct introduction client = anna();
	struct upstream_manners lmtp = by_xclient;

	(void)state;
	start_with(&by_xclient, &client);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_UNFIT, "250-hop\r\n250 SIZE\r\n", "");
	assert_int_equal(s.talk.want, STEP_CLOSE);
	end();
	lmtp.lmtp = true;
	lmtp.only_xclient = false;
	start_with(&lmtp, &client);
	hears(EVENT_NONE, "220 hi\r\n", "LHLO gate.example\r\n");
	hears(EVENT_READY, "250-hop\r\n250 SIZE\r\n", "");
	end();
}

static void its_judgement_of_the_client_is_told_apart_from_its_faults(void **state)
{
	struct introduction client = anna();

	(void)state;
	start_with(&by_xclient, &client);
	hears(EVENT_BROKEN, "554 not you, gate\r\n", "");
	end();
	start_with(&by_xclient, &client);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_NONE, "250-hop\r\n250 XCLIENT ADDR\r\n", "XCLIENT ADDR=192.0.2.7\r\n");
	hears(EVENT_REFUSED, "554 5.7.1 not from there\r\n", "");
	assert_int_equal(s.hop.reply.code, 554);
	end();
	start_with(&by_xclient, &client);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_NONE, "250-hop\r\n250 XCLIENT ADDR\r\n", "XCLIENT ADDR=192.0.2.7\r\n");
	hears(EVENT_BROKEN, "550 5.7.0 who allowed you that\r\n", "");
	end();
}

static void a_probe_only_looks(void **state)
{
	(void)state;
	start_with(&by_xclient, NULL);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_READY, "250-hop\r\n250 XCLIENT ADDR\r\n", "");
	assert_int_equal(s.hop.offers.xclient, XCLIENT_ADDR);
	end();
}

static void the_proxy_header_comes_first(void **state)
{
	const struct upstream_manners by_proxy = { .hostname = "gate.example", .proxy = true };
	static const char header[] =
		"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01"
		"\x12\x67\0\x19";
	struct introduction client = anna();

	(void)state;
	memset(&s, 0, sizeof(s));
	upstream_init(&s.hop, &by_proxy, &client);
	talk_start(&s.talk, &s.hop.engine, answer, NULL);
	while (s.talk.want != STEP_READ)
		s.talk.want = s.hop.engine.ops->run(&s.hop.engine, &s.talk.in, &s.talk.out);
	assert_int_equal(s.talk.out.len, sizeof(header) - 1);
	assert_memory_equal(buf_str(&s.talk.out).p, header, sizeof(header) - 1);
	buf_clear(&s.talk.out);
	hears(EVENT_REFUSED, "554 not from there\r\n", "");
	end();
}

/* --- TLS and AUTH --- */

static void starttls_forgets_what_was_said_in_clear(void **state)
{
	const struct upstream_manners m = { .hostname = "gate.example", .tls = UPSTREAM_ONLY_TLS };

	(void)state;
	start_with(&m, NULL);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_NONE, "250-hop\r\n250-SIZE\r\n250 STARTTLS\r\n", "STARTTLS\r\n");
	hears(EVENT_NONE, "220 go\r\n", "");
	assert_int_equal(s.talk.want, STEP_TLS);
	talk_hears(&s.talk, "EHLO gate.example\r\n");
	hears(EVENT_READY, "250-hop\r\n250 8BITMIME\r\n", "");
	assert_true(s.hop.tls && s.hop.offers.eight_bit && !s.hop.offers.size);
	end();
}

static void octets_in_clear_behind_starttls_are_a_fault(void **state)
{
	const struct upstream_manners m = { .hostname = "gate.example", .tls = UPSTREAM_TRY_TLS };

	(void)state;
	start_with(&m, NULL);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_NONE, "250-hop\r\n250 STARTTLS\r\n", "STARTTLS\r\n");
	hears_at_once(EVENT_BROKEN, "220 go\r\n250 injected\r\n", "");
	end();
}

static void without_starttls_a_hop_is_used_only_if_it_need_not_be(void **state)
{
	struct upstream_manners m = { .hostname = "gate.example", .tls = UPSTREAM_TRY_TLS };

	(void)state;
	start_with(&m, NULL);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_NONE, "250-hop\r\n250 STARTTLS\r\n", "STARTTLS\r\n");
	hears(EVENT_READY, "454 4.7.0 not now\r\n", "");
	end();
	m.tls = UPSTREAM_ONLY_TLS;
	for (int offered = 0; offered < 2; offered++) {
		start_with(&m, NULL);
		hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
		if (offered) {
			hears(EVENT_NONE, "250-hop\r\n250 STARTTLS\r\n", "STARTTLS\r\n");
			hears(EVENT_BROKEN, "454 4.7.0 not now\r\n", "");
		} else {
			hears(EVENT_BROKEN, "250 hop\r\n", "");
		}
		end();
	}
}

static void we_log_in_where_nobody_listens(void **state)
{
	struct upstream_manners m = { .hostname = "gate.example",
		.user = "gate",
		.password = "secret",
		.auth_in_clear = true };

	(void)state;
	start_with(&m, NULL);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_NONE, "250-hop\r\n250 AUTH LOGIN PLAIN\r\n", "AUTH PLAIN AGdhdGUAc2VjcmV0\r\n");
	hears(EVENT_READY, "235 2.7.0 in\r\n", "");
	end();
	start_with(&m, NULL);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_NONE, "250-hop\r\n250 AUTH LOGIN\r\n", "AUTH LOGIN\r\n");
	hears(EVENT_NONE, "334 VXNlcm5hbWU6\r\n", "Z2F0ZQ==\r\n");
	hears(EVENT_NONE, "334 UGFzc3dvcmQ6\r\n", "c2VjcmV0\r\n");
	hears(EVENT_BROKEN, "535 5.7.8 no\r\n", "");
	end();
	m.auth_in_clear = false;
	start_with(&m, NULL);
	hears(EVENT_NONE, "220 hi\r\n", "EHLO gate.example\r\n");
	hears(EVENT_BROKEN, "250-hop\r\n250 AUTH PLAIN\r\n", "");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_from_greeting_to_quit),
		cmocka_unit_test(what_was_not_offered_is_not_asked_for),
		cmocka_unit_test(mail_and_rcpt_in_one_go_have_one_answer),
		cmocka_unit_test(a_recipient_taken_without_its_sender_is_taken_back),
		cmocka_unit_test(a_second_transaction_remembers_nothing_of_the_first),
		cmocka_unit_test(a_hop_out_of_step_is_broken),
		cmocka_unit_test(a_reply_during_the_body_is_early),
		cmocka_unit_test(a_hop_that_wants_more_behind_the_dot_gets_no_further_command),
		cmocka_unit_test(lmtp_s_worst_reply_counts),
		cmocka_unit_test(what_stands_behind_a_reply_is_no_answer_to_the_next_command),
		cmocka_unit_test(half_a_reply_before_the_dot_keeps_the_dot_back),
		cmocka_unit_test(junk_behind_354_is_early),
		cmocka_unit_test(the_hop_forgets_a_transaction_and_goes_on),
		cmocka_unit_test(parameters_go_to_a_hop_that_offers_them),
		cmocka_unit_test(xclient_tells_what_the_hop_wants_to_know_and_greets_again),
		cmocka_unit_test(another_client_is_told_of_in_full),
		cmocka_unit_test(a_hop_that_wants_to_know_nothing_takes_any_client),
		cmocka_unit_test(a_hop_without_xclient_is_unfit_if_it_has_to_judge),
		cmocka_unit_test(its_judgement_of_the_client_is_told_apart_from_its_faults),
		cmocka_unit_test(a_probe_only_looks),
		cmocka_unit_test(the_proxy_header_comes_first),
		cmocka_unit_test(starttls_forgets_what_was_said_in_clear),
		cmocka_unit_test(octets_in_clear_behind_starttls_are_a_fault),
		cmocka_unit_test(without_starttls_a_hop_is_used_only_if_it_need_not_be),
		cmocka_unit_test(we_log_in_where_nobody_listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
