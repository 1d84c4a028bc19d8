/* serve.c - see serve.h. A session's life:
 *
 *	accepted -> greeted -> LOGIN: password, then lock and grant together, then +OK
 *	         -> SCAN, PIECE, UPDATE: one pool job at a time -> gone
 *
 * A job owns the maildrop while it runs; a session that ends meanwhile leaves it to the job. */
#include "pop3d/serve.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/base/sid.h"
#include "common/conf/mailbox.h"
#include "common/daemon/limits.h"
#include "common/net/conn.h"
#include "common/net/work.h"
#include "common/worker/accounts.h"
#include "pop3d/counted.h"
#include "pop3d/maildrop.h"
#include "pop3d/pop3.h"
#include "pop3d/settings.h"

struct server {
	struct kit *kit;
	struct pop3_settings settings;
	struct loop *loop;
	struct storeline *line;
	struct window *window;
	struct accounts *accounts;
	unsigned max_connections;
	char lock_dir[4200];
};

struct session {
	struct server *server;
	struct pop3 pop3;
	struct conn *conn;
	struct endpoint client;
	struct addr key; /* what its connections are counted by */
	struct exchange *exchange; /* the login under way */
	struct grant_wait *grant; /* that is waited for */
	struct job *job; /* in the pool */
	struct maildrop *drop; /* NULL while a job has it */
	struct subscriber who; /* once the password was right */
	enum err drop_error;
	unsigned awaited; /* of lock and grant */
	int64_t since_ms; /* steady clock */
	char sid[SID_TEXT];
};

/* A call on a maildrop for the pool. */
struct job {
	struct session *session; /* NULL: gone meanwhile */
	struct maildrop *drop;
	enum pop3_asks kind;
	enum err e;
	char path[MAILBOX_PATH_MAX]; /* LOGIN */
	const char *lock_dir;
	size_t message, n, stayed; /* PIECE, UPDATE */
	uint64_t offset;
	bool last;
	bool *doomed; /* owned: a copy */
	char piece[POP3_PIECE_MAX];
};

/* --- the log --- */

static void begin_log(
	struct log_line *l, enum log_level level, const char *event, const struct session *s)
{
	log_begin(l, level, event);
	log_text(l, "sid", s->sid);
	log_addr(l, "addr", s->client.addr);
	log_int(l, "port", s->client.port);
}

static void count(const struct session *s, enum counted what, int64_t n)
{
	counters_add(s->server->kit->counters, what, n);
}

/* One stable line for whoever counts failures by address. */
static void log_failure(const struct session *s, struct str tried, const char *reason)
{
	struct log_line l;

	begin_log(&l, LOG_LEVEL_WARN, "pop3.login_failed", s);
	log_str(&l, "user", tried);
	log_text(&l, "mechanism", "plain");
	log_text(&l, "reason", reason);
	log_end(&l);
	count(s, COUNT_LOGIN_FAILURES, 1);
}

static void log_login(const struct session *s, enum err of_grant, const struct answer *a)
{
	struct log_line l;

	begin_log(&l, LOG_LEVEL_INFO, "pop3.login", s);
	log_str(&l, "user", subscriber_str(&s->who));
	log_text(&l, "mechanism", "plain");
	log_bool(&l, "tls", false);
	log_bool(&l, "plaintext", true);
	if (of_grant != ERR_NONE)
		log_text(&l, "grant", "lost");
	else if (a->never)
		log_text(&l, "grant", "never");
	else
		log_time(&l, "until", a->until_ms);
	log_end(&l);
}

static void log_logout(const struct session *s, const char *why)
{
	struct log_line l;

	begin_log(&l, s->who.n > 0 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
		s->who.n > 0 ? "pop3.logout" : "pop3.disconnect", s);
	if (s->who.n > 0)
		log_str(&l, "user", subscriber_str(&s->who));
	log_text(&l, "reason", why);
	log_int(&l, "retrieved", s->pop3.done.retrieved);
	log_int(&l, "top", s->pop3.done.top);
	log_int(&l, "deleted", s->pop3.phase == POP3_UPDATE ? s->pop3.done.deleted : 0);
	log_int(&l, "octets", (int64_t)s->pop3.done.octets);
	log_int(&l, "errors", s->pop3.done.errors);
	log_int(&l, "ms", clock_steady_ms() - s->since_ms);
	log_end(&l);
}

static void log_trouble(const struct session *s, const char *what, enum err e)
{
	struct log_line l;

	begin_log(&l, LOG_LEVEL_ERROR, "maildrop.failed", s);
	log_str(&l, "user", subscriber_str(&s->who));
	log_text(&l, "what", what);
	log_err(&l, e);
	log_end(&l);
}

/* --- jobs on the maildrop --- */

static void on_run(void *job)
{
	struct job *j = job;

	switch (j->kind) {
	case POP3_ASKS_LOGIN: j->e = maildrop_open(&j->drop, j->path, j->lock_dir); break;
	case POP3_ASKS_SCAN: j->e = maildrop_scan(j->drop); break;
	case POP3_ASKS_PIECE:
		j->e = maildrop_read(j->drop, j->message, j->offset, j->piece, sizeof(j->piece),
			&j->n, &j->last);
		break;
	case POP3_ASKS_UPDATE:
		j->stayed = maildrop_delete(j->drop, j->doomed);
		maildrop_close(&j->drop);
		break;
	case POP3_ASKS_NOTHING: break;
	}
}

static void free_job(struct job *j)
{
	maildrop_close(&j->drop);
	free(j->doomed);
	free(j);
}

static void on_opened(struct session *s);
static void answer_scan(struct session *s, const struct job *j);
static void answer_update(struct session *s, const struct job *j);

static void answer_piece(struct session *s, const struct job *j)
{
	enum pop3_piece kind = j->last ? POP3_PIECE_LAST : POP3_PIECE_MORE;

	if (j->e != ERR_NONE) {
		log_trouble(s, "read", j->e);
		kind = POP3_PIECE_GONE;
	}
	pop3_piece(&s->pop3, kind, (struct str){ j->piece, j->e == ERR_NONE ? j->n : 0 });
}

/* A piece stays where it is until the engine has run, which may be only when what it said before is
 * written: so its job is kept until the next one. */
static void on_done(void *job)
{
	struct job *j = job;
	struct session *s = j->session;

	if (s == NULL) {
		free_job(j);
		return;
	}
	s->drop = j->drop;
	j->drop = NULL;
	j->session = NULL;
	switch (j->kind) {
	case POP3_ASKS_LOGIN: s->drop_error = j->e; break;
	case POP3_ASKS_SCAN: answer_scan(s, j); break;
	case POP3_ASKS_PIECE: answer_piece(s, j); break;
	case POP3_ASKS_UPDATE: answer_update(s, j); break;
	case POP3_ASKS_NOTHING: break;
	}
	if (j->kind != POP3_ASKS_PIECE) {
		s->job = NULL;
		free_job(j);
	}
	if (s->awaited > 0)
		on_opened(s);
	else
		conn_resume(s->conn);
}

/* A job for what the engine asks; the one before is done with. */
static struct job *new_job(struct session *s, enum pop3_asks kind)
{
	struct job *j = calloc(1, sizeof(*j));

	if (s->job != NULL)
		free_job(s->job);
	s->job = NULL;
	if (j == NULL)
		return NULL;
	j->kind = kind;
	j->message = s->pop3.ask.message;
	j->offset = s->pop3.ask.offset;
	return j;
}

static bool submit(struct session *s, struct job *j)
{
	j->session = s;
	j->drop = s->drop;
	if (!work_submit(s->server->loop, on_run, on_done, j)) {
		j->drop = NULL;
		free_job(j);
		return false;
	}
	s->drop = NULL;
	s->job = j;
	return true;
}

/* --- logging in --- */

static void welcome(struct session *s)
{
	enum pop3_login verdict = POP3_WELCOME;

	if (s->awaited > 0)
		return;
	if (s->drop_error == ERR_BUSY) {
		verdict = POP3_IN_USE;
		count(s, COUNT_IN_USE, 1);
		log_failure(s, subscriber_str(&s->who), "in-use");
	} else if (s->drop_error != ERR_NONE) {
		verdict = POP3_LATER;
		log_trouble(s, "open", s->drop_error);
	}
	if (verdict == POP3_WELCOME)
		count(s, COUNT_LOGINS, 1);
	else
		s->who.n = 0;
	pop3_login(&s->pop3, verdict);
	conn_resume(s->conn);
}

static void on_opened(struct session *s)
{
	s->awaited--;
	welcome(s);
}

static void on_granted(void *owner, enum err e, const struct answer *a)
{
	struct session *s = owner;

	s->grant = NULL;
	count(s, e == ERR_NONE ? COUNT_GRANTS : COUNT_GRANTS_LOST, 1);
	log_login(s, e, a);
	s->awaited--;
	welcome(s);
}

static void open_drop(struct session *s)
{
	struct job *j = new_job(s, POP3_ASKS_LOGIN);

	s->drop_error = ERR_NOMEM;
	if (j != NULL && mailbox_path(s->server->settings.mailbox, &s->who, j->path)) {
		j->lock_dir = s->server->lock_dir;
		if (submit(s, j))
			return;
	} else {
		free(j);
	}
	s->awaited--;
}

/* The password was right, so the address is granted, whatever becomes of the maildrop. */
static void admit(struct session *s)
{
	struct grant g = { .addr = s->client.addr,
		.port = s->client.port,
		.who = s->who,
		.source = { .service = "pop3", .mechanism = "plain" } };

	s->awaited = 3; /* the third is us: nothing is said before both are on their way */
	open_drop(s);
	storeline_grant(s->server->line, &g, on_granted, s, &s->grant);
	s->awaited--;
	welcome(s);
}

static void on_heard(void *owner, const struct users_answer *a)
{
	struct session *s = owner;
	bool away = a->why == USERS_WHY_AWAY;
	struct str tried = a->who.n > 0 ? subscriber_str(&a->who) : s->pop3.ask.name;

	if (a->says == USERS_OK) {
		s->who = a->who;
		users_end(&s->exchange);
		admit(s);
		return;
	}
	log_failure(s, tried, users_why_text(a->why));
	users_end(&s->exchange);
	pop3_login(&s->pop3, away ? POP3_LATER : POP3_REFUSED);
	conn_resume(s->conn);
}

static void begin_login(struct session *s)
{
	const struct users_facts facts = { .client = s->client.addr, .port = s->client.port };
	char response[2 * POP3_LINE_MAX + 2];
	size_t n = 0;

	users_end(&s->exchange);
	if (!users_plain(s->pop3.ask.name, s->pop3.ask.password, response, sizeof(response), &n) ||
		users_begin(&s->exchange, accounts_users(s->server->accounts), "PLAIN", &facts,
			on_heard, s) != ERR_NONE) {
		pop3_login(&s->pop3, POP3_LATER);
		conn_resume(s->conn);
	} else {
		users_step(s->exchange, (struct str){ response, n });
	}
	explicit_bzero(response, sizeof(response));
}

/* --- the other questions --- */

static uint64_t octets_of(void *ctx, size_t i)
{
	const struct session *s = ctx;

	return maildrop_message(s->drop, i).octets;
}

static const char *uidl_of(void *ctx, size_t i)
{
	const struct session *s = ctx;

	return maildrop_message(s->drop, i).uidl;
}

static void answer_scan(struct session *s, const struct job *j)
{
	if (j->e != ERR_NONE) {
		log_trouble(s, "scan", j->e);
		pop3_not_scanned(&s->pop3);
		return;
	}
	pop3_scanned(
		&s->pop3, &(struct pop3_drop){ maildrop_count(s->drop), octets_of, uidl_of, s });
}

static void answer_update(struct session *s, const struct job *j)
{
	if (j->stayed > 0)
		log_trouble(s, "delete", ERR_DENIED);
	pop3_updated(&s->pop3, j->stayed);
}

static void cannot(struct session *s, enum pop3_asks kind)
{
	switch (kind) {
	case POP3_ASKS_SCAN: pop3_not_scanned(&s->pop3); break;
	case POP3_ASKS_PIECE: pop3_piece(&s->pop3, POP3_PIECE_GONE, STR("")); break;
	case POP3_ASKS_UPDATE: pop3_updated(&s->pop3, s->pop3.done.deleted); break;
	case POP3_ASKS_LOGIN:
	case POP3_ASKS_NOTHING: break;
	}
	conn_resume(s->conn);
}

static void begin_job(struct session *s, enum pop3_asks kind)
{
	struct job *j = new_job(s, kind);

	if (j != NULL && kind == POP3_ASKS_UPDATE) {
		size_t n = maildrop_count(s->drop);

		j->doomed = calloc(n + 1, sizeof(*j->doomed));
		if (j->doomed != NULL)
			memcpy(j->doomed, s->pop3.doomed, n * sizeof(*j->doomed));
	}
	if (j != NULL && kind == POP3_ASKS_UPDATE && j->doomed == NULL) {
		free_job(j);
		j = NULL;
	}
	if (j == NULL || !submit(s, j))
		cannot(s, kind);
}

static void give_up_lock(struct session *s)
{
	maildrop_close(&s->drop);
	pop3_updated(&s->pop3, 0);
	conn_resume(s->conn);
}

static void on_ask(struct conn *c, struct engine *e)
{
	struct session *s = list_entry(e, struct session, pop3.engine);

	(void)c;
	if (s->pop3.ask.kind == POP3_ASKS_LOGIN)
		begin_login(s);
	else if (s->pop3.ask.kind == POP3_ASKS_UPDATE && s->pop3.done.deleted == 0)
		give_up_lock(s);
	else
		begin_job(s, s->pop3.ask.kind);
}

/* --- begin and end --- */

static void on_gone(struct conn *c, struct engine *e, const char *why)
{
	struct session *s = list_entry(e, struct session, pop3.engine);

	(void)c;
	log_logout(s, why);
	count(s, COUNT_OPEN, -1);
	count(s, COUNT_RETRIEVED, s->pop3.done.retrieved);
	count(s, COUNT_OCTETS, (int64_t)s->pop3.done.octets);
	if (s->pop3.phase == POP3_UPDATE)
		count(s, COUNT_DELETED, s->pop3.done.deleted);
	clients_leave(s->server->kit->clients, s->key);
	users_end(&s->exchange);
	storeline_disown(&s->grant);
	if (s->job != NULL && s->job->session != NULL)
		s->job->session = NULL; /* it frees itself when done */
	else if (s->job != NULL)
		free_job(s->job);
	maildrop_close(&s->drop);
	pop3_free(&s->pop3);
	free(s);
}

static const struct conn_hooks hooks = { .ask = on_ask, .gone = on_gone };

static struct addr client_key(const struct server *server, struct addr a)
{
	return addr_key(
		a, server->kit->site.window.ipv4_prefix, server->kit->site.window.ipv6_prefix);
}

static bool enter(struct server *server, struct conn *c)
{
	struct endpoint client = conn_peer(c);
	struct log_line l;
	bool key_full;

	counters_add(server->kit->counters, COUNT_CONNECTIONS, 1);
	if (clients_enter(server->kit->clients, client_key(server, client.addr),
		    server->settings.max_connections_per_address, server->max_connections,
		    &key_full))
		return true;
	counters_add(server->kit->counters, COUNT_REFUSED, 1);
	log_begin(&l, LOG_LEVEL_WARN, "pop3.refused");
	log_addr(&l, "addr", client.addr);
	log_int(&l, "port", client.port);
	log_text(&l, "reason", key_full ? "max_connections_per_address" : "max_connections");
	log_end(&l);
	conn_refuse(c,
		key_full ? STR("-ERR [SYS/TEMP] Too many connections from your address\r\n")
			 : STR("-ERR [SYS/TEMP] Too many connections, try again later\r\n"));
	return false;
}

static void on_accepted(void *owner, struct conn *c)
{
	struct server *server = owner;
	const struct conn_settings settings = { .hooks = &hooks,
		.in_max = POP3_IN_MAX,
		.out_max = POP3_OUT_MAX,
		.idle_ms = server->settings.idle_ms };
	struct session *s;

	if (!enter(server, c))
		return;
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		clients_leave(server->kit->clients, client_key(server, conn_peer(c).addr));
		conn_refuse(c, STR("-ERR [SYS/TEMP] Out of memory\r\n"));
		return;
	}
	s->server = server;
	s->conn = c;
	s->client = conn_peer(c);
	s->key = client_key(server, s->client.addr);
	s->since_ms = clock_steady_ms();
	sid_make(s->sid);
	pop3_init(&s->pop3, server->kit->site.hostname,
		server->kit->site.plaintext_always || addr_is_loopback(s->client.addr));
	count(s, COUNT_OPEN, 1);
	conn_start(c, &s->pop3.engine, &settings);
}

static enum err open_server(struct server *v)
{
	struct kit *kit = v->kit;
	struct buf complaints;
	enum err e;

	buf_init(&complaints, 4096);
	e = pop3_settings_read(&v->settings, kit->conf, &complaints);
	buf_free(&complaints);
	if (e == ERR_NONE)
		e = loop_open(&v->loop);
	if (e != ERR_NONE)
		return e;
	snprintf(v->lock_dir, sizeof(v->lock_dir), "%s/%s", kit->site.state_dir, SITE_LOCKS);
	v->max_connections = limits_connections(
		v->settings.max_connections, kit->site.workers, 4); /* socket, lock, new, cur */
	loop_set_deadline(v->loop, kit->site.drain_ms);
	e = storeline_open(&v->line, v->loop, kit->site.run_dir, v->lock_dir);
	if (e == ERR_NONE)
		e = window_open(&v->window, v->loop, kit->site.state_dir);
	if (e == ERR_NONE)
		e = accounts_open(&v->accounts, kit, v->loop, v->line, v->window);
	if (e == ERR_NONE)
		e = loop_watch_alive(v->loop, kit->alive);
	for (size_t i = 0; i < kit->listeners_n && e == ERR_NONE; i++)
		e = conn_listen(v->loop, kit->listeners[i].fd, on_accepted, v);
	return e;
}

int pop3_serve(struct kit *kit)
{
	struct server v = { .kit = kit };
	enum err e = open_server(&v);

	if (e == ERR_NONE)
		loop_run(v.loop);
	else
		log_say(LOG_LEVEL_ERROR, "worker.failed", "cannot serve: %s", err_text(e));
	storeline_close(&v.line);
	loop_close(&v.loop);
	accounts_close(&v.accounts);
	window_close(&v.window);
	return e == ERR_NONE ? 0 : 1;
}
