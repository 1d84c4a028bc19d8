/* serve.c - see serve.h. A session is an engine, a relay and a log; what they say to each other goes
 * through here. */
#include "smtpgate/serve.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/base/sid.h"
#include "common/daemon/limits.h"
#include "common/net/conn.h"
#include "common/worker/window.h"
#include "smtpgate/counted.h"
#include "smtpgate/deliver.h"
#include "smtpgate/identity.h"
#include "smtpgate/received.h"
#include "smtpgate/relay.h"

struct server {
	struct kit *kit;
	struct gate_settings settings;
	struct loop *loop;
	struct window *window;
	struct relay_site relay_site;
	unsigned max_connections;
	struct listener { /* owner of a listening socket's connections */
		struct server *server;
		enum gate_role role;
	} listeners[KIT_LISTENERS_MAX];
};

struct session {
	struct server *server;
	struct gate gate;
	struct gate_facts facts;
	struct relay *relay;
	struct conn *conn;
	struct endpoint client;
	struct addr key;
	struct identity_found identity; /* of the transaction */
	unsigned messages;
	int64_t since_ms; /* steady clock */
	char sid[SID_TEXT];
};

/* --- the log --- */

static void count(const struct session *s, enum counted what, int64_t n)
{
	counters_add(s->server->kit->counters, what, n);
}

static void begin_log(
	struct log_line *l, enum log_level level, const char *event, const struct session *s)
{
	log_begin(l, level, event);
	log_text(l, "sid", s->sid);
	log_addr(l, "addr", s->client.addr);
	log_int(l, "port", s->client.port);
}

static void log_identity(struct log_line *l, const struct session *s)
{
	const struct identity_found *i = &s->identity;

	log_text(l, "proof", proof_name(i->proof));
	if (i->proof != PROOF_WINDOW)
		return;
	log_str(l, "user", subscriber_str(&i->who));
	log_text(l, "user_by", i->by);
	log_int(l, "holders", (int64_t)i->holders);
	log_time(l, "until", i->until_ms);
}

static void log_envelope(
	struct log_line *l, const struct path *sender, const struct path *recipient)
{
	log_text(l, "from", sender->text);
	if (recipient != NULL)
		log_text(l, "to", recipient->text);
}

/* A relay that was granted: to a domain that is not ours. */
static void log_relay(const struct session *s)
{
	struct log_line l;

	begin_log(&l, LOG_LEVEL_INFO, "smtp.relay", s);
	log_envelope(&l, &s->gate.envelope.sender, &s->gate.ask.recipient.path);
	log_identity(&l, s);
	log_end(&l);
	count(s, COUNT_RELAYED, 1);
}

/* The sender holds a window, but on another address: worth a word to the support desk, never to the client. */
static void log_near_miss(const struct session *s, const struct path *sender, int64_t now_ms)
{
	struct subscriber who;
	struct entry found;
	struct log_line l;
	char address[ADDR_TEXT];

	if (!subscriber_fold(str_of(sender->text), s->server->kit->site.default_domain, &who) ||
		view_find(window_view(s->server->window), &who, now_ms, &found) != HELD)
		return;
	begin_log(&l, LOG_LEVEL_INFO, "smtp.near_miss", s);
	log_str(&l, "user", subscriber_str(&who));
	log_text(&l, "held_addr", addr_format(found.key, address));
	log_text(&l, "held_family", addr_is_v4(found.key) ? "ipv4" : "ipv6");
	log_int(&l, "age_ms", now_ms - found.holder.login_ms);
	log_end(&l);
}

static void on_refused(void *owner, const struct gate_refusal *r)
{
	struct session *s = owner;
	struct log_line l;

	begin_log(&l, LOG_LEVEL_WARN, "smtp.refused", s);
	log_text(&l, "stage", r->stage);
	log_envelope(&l, r->sender, r->recipient);
	log_int(&l, "code", r->code);
	log_text(&l, "reason", r->reason);
	log_str(&l, "helo", (struct str){ s->gate.helo, s->gate.helo_n });
	log_identity(&l, s);
	log_end(&l);
	count(s, s->identity.proof == PROOF_UNKNOWN ? COUNT_UNKNOWN : COUNT_REFUSED, 1);
	if (s->identity.proof == PROOF_NONE && r->code >= 500 && !r->sender->null)
		log_near_miss(s, r->sender, clock_ms());
}

static void on_ended(void *owner, const struct relay_end *end)
{
	struct session *s = owner;
	bool taken = reply_is(&end->reply, 2);
	struct log_line l;

	begin_log(&l, taken ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "smtp.message", s);
	log_envelope(&l, &s->gate.envelope.sender, NULL);
	log_int(&l, "recipients", s->gate.recipients);
	log_int(&l, "octets", (int64_t)s->gate.octets);
	log_identity(&l, s);
	log_text(&l, "hop", end->hop);
	log_int(&l, "code", end->reply.code);
	log_str(&l, "reply", (struct str){ end->reply.text, end->reply.n });
	log_end(&l);
	if (taken) {
		s->messages++;
		count(s, COUNT_MESSAGES, 1);
		count(s, COUNT_OCTETS, (int64_t)s->gate.octets);
	}
}

static void on_failed(void *owner, const char *hop, const char *what, bool doubled)
{
	struct session *s = owner;
	struct log_line l;

	begin_log(&l, LOG_LEVEL_ERROR, "hop.failed", s);
	log_text(&l, "hop", hop);
	log_text(&l, "what", what);
	if (doubled)
		log_text(&l, "msg", "may be doubled");
	log_end(&l);
	count(s, doubled ? COUNT_DOUBLED : COUNT_HOP_FAILURES, 1);
}

/* --- what the engine asks --- */

static bool is_local(void *owner, struct str domain)
{
	const struct session *s = owner;

	return gate_is_local(&s->server->settings, domain);
}

static void put_received(void *owner, struct buf *out)
{
	const struct session *s = owner;

	received_put(out,
		&(struct received){
			.helo = { s->gate.helo, s->gate.helo_n },
			.client = s->client.addr,
			.hostname = s->server->kit->site.hostname,
			.protocol = s->gate.esmtp ? "ESMTP" : "SMTP",
			.sid = s->sid,
			.now_ms = clock_ms(),
		});
}

static void on_answered(void *owner)
{
	conn_resume(((struct session *)owner)->conn);
}

static void on_ask(struct conn *c, struct engine *e)
{
	struct session *s = list_entry(e, struct session, gate.engine);

	if (s->gate.ask.kind == GATE_ASKS_PROOF) {
		identity_look(&s->identity, &s->server->settings, window_view(s->server->window),
			s->client.addr, &s->gate.envelope.sender, clock_ms());
		gate_proof(&s->gate, s->identity.proof);
		conn_resume(c);
		return;
	}
	if (s->gate.ask.kind == GATE_ASKS_RECIPIENT && s->gate.ask.recipient.path.domain_n > 0 &&
		!is_local(s, path_domain(&s->gate.ask.recipient.path)))
		log_relay(s);
	relay_ask(s->relay);
}

/* --- begin and end --- */

static void on_gone(struct conn *c, struct engine *e, const char *why)
{
	struct session *s = list_entry(e, struct session, gate.engine);
	struct log_line l;

	(void)c;
	begin_log(&l, LOG_LEVEL_INFO, "smtp.disconnect", s);
	log_text(&l, "reason", why);
	log_str(&l, "helo", (struct str){ s->gate.helo, s->gate.helo_n });
	log_int(&l, "messages", s->messages);
	log_int(&l, "errors", s->gate.errors);
	log_bool(&l, "in_data", gate_in_body(&s->gate));
	log_int(&l, "ms", clock_steady_ms() - s->since_ms);
	log_end(&l);
	count(s, COUNT_OPEN, -1);
	clients_leave(s->server->kit->clients, s->key);
	relay_close(&s->relay);
	gate_free(&s->gate);
	free(s);
}

static const struct conn_hooks hooks = { .ask = on_ask, .gone = on_gone };

static struct addr client_key(const struct server *v, struct addr a)
{
	return addr_key(a, v->kit->site.window.ipv4_prefix, v->kit->site.window.ipv6_prefix);
}

static bool enter(struct server *v, struct conn *c)
{
	struct endpoint client = conn_peer(c);
	struct log_line l;
	bool key_full;

	counters_add(v->kit->counters, COUNT_CONNECTIONS, 1);
	if (clients_enter(v->kit->clients, client_key(v, client.addr),
		    v->settings.max_connections_per_address, v->max_connections, &key_full))
		return true;
	counters_add(v->kit->counters, COUNT_LIMITED, 1);
	log_begin(&l, LOG_LEVEL_WARN, "smtp.limited");
	log_addr(&l, "addr", client.addr);
	log_int(&l, "port", client.port);
	log_text(&l, "reason", key_full ? "max_connections_per_address" : "max_connections");
	log_end(&l);
	conn_refuse(c,
		key_full ? STR("421 4.7.0 Too many connections from your address\r\n")
			 : STR("421 4.3.2 Too many connections, try again later\r\n"));
	return false;
}

static void set_facts(struct session *s, enum gate_role role)
{
	const struct gate_settings *settings = &s->server->settings;

	s->facts = (struct gate_facts){
		.role = role,
		.hostname = s->server->kit->site.hostname,
		.refusal_text = settings->refusal_text,
		.max_message_size = settings->max_message_size,
		.max_recipients = settings->max_recipients,
		.split = settings->split,
		.no_deliver = settings->deliver_to.kind == HOP_NONE,
		.no_relay = settings->relay_to.kind == HOP_NONE,
		.eight_bit = true,
		.is_local = is_local,
		.refused = on_refused,
		.received = put_received,
		.owner = s,
	};
}

static struct session *new_session(struct listener *l, struct conn *c)
{
	struct session *s = calloc(1, sizeof(*s));
	const struct relay_hooks relay_hooks = { on_answered, on_failed, on_ended, s };

	if (s == NULL)
		return NULL;
	s->server = l->server;
	s->conn = c;
	s->client = conn_peer(c);
	s->key = client_key(l->server, s->client.addr);
	s->since_ms = clock_steady_ms();
	sid_make(s->sid);
	set_facts(s, l->role);
	gate_init(&s->gate, &s->facts);
	if (relay_open(&s->relay, &l->server->relay_site, &s->gate, &relay_hooks) != ERR_NONE) {
		gate_free(&s->gate);
		free(s);
		return NULL;
	}
	return s;
}

static void on_accepted(void *owner, struct conn *c)
{
	struct listener *l = owner;
	const struct conn_settings settings = { .hooks = &hooks,
		.in_max = GATE_IN_MAX,
		.out_max = GATE_OUT_MAX,
		.idle_ms = l->server->settings.idle_ms };
	struct session *s;
	struct log_line line;

	if (!enter(l->server, c))
		return;
	s = new_session(l, c);
	if (s == NULL) {
		clients_leave(l->server->kit->clients, client_key(l->server, conn_peer(c).addr));
		conn_refuse(c, STR("421 4.3.2 Out of memory\r\n"));
		return;
	}
	begin_log(&line, LOG_LEVEL_DEBUG, "smtp.connect", s);
	log_end(&line);
	count(s, COUNT_OPEN, 1);
	conn_start(c, &s->gate.engine, &settings);
}

static enum err listen_all(struct server *v)
{
	enum err e = ERR_NONE;

	for (size_t i = 0; i < v->kit->listeners_n && e == ERR_NONE; i++) {
		v->listeners[i] =
			(struct listener){ v, v->settings.roles[v->kit->listeners[i].listener] };
		e = conn_listen(v->loop, v->kit->listeners[i].fd, on_accepted, &v->listeners[i]);
	}
	return e;
}

static enum err open_server(struct server *v)
{
	struct kit *kit = v->kit;
	struct buf complaints;
	enum err e;

	buf_init(&complaints, 4096);
	e = gate_settings_read(&v->settings, kit->conf, &complaints);
	buf_free(&complaints);
	if (e == ERR_NONE)
		e = loop_open(&v->loop);
	if (e != ERR_NONE)
		return e;
	loop_set_deadline(v->loop, kit->site.drain_ms);
	v->max_connections = limits_connections(
		v->settings.max_connections, kit->site.workers, 3); /* and two hops */
	v->relay_site =
		(struct relay_site){ v->loop, &v->settings, kit->site.hostname, kit->deliver };
	e = window_open(&v->window, v->loop, kit->site.state_dir);
	if (e == ERR_NONE)
		e = loop_watch_alive(v->loop, kit->alive);
	return e == ERR_NONE ? listen_all(v) : e;
}

int gate_serve(struct kit *kit)
{
	struct server *v = calloc(1, sizeof(*v));
	enum err e;

	if (v == NULL)
		return 1;
	v->kit = kit;
	e = open_server(v);
	if (e == ERR_NONE)
		loop_run(v->loop);
	else
		log_say(LOG_LEVEL_ERROR, "worker.failed", "cannot serve: %s", err_text(e));
	loop_close(&v->loop);
	window_close(&v->window);
	free(v);
	return e == ERR_NONE ? 0 : 1;
}
