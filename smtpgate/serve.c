/* serve.c - see serve.h. The worker: its listeners, its view of the window, its sessions' begin and end. */
#include "smtpgate/serve.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/daemon/limits.h"
#include "common/worker/life.h"
#include "smtpgate/session.h"

#define GREETING_TICK_MS 100
#define DNS_PORT 53

/* --- begin and end --- */

static void on_gone(struct conn *c, struct engine *e, const char *why)
{
	struct session *s = list_entry(e, struct session, gate.engine);

	(void)c;
	session_log_disconnect(s, why);
	session_count(s, COUNT_OPEN, -1);
	clients_leave(s->server->kit->clients, s->key);
	list_remove(&s->ungreeted);
	evictable_end(&s->server->named, &s->proved);
	users_end(&s->exchange);
	relay_close(&s->relay);
	free(s->identity);
	free(s->who);
	gate_free(&s->gate);
	free(s);
}

static const struct conn_hooks hooks = { .ask = session_ask, .gone = on_gone };

static struct addr client_key(const struct server *v, struct addr a)
{
	return addr_key(a, v->kit->site.window.ipv4_prefix, v->kit->site.window.ipv6_prefix);
}

/* In clear, so not where the client expects TLS. */
static void refuse(const struct listener *l, struct conn *c, struct str line)
{
	conn_refuse(c, l->tls == LISTENER_IMPLICIT ? STR("") : line);
}

static bool enter(const struct listener *at, struct conn *c)
{
	const struct server *v = at->server;
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
	log_end_folded(&l);
	refuse(at, c,
		key_full ? STR("421 4.7.0 Too many connections from your address\r\n")
			 : STR("421 4.3.2 Too many connections, try again later\r\n"));
	return false;
}

static const struct gate_hooks gate_hooks = {
	.is_local = session_is_local,
	.mechanisms = session_mechanisms,
	.auth_cancelled = session_auth_cancelled,
	.refused = session_refused,
	.shadowed = session_shadowed,
	.seen = session_seen,
	.received = session_received,
};

static void set_facts(struct session *s, const struct listener *l)
{
	const struct gate_settings *settings = &s->server->settings;
	const struct sharing_rule *sharing =
		sharing_of(&s->server->kit->site.sharing, s->client.addr);
	const struct offers offers = relay_offers(&s->server->relay_site);

	s->facts = (struct gate_facts){
		.role = l->role,
		.auth = l->auth,
		.tls = l->tls == LISTENER_IMPLICIT || caller_tls(s->conn),
		.starttls = l->tls == LISTENER_STARTTLS,
		.hostname = s->server->kit->site.hostname,
		.refusal_text = settings->refusal_text,
		.max_message_size = settings->max_message_size,
		.max_recipients = settings->max_recipients,
		.split = settings->split,
		.no_deliver = settings->deliver_to.kind == HOP_NONE,
		.no_relay = settings->relay_to.kind == HOP_NONE,
		.rules = gate_rules(&settings->rules, sharing),
		.shadow = gate_rules(&settings->shadow, sharing),
		.rewrite = caller_is_known(s->conn) &&
			networks_rewrite(&settings->networks, s->client.addr),
		.eight_bit = offers.eight_bit,
		.utf8 = offers.utf8,
		.dsn = offers.dsn,
		.size = offers.size_max,
		.hooks = &gate_hooks,
		.owner = s,
	};
}

static struct session *new_session(struct listener *l, struct conn *c)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->server = l->server;
	s->conn = c;
	s->client = conn_peer(c);
	s->key = client_key(l->server, s->client.addr);
	s->since_ms = clock_steady_ms();
	sid_make(s->sid);
	set_facts(s, l);
	gate_init(&s->gate, &s->facts);
	return s;
}

static void on_accepted(void *owner, struct conn *c)
{
	struct listener *l = owner;
	const struct conn_settings settings = { .hooks = &hooks,
		.in_max = GATE_IN_MAX,
		.out_max = GATE_OUT_MAX,
		.idle_ms = l->server->settings.idle_ms,
		.tls = l->server->tls,
		.tls_at_once = l->tls == LISTENER_IMPLICIT };
	struct session *s;

	if (!enter(l, c))
		return;
	s = new_session(l, c);
	if (s == NULL) {
		clients_leave(l->server->kit->clients, client_key(l->server, conn_peer(c).addr));
		refuse(l, c, STR("421 4.3.2 Out of memory\r\n"));
		return;
	}
	session_log_connect(s);
	session_count(s, COUNT_OPEN, 1);
	conn_start(c, &s->gate.engine, &settings);
}

/* Those whose time has come. */
static void greet(void *owner)
{
	struct server *v = owner;
	int64_t now = clock_steady_ms();
	struct node *n = v->ungreeted.next, *next;

	for (; n != &v->ungreeted; n = next) {
		struct session *s = list_entry(n, struct session, ungreeted);

		next = n->next;
		if (now >= s->greet_ms)
			session_greet_now(s);
	}
}

static enum err listen_all(struct server *v)
{
	enum err e = ERR_NONE;

	balancers_init(&v->balancers, v->kit, "smtpgate", COUNT_HEADLESS);
	for (size_t i = 0; i < v->kit->listeners_n && e == ERR_NONE; i++) {
		const struct kit_listener *at = &v->kit->listeners[i];
		unsigned section = at->listener;

		v->listeners[i] = (struct listener){ v, v->settings.roles[section],
			v->settings.auth[section], at->tls };
		e = balancers_listen(&v->balancers, v->loop, at, on_accepted, &v->listeners[i]);
	}
	return e;
}

/* --- what the next hops need --- */

static enum err open_names(struct server *v)
{
	struct conf_section s = v->settings.hop_manners.section;
	struct buf servers;
	enum err e;

	buf_init(&servers, 4096);
	for (size_t i = 0; i < conf_count(s, "dns_servers"); i++)
		buf_printf(&servers, "%s%s", i > 0 ? "," : "", conf_nth(s, "dns_servers", i).p);
	buf_add(&servers, (struct str){ "", 1 });
	e = servers.broken ? ERR_LIMIT : names_open(&v->names, v->loop, buf_str(&servers).p);
	buf_free(&servers);
	return e;
}

static enum err open_hops(struct server *v)
{
	const struct hop_manners *m = &v->settings.hop_manners;
	const struct tls_client tls = { .verify = m->tls == HOP_TLS_REQUIRED, .ca = m->tls_ca };
	struct leg_site site = { .loop = v->loop,
		.settings = &v->settings,
		.hostname = v->kit->site.hostname,
		.deliver = v->kit->deliver };
	enum err e = open_names(v);

	if (e == ERR_NONE && m->auth_path[0] != '\0') {
		e = hop_login_read(&v->hop_login, m->auth_path);
		site.login = &v->hop_login;
	}
	if (e == ERR_NONE && m->tls != HOP_TLS_OFF)
		e = tls_client_open(&v->hop_tls, &tls);
	if (e != ERR_NONE)
		return e;
	site.names = v->names;
	site.tls = v->hop_tls;
	relay_site_init(&v->relay_site, &site);
	return scout_open(&v->scout, &v->relay_site);
}

static void close_hops(struct server *v)
{
	scout_close(&v->scout);
	names_close(&v->names);
	hop_login_free(&v->hop_login);
}

/* Certificates are looked for when a next hop shows its own. */
static void place_authorities(struct sandbox *s, const struct hop_manners *m)
{
	if (m->tls_ca[0] != '\0') {
		sandbox_place(s, m->tls_ca, SANDBOX_READ);
		return;
	}
	sandbox_place(s, "/etc/ssl", SANDBOX_READ);
	sandbox_place(s, "/usr/lib/ssl", SANDBOX_READ);
	sandbox_place(s, "/usr/share/ca-certificates", SANDBOX_READ);
	sandbox_place(s, "/usr/local/share/ca-certificates", SANDBOX_READ);
}

static void allow_ports(struct sandbox *s, const struct gate_settings *of)
{
	const struct conf_section section = of->hop_manners.section;

	sandbox_port(s, of->deliver_to.endpoint.port);
	sandbox_port(s, of->relay_to.endpoint.port);
	sandbox_port(s, DNS_PORT);
	for (size_t i = 0; i < conf_count(section, "dns_servers"); i++) {
		struct endpoint e;

		if (endpoint_parse(conf_nth(section, "dns_servers", i), &e))
			sandbox_port(s, e.port);
	}
}

/* Everything else is opened within it: the first job makes threads, which it has to hold, too. */
static enum err confine(struct server *v)
{
	struct sandbox s;

	confine_init(&s, v->kit, SANDBOX_ACCEPTS | SANDBOX_DIALS, true);
	if (v->settings.hop_manners.tls != HOP_TLS_OFF)
		place_authorities(&s, &v->settings.hop_manners);
	if (v->settings.deliver_to.host[0] != '\0' || v->settings.relay_to.host[0] != '\0')
		sandbox_file(&s,
			"/etc/hosts"); /* before DNS is asked; whoever confirms a client asks DNS */
	allow_ports(&s, &v->settings);
	return sandbox_enter(&s);
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
		e = places_open(&v->places, v->settings.section);
	if (e == ERR_NONE)
		e = loop_open(&v->loop);
	if (e != ERR_NONE)
		return e;
	loop_set_deadline(v->loop, kit->site.drain_ms);
	v->max_connections = limits_connections(
		v->settings.max_connections, kit->site.workers, 3); /* and two hops */
	list_init(&v->ungreeted);
	e = kit_tls(kit, "smtp", &v->tls);
	if (e == ERR_NONE)
		e = open_hops(v);
	if (e == ERR_NONE)
		e = confine(v);
	if (e == ERR_NONE)
		e = loop_every(v->loop, GREETING_TICK_MS, greet, v);
	if (e == ERR_NONE)
		e = storeline_open(&v->line, v->loop, kit->site.run_dir, NULL);
	if (e == ERR_NONE)
		e = window_open(&v->window, v->loop, kit->site.state_dir);
	if (e == ERR_NONE)
		e = accounts_open(&v->accounts, kit, v->loop, v->line, v->window);
	if (e == ERR_NONE)
		e = named_open(v);
	if (e == ERR_NONE)
		e = life_begin(v->loop, kit);
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
	storeline_close(&v->line);
	close_hops(v);
	loop_close(&v->loop);
	tls_context_close(&v->hop_tls); /* the last connections went with the loop */
	accounts_close(&v->accounts);
	tls_context_close(&v->tls);
	window_close(&v->window);
	places_close(&v->places);
	free(v);
	return e == ERR_NONE ? 0 : 1;
}
