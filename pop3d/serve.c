/* serve.c - see serve.h: a worker's server, and what a session is told and asks. */
#include "pop3d/serve.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/daemon/limits.h"
#include "common/worker/life.h"
#include "pop3d/session.h"

/* --- what the others want to know of a session --- */

bool session_tls(const struct session *s)
{
	return caller_tls(s->conn);
}

bool session_secure(const struct session *s)
{
	return caller_is_secure(s->conn, &s->server->kit->site);
}

void session_count(const struct session *s, enum counted what, int64_t n)
{
	counters_add(s->server->kit->counters, what, n);
}

struct users_facts session_facts(const struct session *s, char *stamp)
{
	struct users_facts facts = { .client = s->client.addr,
		.port = s->client.port,
		.tls = session_tls(s),
		.secure = session_secure(s),
		.service = "pop",
		.hostname = s->server->kit->site.hostname,
		.binding = caller_binding(s->conn),
		.bound = s->conn };

	facts.apop = str_of(pop3_stamp(&s->pop3, stamp));
	return facts;
}

/* --- questions --- */

static void answer_facts(struct session *s)
{
	const struct server *server = s->server;
	char stamp[POP3_STAMP_MAX], names[USERS_MECHANISMS_TEXT];
	const struct users_facts known = session_facts(s, stamp);
	const struct users *users = accounts_users(server->accounts);
	struct pop3_facts facts;

	free(s->mechanisms);
	s->mechanisms = strdup(users_mechanisms(users, &known, names));
	facts = (struct pop3_facts){
		.hostname = server->kit->site.hostname,
		.stamp = users_apop(users) ? s->sid : NULL,
		.mechanisms = s->mechanisms != NULL ? s->mechanisms : "",
		.implementation = server->settings.implementation ? "Popgate" : NULL,
		.login_delay_s = server->settings.login_delay_s,
		.tls = known.tls,
		.stls = s->door->tls == LISTENER_STARTTLS,
		.secure = known.secure,
		.client = s->client,
		.way = caller_way(s->conn),
	};

	pop3_facts(&s->pop3, &facts);
	conn_resume(s->conn);
}

static void on_ask(struct conn *c, struct engine *e)
{
	struct session *s = list_entry(e, struct session, pop3.engine);

	(void)c;
	switch (s->pop3.ask.kind) {
	case POP3_ASKS_FACTS: answer_facts(s); break;
	case POP3_ASKS_LOGIN:
	case POP3_ASKS_AUTH:
	case POP3_ASKS_RESPONSE:
	case POP3_ASKS_CANCEL: login_begin(s); break;
	default: jobs_begin(s); break;
	}
}

/* --- begin and end --- */

static void count_all(const struct session *s)
{
	session_count(s, COUNT_OPEN, -1);
	session_count(s, COUNT_RETRIEVED, s->pop3.done.retrieved);
	session_count(s, COUNT_OCTETS, (int64_t)s->pop3.done.octets);
	if (s->pop3.phase == POP3_UPDATE)
		session_count(s, COUNT_DELETED, s->pop3.done.deleted);
}

static void on_gone(struct conn *c, struct engine *e, const char *why)
{
	struct session *s = list_entry(e, struct session, pop3.engine);

	if (s->pop3.done.foreign != NULL)
		event_foreign(s);
	if (conn_tls_error(c) != NULL)
		event_tls_failed(s);
	event_logout(s, why);
	count_all(s);
	clients_leave(s->server->kit->clients, s->key);
	live_end(s);
	login_end(s);
	jobs_end(s);
	pop3_free(&s->pop3);
	free(s->mechanisms);
	free(s->who);
	free(s);
}

static const struct conn_hooks hooks = { .ask = on_ask, .gone = on_gone };

static struct addr client_key(const struct server *server, struct addr a)
{
	return addr_key(
		a, server->kit->site.window.ipv4_prefix, server->kit->site.window.ipv6_prefix);
}

/* A client that waits for a TLS handshake could make nothing of a line in clear. */
static void refuse(const struct door *door, struct conn *c, struct str line)
{
	conn_refuse(c, door->tls == LISTENER_IMPLICIT ? STR("") : line);
}

static bool enter(const struct door *door, struct conn *c)
{
	struct server *server = door->server;
	struct endpoint client = conn_peer(c);
	bool key_full;

	counters_add(server->kit->counters, COUNT_CONNECTIONS, 1);
	if (clients_enter(server->kit->clients, client_key(server, client.addr),
		    server->settings.max_connections_per_address, server->max_connections,
		    &key_full))
		return true;
	event_refused(server, client, key_full ? "max_connections_per_address" : "max_connections");
	refuse(door, c,
		key_full ? STR("-ERR [SYS/TEMP] Too many connections from your address\r\n")
			 : STR("-ERR [SYS/TEMP] Too many connections, try again later\r\n"));
	return false;
}

static struct session *new_session(const struct door *door, struct conn *c)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->server = door->server;
	s->door = door;
	s->conn = c;
	s->client = conn_peer(c);
	s->key = client_key(s->server, s->client.addr);
	s->since_ms = clock_steady_ms();
	sid_make(s->sid);
	pop3_init(&s->pop3);
	return s;
}

static void on_accepted(void *owner, struct conn *c)
{
	const struct door *door = owner;
	struct server *server = door->server;
	const struct conn_settings settings = { .hooks = &hooks,
		.in_max = POP3_IN_MAX,
		.out_max = POP3_OUT_MAX,
		.idle_ms = server->settings.idle_ms,
		.tls = door->tls != LISTENER_CLEAR ? server->tls : NULL,
		.tls_at_once = door->tls == LISTENER_IMPLICIT };
	struct session *s;

	if (!enter(door, c))
		return;
	s = new_session(door, c);
	if (s == NULL) {
		clients_leave(server->kit->clients, client_key(server, conn_peer(c).addr));
		refuse(door, c, STR("-ERR [SYS/TEMP] Out of memory\r\n"));
		return;
	}
	session_count(s, COUNT_OPEN, 1);
	conn_start(c, &s->pop3.engine, &settings);
}

/* --- the worker --- */

static enum err read_settings(struct server *v)
{
	struct buf complaints;
	enum err e;

	buf_init(&complaints, 4096);
	e = pop3_settings_read(&v->settings, v->kit->conf, &complaints);
	buf_free(&complaints);
	return e;
}

static enum err open_doors(struct server *v)
{
	enum err e = ERR_NONE;

	balancers_init(&v->balancers, v->kit, "pop3d", COUNT_HEADLESS);
	for (size_t i = 0; i < v->kit->listeners_n && e == ERR_NONE; i++) {
		const struct kit_listener *l = &v->kit->listeners[i];

		v->doors[i] = (struct door){ v, l->tls };
		e = balancers_listen(&v->balancers, v->loop, l, on_accepted, &v->doors[i]);
	}
	return e;
}

/* Everything else is opened within it: the first job makes threads, which it has to hold, too. */
static enum err confine(struct server *v)
{
	struct sandbox s;

	confine_init(&s, v->kit, SANDBOX_ACCEPTS | SANDBOX_FILES, true);
	confine_mail(&s, v->kit, v->settings.mailbox);
	sandbox_place(&s, v->lock_dir, SANDBOX_OWN);
	return sandbox_enter(&s);
}

static enum err open_server(struct server *v)
{
	struct kit *kit = v->kit;
	enum err e = read_settings(v);

	if (e == ERR_NONE)
		e = loop_open(&v->loop);
	if (e != ERR_NONE)
		return e;
	snprintf(v->lock_dir, sizeof(v->lock_dir), "%s/%s", kit->site.state_dir, SITE_LOCKS);
	v->max_connections = limits_connections(v->settings.max_connections, kit->site.workers,
		5); /* socket, Maildir, lock, new, cur */
	loop_set_deadline(v->loop, kit->site.drain_ms);
	e = kit_tls(kit, "pop3", &v->tls);
	if (e == ERR_NONE)
		e = confine(v);
	if (e == ERR_NONE)
		e = storeline_open(&v->line, v->loop, kit->site.run_dir, v->lock_dir);
	if (e == ERR_NONE)
		e = window_open(&v->window, v->loop, kit->site.state_dir);
	if (e == ERR_NONE)
		e = accounts_open(&v->accounts, kit, v->loop, v->line, v->window);
	if (e == ERR_NONE)
		e = live_open(v);
	if (e == ERR_NONE)
		e = life_begin(v->loop, kit);
	return e == ERR_NONE ? open_doors(v) : e;
}

int pop3_serve(struct kit *kit)
{
	struct server v = { .kit = kit };
	enum err e;

	snapshots_init(&v.snapshots, SNAPSHOTS_OCTETS);
	e = open_server(&v);
	if (e == ERR_NONE)
		loop_run(v.loop);
	else
		log_say(LOG_LEVEL_ERROR, "worker.failed", "cannot serve: %s", err_text(e));
	storeline_close(&v.line);
	loop_close(&v.loop);
	tls_context_close(&v.tls);
	accounts_close(&v.accounts);
	window_close(&v.window);
	snapshots_free(&v.snapshots);
	return e == ERR_NONE ? 0 : 1;
}
