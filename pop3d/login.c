/* login.c - from "who are you?" to +OK: the exchange with the accounts, then lock and grant together. */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/str.h"
#include "pop3d/session.h"

/* --- the password was right --- */

static enum pop3_login not_opened(struct session *s)
{
	if (s->drop_error == ERR_BUSY) {
		session_count(s, COUNT_IN_USE, 1);
		event_failure(s, str_of(s->who), "in-use");
		return POP3_IN_USE;
	}
	if (s->drop_error == ERR_LIMIT) {
		event_failure(s, str_of(s->who), "login-delay");
		return POP3_TOO_SOON;
	}
	event_trouble(s, "open", s->drop_error);
	return s->drop_error == ERR_DENIED || s->drop_error == ERR_DAMAGED ? POP3_BROKEN
									   : POP3_LATER;
}

static enum pop3_login verdict_of(struct session *s)
{
	if (s->drop_error != ERR_NONE)
		return not_opened(s);
	session_count(s, COUNT_LOGINS, 1);
	session_count(s, COUNT_TLS_LOGINS, session_tls(s) ? 1 : 0);
	return POP3_WELCOME;
}

static void answer(struct session *s, enum pop3_login verdict)
{
	pop3_login(&s->pop3, verdict);
	conn_resume(s->conn);
}

static void forget(struct session *s)
{
	free(s->who);
	s->who = NULL;
}

static void one_less(struct session *s)
{
	enum pop3_login verdict;

	if (--s->awaited > 0)
		return;
	verdict = verdict_of(s);
	if (verdict == POP3_WELCOME)
		live_begin(s);
	else
		forget(s);
	answer(s, verdict);
}

void login_opened(struct session *s)
{
	one_less(s);
}

static void on_granted(void *owner, enum err e, const struct answer *a)
{
	struct session *s = owner;

	s->grant = NULL;
	counters_time(s->server->kit->counters, COUNT_ACK_TIME, clock_steady_ms() - s->asked_ms);
	if (e == ERR_NONE)
		s->login_ms = a->never ? 0 : a->stamp_ms;
	session_count(s, e == ERR_NONE ? COUNT_GRANTS : COUNT_GRANTS_LOST, 1);
	event_login(s, e, a);
	one_less(s);
}

/* Where no client's address is known there is nothing to grant. */
static void grant_nothing(struct session *s)
{
	event_login(s, ERR_NONE, &(struct answer){ .never = true });
	s->awaited--;
}

static void grant_window(struct session *s)
{
	const struct grant g = login_grant(s);

	s->login_ms = clock_ms(); /* until the store says when it was */
	s->asked_ms = clock_steady_ms();
	storeline_grant(s->server->line, &g, on_granted, s, &s->grant);
}

struct grant login_grant(const struct session *s)
{
	struct grant g = { .addr = s->client.addr,
		.port = s->client.port,
		.who = subscriber_of(s->who),
		.source = { .service = "pop3", .tls = session_tls(s) },
		.account = s->proved.account };

	memcpy(g.sid, s->sid, sizeof(g.sid));
	(void)!str_to_cstr(str_of(s->mechanism), g.source.mechanism, sizeof(g.source.mechanism));
	return g;
}

/* The password was right, so the address is granted, whatever becomes of the maildrop. */
static void admit(struct session *s)
{
	s->awaited = 3; /* the third is us: nothing is said before both are on their way */
	s->drop_error = ERR_NOMEM;
	if (!jobs_open(s))
		s->awaited--;
	if (caller_is_known(s->conn))
		grant_window(s);
	else
		grant_nothing(s);
	one_less(s);
}

/* --- the exchange --- */

static enum pop3_login refusal(enum users_why why)
{
	if (why == USERS_WHY_AWAY)
		return POP3_LATER;
	return why == USERS_WHY_SYNTAX ? POP3_MALFORMED : POP3_REFUSED;
}

static void on_failed(struct session *s, const struct users_answer *a)
{
	struct str tried = a->who.n > 0 ? subscriber_str(&a->who) : s->pop3.ask.name;

	event_failure(s, tried, users_why_text(a->why));
	users_end(&s->exchange);
	answer(s, refusal(a->why));
}

static void on_right(struct session *s, const struct users_answer *a)
{
	s->who = str_dup(subscriber_str(&a->who));
	s->proved.account = a->account;
	users_end(&s->exchange); /* and the answer with it */
	if (s->who != NULL)
		admit(s);
	else
		answer(s, POP3_LATER);
}

static void on_heard(void *owner, const struct users_answer *a)
{
	struct session *s = owner;

	switch (a->says) {
	case USERS_CONTINUE:
		pop3_challenge(&s->pop3, a->challenge);
		conn_resume(s->conn);
		break;
	case USERS_OK: on_right(s, a); break;
	case USERS_FAIL: on_failed(s, a); break;
	}
}

static enum pop3_login cannot_begin(enum err e)
{
	if (e == ERR_ABSENT)
		return POP3_NO_MECHANISM;
	return e == ERR_DENIED ? POP3_NOT_IN_CLEAR : POP3_LATER;
}

static void note_mechanism(struct session *s)
{
	size_t i = 0;

	for (; s->pop3.ask.mechanism[i] != '\0' && i < sizeof(s->mechanism) - 1; i++)
		s->mechanism[i] = ascii_lower(s->pop3.ask.mechanism[i]);
	s->mechanism[i] = '\0';
}

static bool start(struct session *s)
{
	char stamp[POP3_STAMP_MAX];
	const struct users_facts facts = session_facts(s, stamp);
	enum err e;

	note_mechanism(s);
	evictable_prepare(&s->server->live, &s->proved);
	users_end(&s->exchange);
	e = users_begin(&s->exchange, accounts_users(s->server->accounts), s->pop3.ask.mechanism,
		&facts, on_heard, s);
	if (e != ERR_NONE)
		answer(s, cannot_begin(e));
	return e == ERR_NONE;
}

/* USER and PASS are PLAIN, and APOP's digest travels in the same shape. */
static void step_with_password(struct session *s)
{
	char response[2 * POP3_LINE_MAX + 2];
	size_t n = 0;

	if (users_plain(s->pop3.ask.name, s->pop3.ask.password, response, sizeof(response), &n))
		users_step(s->exchange, (struct str){ response, n });
	else
		answer(s, POP3_REFUSED);
	explicit_bzero(response, sizeof(response));
}

void login_begin(struct session *s)
{
	switch (s->pop3.ask.kind) {
	case POP3_ASKS_LOGIN:
		if (start(s))
			step_with_password(s);
		break;
	case POP3_ASKS_AUTH:
		if (start(s))
			users_step(s->exchange, s->pop3.ask.response);
		break;
	case POP3_ASKS_RESPONSE: users_step(s->exchange, s->pop3.ask.response); break;
	default:
		users_end(&s->exchange);
		pop3_cancelled(&s->pop3);
		conn_resume(s->conn);
		break;
	}
}

void login_end(struct session *s)
{
	users_end(&s->exchange);
	storeline_disown(&s->grant);
}
