/* pop3_talk.c - POP3 in every state, one octet at a time. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "pop3d/pop3.h"
#include "tests/talk/talk.h"

static struct {
	struct talk talk;
	struct pop3 pop3;
	struct pop3_facts facts;
	enum pop3_login verdict;
	bool no_scan, gone_at_once, gone_later, stays, empty;
	unsigned facts_asked, logins, cancels, scans, updates;
	unsigned challenges; /* to be sent before the verdict */
	size_t response_n; /* of the last one; -1: there was none */
	char mechanism[30], name[300], response[POP3_RESPONSE_MAX + 1];
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

static void note(const char *mechanism, struct str name, struct str response)
{
	if (mechanism != NULL)
		snprintf(s.mechanism, sizeof(s.mechanism), "%s", mechanism);
	assert_true(str_to_cstr(name, s.name, sizeof(s.name)));
	s.response_n = response.p != NULL ? response.n : (size_t)-1;
	if (response.p != NULL)
		memcpy(s.response, response.p, response.n);
	s.response[response.n] = '\0';
}

static void answer_login(void)
{
	s.logins++;
	if (s.pop3.ask.kind == POP3_ASKS_LOGIN)
		note(s.pop3.ask.mechanism, s.pop3.ask.name, s.pop3.ask.password);
	else
		note(s.pop3.ask.kind == POP3_ASKS_AUTH ? s.pop3.ask.mechanism : NULL, STR(""),
			s.pop3.ask.response);
	if (s.challenges > 0 && s.pop3.ask.kind != POP3_ASKS_LOGIN) {
		s.challenges--;
		pop3_challenge(&s.pop3, s.challenges == 0 ? STR("who?") : STR(""));
	} else {
		pop3_login(&s.pop3, s.verdict);
	}
}

static void answer_scan(void)
{
	const struct pop3_drop drop = { s.empty ? 0 : 3, octets_of, uidl_of, NULL };

	s.scans++;
	if (s.no_scan)
		pop3_not_scanned(&s.pop3);
	else
		pop3_scanned(&s.pop3, &drop);
}

static void answer_update(void)
{
	s.updates++;
	if (s.pop3.done.deleted > 0)
		memcpy(s.doomed, s.pop3.doomed, sizeof(s.doomed));
	pop3_updated(&s.pop3, s.stays ? 1 : 0);
}

static void answer(void *owner)
{
	(void)owner;
	switch (s.pop3.ask.kind) {
	case POP3_ASKS_FACTS:
		s.facts_asked++;
		pop3_facts(&s.pop3, &s.facts);
		break;
	case POP3_ASKS_LOGIN:
	case POP3_ASKS_AUTH:
	case POP3_ASKS_RESPONSE: answer_login(); break;
	case POP3_ASKS_CANCEL:
		s.cancels++;
		pop3_cancelled(&s.pop3);
		break;
	case POP3_ASKS_SCAN: answer_scan(); break;
	case POP3_ASKS_PIECE: answer_piece(); break;
	case POP3_ASKS_UPDATE: answer_update(); break;
	case POP3_ASKS_NOTHING: fail();
	}
}

/* The start of another connection: facts are as they were set. */
static void connect_again(const char *greeting)
{
	pop3_free(&s.pop3);
	talk_end(&s.talk);
	pop3_init(&s.pop3);
	talk_start(&s.talk, &s.pop3.engine, answer, NULL);
	talk_hears(&s.talk, greeting);
}

#define HELLO "+OK mx.example POP3 server ready\r\n"

static int setup(void **state)
{
	(void)state;
	memset(&s, 0, sizeof(s));
	s.facts = (struct pop3_facts){
		.hostname = "mx.example", .mechanisms = "PLAIN LOGIN", .secure = true
	};
	connect_again(HELLO);
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
	assert_string_equal(s.mechanism, "PLAIN");
	assert_string_equal(s.name, "anna");
	assert_string_equal(s.response, "a secret ");
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
	says("RETR 1\r\n", "+OK 14 octets\r\nA: 1\r\n\r\n..one\r\n.\r\n");
	says("RETR 2\r\n", "+OK 13 octets\r\nB: 2\r\n\r\ntwo\r\n.\r\n");
	says("TOP 3 1\r\n", "+OK The top follows\r\nC: 3\r\n\r\nx\r\n.\r\n");
	says("TOP 3 0\r\n", "+OK The top follows\r\nC: 3\r\n\r\n.\r\n");
	says("DELE 2\r\n", "+OK Marked to be deleted\r\n");
	says("STAT\r\n", "+OK 2 31\r\n");
	says("LIST\r\n", "+OK The list follows\r\n1 14\r\n3 17\r\n.\r\n");
	says("RETR 2\r\n", "-ERR No such message\r\n");
	says("DELE 2\r\n", "-ERR No such message\r\n");
	says("QUIT\r\n", "+OK Bye\r\n");
	assert_int_equal(s.talk.want, STEP_PART);
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
	assert_int_equal(s.talk.want, STEP_PART);
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

/* Every command in every state, with what it says there. */
static const struct {
	const char *command, *before, *after; /* the login */
} states[] = {
	{ "STAT", "-ERR Log in first\r\n", "+OK 3 44\r\n" },
	{ "LIST", "-ERR Log in first\r\n",
		"+OK The list follows\r\n1 14\r\n2 13\r\n3 17\r\n.\r\n" },
	{ "LIST 1", "-ERR Log in first\r\n", "+OK 1 14\r\n" },
	{ "LIST 4", "-ERR Log in first\r\n", "-ERR No such message\r\n" },
	{ "LIST 1 2", "-ERR Log in first\r\n", "-ERR No such message\r\n" },
	{ "UIDL 2", "-ERR Log in first\r\n", "+OK 2 u2\r\n" },
	{ "UIDL x", "-ERR Log in first\r\n", "-ERR No such message\r\n" },
	{ "RETR 1", "-ERR Log in first\r\n", "+OK 14 octets\r\nA: 1\r\n\r\n..one\r\n.\r\n" },
	{ "RETR", "-ERR Log in first\r\n", "-ERR An argument is missing\r\n" },
	{ "TOP 1 0", "-ERR Log in first\r\n", "+OK The top follows\r\nA: 1\r\n\r\n.\r\n" },
	{ "DELE 1", "-ERR Log in first\r\n", "+OK Marked to be deleted\r\n" },
	{ "NOOP", "-ERR Log in first\r\n", "+OK Still here\r\n" },
	{ "NOOP 1", "-ERR Log in first\r\n", "-ERR This command takes no argument\r\n" },
	{ "RSET", "-ERR Log in first\r\n", "+OK No message is marked\r\n" },
	{ "USER anna", "+OK Send the password\r\n", "-ERR You are logged in already\r\n" },
	{ "USER", "-ERR An argument is missing\r\n", "-ERR You are logged in already\r\n" },
	{ "PASS x", "-ERR USER comes first\r\n", "-ERR You are logged in already\r\n" },
	{ "APOP anna 0123456789abcdef0123456789abcdef", "-ERR APOP is not offered here\r\n",
		"-ERR You are logged in already\r\n" },
	{ "AUTH", "+OK Mechanisms follow\r\nPLAIN\r\nLOGIN\r\n.\r\n",
		"-ERR You are logged in already\r\n" },
	{ "AUTH PLAIN AGEAYg==", "-ERR [AUTH] Authentication failed\r\n",
		"-ERR You are logged in already\r\n" },
	{ "STLS", "-ERR TLS is not offered here\r\n", "-ERR You are logged in already\r\n" },
	{ "STLS now", "-ERR This command takes no argument\r\n",
		"-ERR You are logged in already\r\n" },
	{ "UTF8", "+OK UTF8 enabled\r\n", "-ERR You are logged in already\r\n" },
	{ "UTF8 USER", "-ERR This command takes no argument\r\n",
		"-ERR You are logged in already\r\n" },
	{ "LANG", "+OK Languages follow\r\ni-default Default language\r\nen English\r\n.\r\n",
		"+OK Languages follow\r\ni-default Default language\r\nen English\r\n.\r\n" },
	{ "LANG *", "+OK i-default Default language\r\n", "+OK i-default Default language\r\n" },
	{ "lang I-Default", "+OK i-default Default language\r\n",
		"+OK i-default Default language\r\n" },
	{ "LANG en-GB", "+OK en English\r\n", "+OK en English\r\n" },
	{ "LANG tlh", "-ERR This language is not spoken here\r\n",
		"-ERR This language is not spoken here\r\n" },
	{ "CAPA x", "-ERR This command takes no argument\r\n",
		"-ERR This command takes no argument\r\n" },
	{ "QUIT x", "-ERR This command takes no argument\r\n",
		"-ERR This command takes no argument\r\n" },
	{ "QUIT ", "-ERR This command takes no argument\r\n",
		"-ERR This command takes no argument\r\n" },
	{ "XYZZY is long and never echoed", "-ERR Unknown command\r\n",
		"-ERR Unknown command\r\n" },
	{ "", "-ERR Unknown command\r\n", "-ERR Unknown command\r\n" },
	{ " NOOP", "-ERR Unknown command\r\n", "-ERR Unknown command\r\n" },
	{ "QUIT", "+OK Bye\r\n", "+OK Bye\r\n" },
};

static void every_command_knows_its_state(void **state)
{
	char command[100];

	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		snprintf(command, sizeof(command), "%s\r\n", states[i].command);
		connect_again(HELLO);
		s.verdict = POP3_REFUSED;
		says(command, states[i].before);
		assert_int_equal(s.updates, 0);
		connect_again(HELLO);
		s.verdict = POP3_WELCOME;
		login();
		says(command, states[i].after);
	}
	assert_int_equal(s.updates, 1); /* of the one whole QUIT */
}

static void pass_counts_only_right_behind_user(void **state)
{
	(void)state;
	says("USER anna\r\nCAPA now\r\nPASS x\r\n",
		"+OK Send the password\r\n-ERR This command takes no argument\r\n"
		"-ERR USER comes first\r\n");
	says("USER anna\r\n\r\nPASS x\r\n",
		"+OK Send the password\r\n-ERR Unknown command\r\n-ERR USER comes first\r\n");
	s.verdict = POP3_REFUSED;
	says("USER anna\r\nPASS x\r\nPASS y\r\n",
		"+OK Send the password\r\n-ERR [AUTH] Authentication failed\r\n"
		"-ERR USER comes first\r\n");
	assert_int_equal(s.logins, 1);
}

static const struct {
	enum pop3_login verdict;
	const char *says;
} verdicts[] = {
	{ POP3_IN_USE, "-ERR [IN-USE] Another session has this maildrop open\r\n" },
	{ POP3_LATER, "-ERR [SYS/TEMP] Cannot log you in now, try again later\r\n" },
	{ POP3_BROKEN,
		"-ERR [SYS/PERM] Your maildrop cannot be opened, please tell the support\r\n" },
	{ POP3_TOO_SOON, "-ERR [LOGIN-DELAY] Too soon after the last login\r\n" },
	{ POP3_NO_MECHANISM, "-ERR This mechanism is not known here\r\n" },
	{ POP3_NOT_IN_CLEAR, "-ERR [AUTH] Your password would be sent in clear: use TLS\r\n" },
	{ POP3_MALFORMED, "-ERR The response is not what this mechanism wants\r\n" },
	{ POP3_REFUSED, "-ERR [AUTH] Authentication failed\r\n" },
};

static void logins_that_fail_have_their_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		s.verdict = verdicts[i].verdict;
		says("AUTH PLAIN AGEAYg==\r\n", verdicts[i].says);
		says("STAT\r\n", "-ERR Log in first\r\n");
	}
}

/* PASS, APOP and AUTH count together; what is our own fault does not count. */
static void failures_of_every_kind_have_one_limit(void **state)
{
	(void)state;
	s.facts.stamp = "abc";
	connect_again("+OK mx.example POP3 server ready <abc@mx.example>\r\n");
	s.verdict = POP3_LATER;
	for (int i = 0; i < 10; i++)
		says("USER anna\r\nPASS x\r\n",
			"+OK Send the password\r\n-ERR [SYS/TEMP] Cannot log you in now, try "
			"again later\r\n");
	s.verdict = POP3_REFUSED;
	says("USER anna\r\nPASS x\r\n",
		"+OK Send the password\r\n-ERR [AUTH] Authentication failed\r\n");
	says("AUTH PLAIN AGEAYg==\r\n", "-ERR [AUTH] Authentication failed\r\n");
	says("APOP anna 0123456789abcdef0123456789abcdef\r\n",
		"-ERR [AUTH] Authentication failed\r\n");
	s.challenges = 1;
	says("AUTH LOGIN\r\n*\r\n", "+ d2hvPw==\r\n-ERR Authentication cancelled\r\n");
	says("USER anna\r\nPASS x\r\n",
		"+OK Send the password\r\n-ERR [AUTH] Authentication failed, closing\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
	assert_string_equal(s.pop3.done.why, "failures");
}

static void apop_stands_in_the_greeting_or_is_not_there(void **state)
{
	char stamp[POP3_STAMP_MAX];

	(void)state;
	assert_string_equal(pop3_stamp(&s.pop3, stamp), "");
	s.facts.stamp = "q1w2e3";
	connect_again("+OK mx.example POP3 server ready <q1w2e3@mx.example>\r\n");
	assert_string_equal(pop3_stamp(&s.pop3, stamp), "<q1w2e3@mx.example>");
	says("APOP anna\r\n", "-ERR APOP takes a name and a digest\r\n");
	says("APOP anna 0123456789ABCDEF0123456789abcdef\r\n",
		"-ERR APOP takes a name and a digest\r\n");
	says("APOP anna 0123456789abcdef0123456789abcdef \r\n",
		"-ERR APOP takes a name and a digest\r\n");
	says("APOP  0123456789abcdef0123456789abcdef\r\n",
		"-ERR APOP takes a name and a digest\r\n");
	assert_int_equal(s.logins, 0);
	says("APOP anna 0123456789abcdef0123456789abcdef\r\n", "+OK Welcome\r\n");
	assert_string_equal(s.mechanism, "APOP");
	assert_string_equal(s.name, "anna");
	assert_string_equal(s.response, "0123456789abcdef0123456789abcdef");
}

static void auth_takes_a_response_at_once_later_or_not_at_all(void **state)
{
	(void)state;
	says("auth plain AGEAYg==\r\n", "+OK Welcome\r\n");
	assert_string_equal(s.mechanism, "PLAIN");
	assert_int_equal(s.response_n, 4);
	assert_memory_equal(s.response, "\0a\0b", 4);
	connect_again(HELLO);
	s.challenges = 2;
	says("AUTH x-y_2\r\n", "+ \r\n");
	assert_string_equal(s.mechanism, "X-Y_2");
	assert_int_equal(s.response_n, (size_t)-1);
	says("YW5uYQ==\n", "+ d2hvPw==\r\n");
	assert_string_equal(s.response, "anna");
	says("\r\n", "+OK Welcome\r\n");
	assert_int_equal(s.response_n, 0);
	connect_again(HELLO);
	says("AUTH EXTERNAL =\r\n", "+OK Welcome\r\n");
	assert_int_equal(s.response_n, 0);
}

static void auth_refuses_what_is_no_response(void **state)
{
	static const char *const bad[] = { "AUTH PLAIN A", "AUTH PLAIN ",
		"AUTH PLAIN AGEAYg== ", "AUTH PLAIN AGEAYg==x",
		"AUTH PLAIN ==", "AUTH PLAIN AGE AYg==" };
	char command[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(command, sizeof(command), "%s\r\n", bad[i]);
		says(command, "-ERR The response is not in base64\r\n");
	}
	says("AUTH  PLAIN\r\n", "-ERR This mechanism is not known here\r\n");
	says("AUTH PLA+IN\r\n", "-ERR This mechanism is not known here\r\n");
	says("AUTH ABCDEFGHIJKLMNOPQRSTU\r\n", "-ERR This mechanism is not known here\r\n");
	assert_int_equal(s.logins, 0);
	s.challenges = 1;
	says("AUTH LOGIN\r\nQUIT\r\n", "+ d2hvPw==\r\n+OK Welcome\r\n"); /* QUIT is base64, too */
}

static void an_exchange_ends_with_what_is_no_response(void **state)
{
	(void)state;
	s.challenges = 3;
	says("AUTH LOGIN\r\n", "+ \r\n");
	says("*\r\n", "-ERR Authentication cancelled\r\n");
	says("AUTH LOGIN\r\n", "+ \r\n");
	says("not base64\r\n", "-ERR The response is not in base64\r\n");
	says("AUTH LOGIN\r\n", "+ d2hvPw==\r\n");
	talk_says_octets(&s.talk, STR("QU\0JD\r\n"), "-ERR Control characters in a line\r\n");
	assert_int_equal(s.cancels, 3);
	assert_int_equal(s.logins, 3);
	says("STAT\r\n", "-ERR Log in first\r\n");
}

static void a_response_may_be_long_but_not_endless(void **state)
{
	static char line[POP3_BASE64_MAX + 40], command[POP3_BASE64_MAX + 80];

	(void)state;
	s.challenges = 1;
	says("AUTH LOGIN\r\n", "+ d2hvPw==\r\n");
	memset(line, 'A', POP3_BASE64_MAX);
	memcpy(line + POP3_BASE64_MAX, "\r\n", 3);
	s.verdict = POP3_REFUSED;
	says(line, "-ERR [AUTH] Authentication failed\r\n");
	assert_int_equal(s.response_n, POP3_RESPONSE_MAX);
	snprintf(command, sizeof(command), "AUTH PLAIN %s", line);
	says(command, "-ERR [AUTH] Authentication failed\r\n");
	assert_int_equal(s.response_n, POP3_RESPONSE_MAX);
	memcpy(line + POP3_BASE64_MAX, "AAAA\r\n", 7);
	s.challenges = 1;
	says("AUTH LOGIN\r\n", "+ d2hvPw==\r\n");
	says(line, "-ERR The line is too long\r\n");
	assert_int_equal(s.cancels, 1);
	says("QUIT\r\n", "+OK Bye\r\n");
}

#define CAPA                                                       \
	"+OK Capabilities follow\r\nTOP\r\nUIDL\r\nRESP-CODES\r\n" \
	"AUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\nUTF8\r\nLANG\r\n"

static void capabilities_stay_as_they_are_at_login(void **state)
{
	(void)state;
	s.facts.implementation = "Popgate";
	s.facts.login_delay_s = 90;
	connect_again(HELLO);
	says("CAPA\r\n",
		CAPA "USER\r\nSASL PLAIN LOGIN\r\nLOGIN-DELAY 90\r\nIMPLEMENTATION Popgate\r\n"
		     ".\r\n");
	login();
	says("CAPA\r\n",
		CAPA "USER\r\nSASL PLAIN LOGIN\r\nLOGIN-DELAY 90\r\nIMPLEMENTATION Popgate\r\n"
		     ".\r\n");
}

static void passwords_in_clear_need_a_safe_way(void **state)
{
	(void)state;
	s.facts.secure = false;
	s.facts.mechanisms = "";
	s.facts.stls = true;
	connect_again(HELLO);
	says("USER anna\r\n",
		"-ERR [AUTH] Your password would be sent in clear: turn on SSL/TLS in your mail "
		"program\r\n");
	says("CAPA\r\n", CAPA "STLS\r\n.\r\n");
	says("AUTH\r\n", "+OK Mechanisms follow\r\n.\r\n");
	assert_int_equal(s.logins, 0);
}

static void tls_begins_with_nothing_known(void **state)
{
	(void)state;
	s.facts.stls = true;
	connect_again(HELLO);
	says("UTF8\r\nUSER anna\r\nSTLS\r\n",
		"+OK UTF8 enabled\r\n+OK Send the password\r\n+OK Begin TLS\r\n");
	assert_int_equal(s.talk.want, STEP_TLS);
	s.facts = (struct pop3_facts){ .hostname = "mx.example",
		.mechanisms = "SCRAM-SHA-256-PLUS PLAIN",
		.tls = true,
		.stls = true,
		.secure = true };
	talk_hears(&s.talk, "");
	assert_int_equal(s.facts_asked, 3); /* two greetings, one handshake */
	says("PASS x\r\n", "-ERR USER comes first\r\n");
	says("STLS\r\n", "-ERR TLS is spoken already\r\n");
	says("CAPA\r\n", CAPA "USER\r\nSASL SCRAM-SHA-256-PLUS PLAIN\r\n.\r\n");
	login();
}

static void a_client_can_ask_where_it_is_seen(void **state)
{
	(void)state;
	s.facts.way = "proxy";
	s.facts.client.port = 40123;
	assert_true(addr_parse(STR("192.0.2.1"), &s.facts.client.addr));
	connect_again(HELLO);
	says("XADR\r\n", "+OK 192.0.2.1 40123 proxy\r\n");
	says("XADR 1\r\n", "-ERR This command takes no argument\r\n");
	says("CAPA\r\n", CAPA "USER\r\nSASL PLAIN LOGIN\r\n.\r\n");
	login();
	says("XADR\r\n", "-ERR You are logged in already\r\n");
}

static void stls_is_offered_only_before_the_login(void **state)
{
	(void)state;
	s.facts.stls = true;
	connect_again(HELLO);
	says("CAPA\r\n", CAPA "USER\r\nSASL PLAIN LOGIN\r\nSTLS\r\n.\r\n");
	login();
	says("CAPA\r\n", CAPA "USER\r\nSASL PLAIN LOGIN\r\n.\r\n");
	says("STLS\r\n", "-ERR You are logged in already\r\n");
}

static void bad_lines_are_dropped_whole(void **state)
{
	char line[600];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line + 300, "\r\nCAPA", 6);
	memcpy(line + 306, " \r\n", 4);
	says(line, "-ERR The line is too long\r\n-ERR This command takes no argument\r\n");
	talk_says_octets(&s.talk, STR("QUIT\0\r\n"), "-ERR Control characters in a line\r\n");
	talk_says_octets(
		&s.talk, STR("USER a\x1b\r\n"), "-ERR Control characters in a command\r\n");
	says("QUIT\rQUIT\r\n", "-ERR Control characters in a line\r\n");
	assert_int_equal(s.talk.want, STEP_READ);
}

/* RFC 2449 4: 255 octets with the line end. */
static void a_command_has_255_octets(void **state)
{
	char line[300];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "USER ", 5);
	memcpy(line + 253, "\r\n", 3);
	says(line, "+OK Send the password\r\n");
	memcpy(line + 253, "x\r\n", 4);
	says(line, "-ERR The line is too long\r\n");
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
	static const struct {
		struct str says;
		const char *protocol;
	} strangers[] = {
		{ { "POST / HTTP/1.1\r\n", 17 }, "http" },
		{ { "get ", 4 }, "http" },
		{ { "PRI * HTTP/2.0\r\n", 16 }, "http" },
		{ { "EHLO pc\r\n", 9 }, "smtp" },
		{ { "REGISTER sip:x SIP/2.0\r\n", 24 }, "sip" },
		{ { "SSH-2.0-x\r\n", 11 }, "ssh" },
		{ { "\x16\x03\x01\x02\0", 5 }, "tls" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
		connect_again(HELLO);
		talk_says_octets(&s.talk, strangers[i].says, "");
		assert_int_equal(s.talk.want, STEP_CLOSE);
		assert_string_equal(s.pop3.done.foreign, strangers[i].protocol);
	}
}

static void nobody_is_told_that_he_was_silent(void **state)
{
	(void)state;
	s.pop3.engine.ops->farewell(&s.pop3.engine, FAREWELL_IDLE, &s.talk.out);
	talk_hears(&s.talk, "");
	s.pop3.engine.ops->farewell(&s.pop3.engine, FAREWELL_SHUTDOWN, &s.talk.out);
	talk_hears(&s.talk, "-ERR [SYS/TEMP] The server is shutting down\r\n");
}

#define EVICTED "-ERR [AUTH] Your account was changed, log in again\r\n"

/* Its account has changed: the next command is not run, whatever it is, and nothing is deleted. */
static void who_is_another_now_is_told_between_two_commands(void **state)
{
	static const char *const commands[] = { "QUIT\r\n", "RETR 1\r\n", "NOOP\r\n", "X\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct buf *in = &s.talk.in;

		connect_again(HELLO);
		login();
		says("DELE 1\r\n", "+OK Marked to be deleted\r\n");
		pop3_evict(&s.pop3);
		assert_true(pop3_between(&s.pop3));
		buf_add(in, str_of(commands[i]));
		talk_hears(&s.talk, EVICTED);
		assert_int_equal(s.talk.want, STEP_CLOSE);
		assert_string_equal(s.pop3.done.why, "account-changed");
		assert_int_equal(s.updates, 0);
	}
	connect_again(HELLO);
	login();
	pop3_evict(&s.pop3);
	s.pop3.engine.ops->farewell(&s.pop3.engine, FAREWELL_SHUTDOWN, &s.talk.out);
	assert_true(str_eq(buf_str(&s.talk.out), STR(EVICTED)));
}

static void a_message_that_vanishes_never_looks_whole(void **state)
{
	(void)state;
	login();
	s.gone_at_once = true;
	says("RETR 1\r\n", "-ERR [SYS/TEMP] The message has gone or changed, list again\r\n");
	s.gone_at_once = false;
	s.gone_later = true;
	says("RETR 1\r\n", "+OK 14 octets\r\nA: 1");
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

static void too_many_errors_in_a_row_end_it(void **state)
{
	(void)state;
	for (int i = 0; i < 19; i++)
		says("X\r\n", "-ERR Unknown command\r\n");
	says("X\r\n", "-ERR Unknown command\r\n");
	assert_int_equal(s.talk.want, STEP_CLOSE);
	assert_string_equal(s.pop3.done.why, "errors");
	connect_again(HELLO);
	login();
	for (int i = 0; i < 100; i++)
		says(i % 15 == 0 ? "NOOP\r\n" : "X\r\n",
			i % 15 == 0 ? "+OK Still here\r\n" : "-ERR Unknown command\r\n");
}

int main(void)
{
#define TALK(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TALK(a_session_from_greeting_to_update),
		TALK(rset_forgets_what_was_marked),
		TALK(update_tells_the_truth),
		TALK(numbers_are_numbers),
		TALK(every_command_knows_its_state),
		TALK(pass_counts_only_right_behind_user),
		TALK(logins_that_fail_have_their_words),
		TALK(failures_of_every_kind_have_one_limit),
		TALK(apop_stands_in_the_greeting_or_is_not_there),
		TALK(auth_takes_a_response_at_once_later_or_not_at_all),
		TALK(auth_refuses_what_is_no_response),
		TALK(an_exchange_ends_with_what_is_no_response),
		TALK(a_response_may_be_long_but_not_endless),
		TALK(capabilities_stay_as_they_are_at_login),
		TALK(passwords_in_clear_need_a_safe_way),
		TALK(tls_begins_with_nothing_known),
		TALK(a_client_can_ask_where_it_is_seen),
		TALK(stls_is_offered_only_before_the_login),
		TALK(bad_lines_are_dropped_whole),
		TALK(a_command_has_255_octets),
		TALK(a_line_end_may_be_bare_and_half_a_line_is_nothing),
		TALK(other_protocols_are_cut),
		TALK(a_message_that_vanishes_never_looks_whole),
		TALK(a_maildrop_that_cannot_be_read_ends_the_session),
		TALK(an_empty_maildrop_and_a_bare_visit),
		TALK(who_is_another_now_is_told_between_two_commands),
		TALK(nobody_is_told_that_he_was_silent),
		TALK(too_many_errors_in_a_row_end_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
