/* lmtpd_talk.c - the deliver role's LMTP, one octet at a time. */
#include "tests/unit/test.h"

#include "smtpgate/lmtpd.h"
#include "tests/talk/talk.h"

static struct {
	struct talk talk;
	struct lmtpd d;
	int rcpt, open, write, commit; /* codes */
	char file[1000];
	size_t file_n;
	unsigned commits, forgets;
} s;

static void answer(void *owner)
{
	int code = 250;
	struct reply r;

	(void)owner;
	switch (s.d.asks) {
	case LMTPD_ASKS_RECIPIENT: code = s.rcpt; break;
	case LMTPD_ASKS_OPEN: code = s.open; break;
	case LMTPD_ASKS_COMMIT: s.commits++; /* fall through */
	case LMTPD_ASKS_WRITE:
		code = s.d.asks == LMTPD_ASKS_WRITE ? s.write : s.commit;
		memcpy(s.file + s.file_n, buf_str(&s.d.file).p, s.d.file.len);
		s.file_n += s.d.file.len;
		buf_clear(&s.d.file);
		break;
	case LMTPD_ASKS_FORGET: s.forgets++; break;
	case LMTPD_ASKS_NOTHING: fail();
	}
	r = reply_make(code, "said");
	lmtpd_answer(&s.d, &r);
}

static int setup(void **state)
{
	(void)state;
	memset(&s, 0, sizeof(s));
	s.rcpt = s.write = s.commit = 250;
	s.open = 354;
	lmtpd_init(&s.d, "mx.example");
	talk_start(&s.talk, &s.d.engine, answer, NULL);
	talk_hears(&s.talk, "220 mx.example LMTP\r\n");
	talk_says(&s.talk, "LHLO gate\r\n",
		"250-mx.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n");
	talk_says(&s.talk, "MAIL FROM:<> BODY=8BITMIME SMTPUTF8\r\n", "250 2.1.0 Sender ok\r\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lmtpd_free(&s.d);
	talk_end(&s.talk);
	return 0;
}

static void one_answer_a_recipient_and_the_file_as_files_are(void **state)
{
	(void)state;
	talk_says(&s.talk, "RCPT TO:<a@b.example>\r\n", "250 said\r\n");
	s.rcpt = 550;
	talk_says(&s.talk, "RCPT TO:<x@b.example>\r\n", "550 said\r\n");
	s.rcpt = 250;
	talk_says(&s.talk, "RCPT TO:<c@b.example>\r\n", "250 said\r\n");
	talk_says(&s.talk, "DATA\r\n", "354 said\r\n");
	talk_says(&s.talk, "A: b\r\n\r\n..x\r\n.\r\n", "250 said\r\n250 said\r\n");
	assert_memory_equal(s.file, "A: b\n\n.x\n", s.file_n);
	assert_int_equal(s.file_n, 9);
	assert_int_equal(s.commits, 1);
}

static void a_write_that_failed_is_the_answer_behind_the_dot(void **state)
{
	(void)state;
	talk_says(&s.talk, "RCPT TO:<a@b.example>\r\n", "250 said\r\n");
	talk_says(&s.talk, "DATA\r\n", "354 said\r\n");
	s.write = 452;
	talk_says(&s.talk, "one\r\ntwo\r\n.\r\n", "452 said\r\n");
	assert_int_equal(s.commits, 0);
	assert_int_equal(s.forgets, 1);
	talk_says(&s.talk, "NOOP\r\n", "250 2.0.0 Ok\r\n");
}

static void nothing_is_written_out_of_turn(void **state)
{
	(void)state;
	talk_says(&s.talk, "DATA\r\n", "503 5.5.1 No recipient was accepted\r\n");
	talk_says(&s.talk, "MAIL FROM:<>\r\n", "503 5.5.1 Not now\r\n");
	talk_says(&s.talk, "RSET\r\n", "250 2.0.0 Ok\r\n");
	talk_says(&s.talk, "RCPT TO:<a@b.example>\r\n", "503 5.5.1 Not now\r\n");
	talk_says(&s.talk, "QUIT\n", "");
	assert_int_equal(s.talk.want, STEP_CLOSE);
}

static void a_message_with_a_bare_lf_ends_the_session(void **state)
{
	(void)state;
	talk_says(&s.talk, "RCPT TO:<a@b.example>\r\nDATA\r\n", "250 said\r\n354 said\r\n");
	talk_says(&s.talk, "x\n.\r\n", "");
	assert_int_equal(s.talk.want, STEP_CLOSE);
	assert_int_equal(s.commits, 0);
}

int main(void)
{
#define TALK(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TALK(one_answer_a_recipient_and_the_file_as_files_are),
		TALK(a_write_that_failed_is_the_answer_behind_the_dot),
		TALK(nothing_is_written_out_of_turn),
		TALK(a_message_with_a_bare_lf_ends_the_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
