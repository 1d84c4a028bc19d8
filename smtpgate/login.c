/* login.c - SMTP AUTH: the exchange between the engine and the accounts. */
#include <assert.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "smtpgate/session.h"

static struct users_facts facts_of(const struct session *s)
{
	return (struct users_facts){
		.client = s->client.addr,
		.port = s->client.port,
		.tls = caller_tls(s->conn),
		.secure = caller_is_secure(s->conn, &s->server->kit->site),
		.service = "smtp",
		.hostname = s->server->kit->site.hostname,
		.binding = caller_binding(s->conn),
		.bound = s->conn,
	};
}

static_assert(GATE_MECHANISMS_TEXT >= USERS_MECHANISMS_TEXT, "the names have to fit");

const char *session_mechanisms(void *owner, char *dst)
{
	const struct session *s = owner;
	const struct users_facts facts = facts_of(s);

	return users_mechanisms(accounts_users(s->server->accounts), &facts, dst);
}

void session_auth_cancelled(void *owner)
{
	users_end(&((struct session *)owner)->exchange);
}

static void answer(struct session *s, enum gate_auth says, struct str challenge)
{
	gate_auth(&s->gate, says, challenge);
	conn_resume(s->conn);
}

static enum gate_auth refusal(enum users_why why)
{
	if (why == USERS_WHY_AWAY)
		return GATE_AUTH_LATER;
	return why == USERS_WHY_SYNTAX ? GATE_AUTH_SYNTAX : GATE_AUTH_FAIL;
}

static bool remember(struct session *s, const struct users_answer *a)
{
	if (s->who == NULL)
		s->who = malloc(sizeof(*s->who));
	if (s->who == NULL)
		return false;
	*s->who = a->who;
	s->proved.who = s->who->name;
	s->proved.account = a->account;
	return true;
}

static void on_heard(void *owner, const struct users_answer *a)
{
	struct session *s = owner;
	enum gate_auth says = GATE_AUTH_OK;

	if (a->says == USERS_CONTINUE) {
		answer(s, GATE_AUTH_CONTINUE, a->challenge);
		return;
	}
	if (a->says != USERS_OK)
		says = refusal(a->why);
	else if (!remember(s, a))
		says = GATE_AUTH_LATER;
	if (says == GATE_AUTH_OK) {
		session_log_auth(s);
		evictable_begin(&s->server->named, &s->proved);
	} else {
		session_log_auth_failed(s, subscriber_str(&a->who), users_why_text(a->why));
	}
	users_end(&s->exchange);
	answer(s, says, STR(""));
}

static void note_mechanism(struct session *s)
{
	size_t i = 0;

	for (; s->gate.ask.mechanism[i] != '\0' && i < sizeof(s->mechanism) - 1; i++)
		s->mechanism[i] = ascii_lower(s->gate.ask.mechanism[i]);
	s->mechanism[i] = '\0';
}

static enum gate_auth cannot_begin(enum err e)
{
	if (e == ERR_ABSENT)
		return GATE_AUTH_ABSENT;
	return e == ERR_DENIED ? GATE_AUTH_IN_CLEAR : GATE_AUTH_LATER;
}

void session_auth(struct session *s)
{
	const struct users_facts facts = facts_of(s);
	enum err e = ERR_NONE;

	if (s->gate.ask.mechanism[0] != '\0') {
		note_mechanism(s);
		users_end(&s->exchange);
		evictable_prepare(&s->server->named, &s->proved);
		e = users_begin(&s->exchange, accounts_users(s->server->accounts),
			s->gate.ask.mechanism, &facts, on_heard, s);
	}
	if (e == ERR_NONE)
		users_step(s->exchange, s->gate.ask.response);
	else
		answer(s, cannot_begin(e), STR(""));
}
