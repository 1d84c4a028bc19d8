/* events.c - what pop3d says in the log of a session: see popgate-log(7). */
#include "common/base/clock.h"
#include "pop3d/session.h"

static void begin(
	struct log_line *l, enum log_level level, const char *event, const struct session *s)
{
	log_begin(l, level, event);
	log_text(l, "sid", s->sid);
	log_addr(l, "addr", s->client.addr);
	log_int(l, "port", s->client.port);
}

void event_refused(const struct server *server, struct endpoint client, const char *reason)
{
	struct log_line l;

	counters_add(server->kit->counters, COUNT_REFUSED, 1);
	log_begin(&l, LOG_LEVEL_WARN, "pop3.refused");
	log_addr(&l, "addr", client.addr);
	log_int(&l, "port", client.port);
	log_text(&l, "reason", reason);
	log_end_folded(&l);
}

static void put_tls(struct log_line *l, const struct session *s)
{
	const struct tls_facts *tls = conn_tls(s->conn);

	caller_log_tls(l, s->conn);
	if (tls != NULL)
		log_bool(l, "resumed", tls->resumed);
}

/* Did the password itself cross the wire for anyone to read? */
static bool in_clear(const struct session *s)
{
	return !session_tls(s) &&
		(strcmp(s->mechanism, "plain") == 0 || strcmp(s->mechanism, "login") == 0);
}

/* One stable line for whoever counts failures by address. */
void event_failure(const struct session *s, struct str tried, const char *reason)
{
	struct log_line l;

	begin(&l, LOG_LEVEL_WARN, "pop3.login_failed", s);
	log_str(&l, "user", tried);
	log_text(&l, "mechanism", s->mechanism);
	log_bool(&l, "tls", session_tls(s));
	log_text(&l, "reason", reason);
	log_end(&l);
	session_count(s, COUNT_LOGIN_FAILURES, 1);
	counters_add_labelled(s->server->kit->counters, COUNT_FAILURES, reason);
}

void event_login(const struct session *s, enum err of_grant, const struct answer *a)
{
	struct log_line l;

	begin(&l, LOG_LEVEL_INFO, "pop3.login", s);
	log_text(&l, "user", s->who);
	caller_log_unknown(&l, s->conn);
	log_text(&l, "mechanism", s->mechanism);
	put_tls(&l, s);
	log_bool(&l, "plaintext", in_clear(s));
	if (of_grant != ERR_NONE)
		log_text(&l, "grant", "lost");
	else if (a->never)
		log_text(&l, "grant", "never");
	else
		log_time(&l, "until", a->until_ms);
	log_end(&l);
}

void event_revoked(const struct session *s)
{
	struct log_line l;

	begin(&l, LOG_LEVEL_WARN, "pop3.revoked", s);
	log_text(&l, "user", s->who);
	log_text(&l, "reason", "account-changed");
	log_end(&l);
	session_count(s, COUNT_EVICTED, 1);
}

void event_foreign(const struct session *s)
{
	struct log_line l;

	begin(&l, LOG_LEVEL_WARN, "pop3.foreign", s);
	log_text(&l, "protocol", s->pop3.done.foreign);
	log_bool(&l, "tls", session_tls(s));
	log_end_folded(&l);
	session_count(s, COUNT_FOREIGN, 1);
}

/* Why a subscriber's old mail program cannot connect is what the support desk is asked. */
void event_tls_failed(const struct session *s)
{
	struct log_line l;

	begin(&l, LOG_LEVEL_INFO, "pop3.tls_failed", s);
	log_text(&l, "reason", conn_tls_error(s->conn));
	log_end(&l);
	session_count(s, COUNT_TLS_FAILURES, 1);
}

void event_logout(const struct session *s, const char *why)
{
	bool known = s->who != NULL;
	struct log_line l;

	begin(&l, known ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
		known ? "pop3.logout" : "pop3.disconnect", s);
	if (known)
		log_text(&l, "user", s->who);
	caller_log_unknown(&l, s->conn);
	log_text(&l, "reason", s->pop3.done.why != NULL ? s->pop3.done.why : why);
	log_int(&l, "retrieved", s->pop3.done.retrieved);
	log_int(&l, "top", s->pop3.done.top);
	log_int(&l, "deleted", s->pop3.phase == POP3_UPDATE ? s->pop3.done.deleted : 0);
	log_int(&l, "octets", (int64_t)s->pop3.done.octets);
	log_int(&l, "errors", s->pop3.done.errors);
	log_int(&l, "ms", clock_steady_ms() - s->since_ms);
	log_end(&l);
}

void event_trouble(const struct session *s, const char *what, enum err e)
{
	struct log_line l;

	begin(&l, LOG_LEVEL_ERROR, "maildrop.failed", s);
	log_text(&l, "user", s->who);
	log_text(&l, "what", what);
	log_err(&l, e);
	log_end(&l);
}
