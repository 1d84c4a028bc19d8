/* pop3_talk.c - POP3 in every state, one octet at a time. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "pop3d/pop3.h"
#include "tests/talk/talk.h"

static struct {
	struct talk talk;
	struct pop3 pop3;
	enum pop3_login verdict;
	bool no_scan, gone_at_once, gone_later, stays, empty;
	unsigned scans, updates;
	bool doomed[3];
} s;

static const char *const files[] = { "A: 1\n\n.one\n", "B: 2\r\n\r\ntwo", "C: 3\n\nx\ny\nz\n" };

static uint64_t octets_of(void *ctx, size_t i)
{
	static const uint64_t octets[] = { 14, 13, 17 };

	(void)ctx;
	return octets[i];
}

static const char *uidl_of(void *ctx, size_t i)
{
	static const char *const names[] = { "u1", "u2", "u3" };

	(void)ctx;
	return names[i];
}

/* A message comes in pieces of 4 octets. */
static void answer_piece(void)
{
	struct str file = str_of(files[s.pop3.ask.message]);
	size_t at = (size_t)s.pop3.ask.offset, n = file.n - at < 4 ? file.n - at : 4;

	if (s.gone_at_once || (s.gone_later && at > 0))
		pop3_piece(&s.pop3, POP3_PIECE_GONE, STR(""));
	else
		pop3_piece(&s.pop3, at + n == file.n ? POP3_PIECE_LAST : POP3_PIECE_MORE,
			(struct str){ file.p + at, n });
}

static void answer(void *owner)
{
	const struct pop3_drop drop = { s.empty ? 0 : 3, octets_of, uidl_of, NULL };

	(void)owner;
	switch (s.pop3.ask.kind) {
	case POP3_ASKS_LOGIN:
		assert_true(str_eq(s.pop3.ask.name, STR("anna")));
		assert_true(str_eq(s.pop3.ask.password, STR("a secret ")));
		pop3_login(&s.pop3, s.verdict);
		break;
	case POP3_ASKS_SCAN:
		s.scans++;
		if (s.no_scan)
			pop3_not_scanned(&s.pop3);
		else
			pop3_scanned(&s.pop3, &drop);
		break;
	case POP3_ASKS_PIECE: answer_piece(); break;
	case POP3_ASKS_UPDATE:
		s.updates++;
		if (s.pop3.done.deleted > 0)
			memcpy(s.doomed, s.pop3.doomed, sizeof(s.doomed));
		pop3_updated(&s.pop3, s.stays ? 1 : 0);
		break;
	case POP3_ASKS_NOTHING: fail();
	}
}

static int setup(void **state)
{
	(void)state;
	memset(&s, 0, sizeof(s));
	pop3_init(&s.pop3, "mx.example", true);
	talk_start(&s.talk, &s.pop3.engine, answer, NULL);
	talk_hears(&s.talk, "+OK mx.example POP3 server ready\r\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pop3_free(&s.pop3);
	talk_end(&s.talk);
	return 0;
}

static void says(const char *text, const char *reply)
{
	talk_says(&s.talk, text, reply);
}

static void login(void)
{
	says("USER anna\r\n", "+OK Send the password\r\n");
	says("PASS a secret \r\n", "+OK Welcome\r\n");
}

static void a_session_from_greeting_to_update(void **state)
{
	(void)state;
	login();
	says("STAT\r\n", "+OK 3 44\r\n");
	says("list\r\n", "+OK The list follows\r\n1 14\r\n2 13\r\n3 17\r\n.\r\n");
	says("LIST 2\n", "+OK 2 13\r\n");
	says("UIDL\r\n", "+OK The list follows\r\n1 u1\r\n2 u2\r\n3 u3\r\n.\r\n");
	says("UIDL 3\r\n", "+OK 3 u3\r\n");
	says("RETR 1\r\n", "+OK The message follows\r\nA: 1\r\n\r\n..one\r\n.\r\n");
	says("RETR 2\r\n", "+OK The message follows\r\nB: 2\r\n\r\ntwo\r\n.\r\n");
	says("TOP 3 1\r\n", "+OK The message follows\r\nC: 3\r\n\r\nx\r\n.\r\n");
	says("TOP 3 0\r\n", "+OK The message follows\r\nC: 3\r\n\r\n.\r\n");
	says("DELE 2\r\n", "+OK Marked to be deleted\r\n");
	says("STAT\r\n", "+OK 2 31\r\n");
	says("LIST\r\n", "+OK The list follows\r\n1 14\r\n3 17\r\n.\r\n");
	says("RETR 2\r\n", "-ERR No such message\r\n");
	says("DELE 2\r\n", "-ERR No such message\r\n");
	says("QUIT\r\n", "+OK Bye\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
	assert_true(s.doomed[1] && !s.doomed[0] && !s.doomed[2]);
	assert_int_equal(s.scans, 1);
}

static void rset_forgets_what_was_marked(void **state)
{
	(void)state;
	login();
	says("DELE 1\r\nDELE 2\r\nRSET\r\nSTAT\r\n",
		"+OK Marked to be deleted\r\n+OK Marked to be deleted\r\n+OK No message is "
		"marked\r\n+OK 3 44\r\n");
	says("QUIT\r\n", "+OK Bye\r\n");
	assert_false(s.doomed[0] || s.doomed[1]);
}

static void update_tells_the_truth(void **state)
{
	(void)state;
	s.stays = true;
	login();
	says("DELE 1\r\n", "+OK Marked to be deleted\r\n");
	says("QUIT\r\n", "-ERR [SYS/TEMP] 1 of the deleted messages could not be removed\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
}

static void numbers_are_numbers(void **state)
{
	static const char *const bad[] = { "0", "4", "4294967297", "18446744073709551617", "-1",
		"+1", "1x", " 1", "01x", "1 1" };
	char command[64];

	(void)state;
	login();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(command, sizeof(command), "DELE %s\r\n", bad[i]);
		says(command, "-ERR No such message\r\n");
	}
	says("DELE\r\n", "-ERR An argument is missing\r\n");
	says("TOP 1\r\n", "-ERR TOP takes a message and a number of lines\r\n");
	says("TOP 1 -1\r\n", "-ERR TOP takes a message and a number of lines\r\n");
	says("STAT 1\r\n", "-ERR This command takes no argument\r\n");
	says("QUIT now\r\n", "-ERR This command takes no argument\r\n");
	assert_int_equal(s.updates, 0);
}

static void nothing_works_out_of_its_state(void **state)
{
	static const char *const commands[] = { "STAT", "LIST", "UIDL", "RETR 1", "TOP 1 1",
		"DELE 1", "NOOP", "RSET" };
	char command[64];

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		snprintf(command, sizeof(command), "%s\r\n", commands[i]);
		says(command, "-ERR Log in first\r\n");
	}
	says("PASS x\r\n", "-ERR USER comes first\r\n");
	login();
	says("USER anna\r\n", "-ERR You are logged in already\r\n");
	says("PASS x\r\n", "-ERR You are logged in already\r\n");
	says("XYZZY is long and never echoed\r\n", "-ERR Unknown command\r\n");
}

static void logins_that_fail_have_their_words(void **state)
{
	(void)state;
	s.verdict = POP3_IN_USE;
	says("USER anna\r\nPASS a secret \r\n",
		"+OK Send the password\r\n-ERR [IN-USE] Another session has this maildrop "
		"open\r\n");
	s.verdict = POP3_LATER;
	says("USER anna\r\nPASS a secret \r\n",
		"+OK Send the password\r\n-ERR [SYS/TEMP] Cannot log you in now, try again "
		"later\r\n");
	s.verdict = POP3_REFUSED;
	for (int i = 0; i < 4; i++)
		says("USER anna\r\nPASS a secret \r\n",
			"+OK Send the password\r\n-ERR [AUTH] Authentication failed\r\n");
	says("USER anna\r\nPASS a secret \r\n",
		"+OK Send the password\r\n-ERR [AUTH] Authentication failed, closing\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
}

static void passwords_in_clear_need_a_safe_way(void **state)
{
	(void)state;
	s.pop3.secure = false;
	says("USER anna\r\n",
		"-ERR [AUTH] Passwords are not taken in clear from your address: use TLS\r\n");
	says("CAPA\r\n",
		"+OK Capabilities "
		"follow\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n"
		"EXPIRE NEVER\r\nIMPLEMENTATION Popgate\r\n.\r\n");
}

static void bad_lines_are_dropped_whole(void **state)
{
	char line[600];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line + 300, "\r\nCAPA", 6);
	memcpy(line + 306, " \r\n", 4);
	says(line, "-ERR The command is too long\r\n-ERR This command takes no argument\r\n");
	talk_says_octets(&s.talk, STR("QUIT\0\r\n"), "-ERR Control characters in a command\r\n");
	talk_says_octets(
		&s.talk, STR("USER a\x1b\r\n"), "-ERR Control characters in a command\r\n");
	says("QUIT\rQUIT\r\n", "-ERR Control characters in a command\r\n");
	assert_int_equal(s.talk.want, STEP_READ);
}

static void a_line_end_may_be_bare_and_half_a_line_is_nothing(void **state)
{
	(void)state;
	login();
	says("NOOP\n", "+OK Still here\r\n");
	says("DELE 1\r\nQUIT", "+OK Marked to be deleted\r\n");
	assert_int_equal(s.talk.want, STEP_READ);
	assert_int_equal(s.updates, 0);
}

static void other_protocols_are_cut(void **state)
{
	(void)state;
	says("POST / HTTP/1.1\r\n", "");
	assert_int_equal(s.talk.want, STEP_CLOSE);
}

static void a_message_that_vanishes_never_looks_whole(void **state)
{
	(void)state;
	login();
	s.gone_at_once = true;
	says("RETR 1\r\n", "-ERR [SYS/TEMP] The message is no longer there\r\n");
	s.gone_at_once = false;
	s.gone_later = true;
	says("RETR 1\r\n", "+OK The message follows\r\nA: 1");
	assert_int_equal(s.talk.want, STEP_CLOSE);
}

static void a_maildrop_that_cannot_be_read_ends_the_session(void **state)
{
	(void)state;
	s.no_scan = true;
	login();
	says("STAT\r\n", "-ERR [SYS/TEMP] The maildrop cannot be read now\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
}

static void an_empty_maildrop_and_a_bare_visit(void **state)
{
	(void)state;
	s.empty = true;
	login();
	says("NOOP\r\n", "+OK Still here\r\n");
	assert_int_equal(s.scans, 0);
	says("STAT\r\nLIST\r\nUIDL\r\n",
		"+OK 0 0\r\n+OK The list follows\r\n.\r\n+OK The list follows\r\n.\r\n");
	says("QUIT\r\n", "+OK Bye\r\n");
}

static void too_many_errors_end_it(void **state)
{
	(void)state;
	for (int i = 0; i < 19; i++)
		says("X\r\n", "-ERR Unknown command\r\n");
	says("X\r\n", "-ERR Unknown command\r\n-ERR Too many errors, closing\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
}

int main(void)
{
#define TALK(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TALK(a_session_from_greeting_to_update),
		TALK(rset_forgets_what_was_marked),
		TALK(update_tells_the_truth),
		TALK(numbers_are_numbers),
		TALK(nothing_works_out_of_its_state),
		TALK(logins_that_fail_have_their_words),
		TALK(passwords_in_clear_need_a_safe_way),
		TALK(bad_lines_are_dropped_whole),
		TALK(a_line_end_may_be_bare_and_half_a_line_is_nothing),
		TALK(other_protocols_are_cut),
		TALK(a_message_that_vanishes_never_looks_whole),
		TALK(a_maildrop_that_cannot_be_read_ends_the_session),
		TALK(an_empty_maildrop_and_a_bare_visit),
		TALK(too_many_errors_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
