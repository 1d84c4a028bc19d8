/* leg.c - see leg.h. The wire is a thing of its own because libuv frees a conn later than we let it go:
 * a dropped wire has no leg any more and is freed by its gone(). */
#include "smtpgate/leg_private.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "smtpgate/deliver.h"
#include "smtpgate/handover.h"

#define CONNECT_MS 10000 /* how long an address has to take the connection */

static void dial(struct leg *l);
static void dial_next(struct leg *l);

static struct leg_wire *wire_of(struct engine *e)
{
	return list_entry(e, struct leg_wire, upstream.engine);
}

static const struct gate_settings *settings_of(const struct leg *l)
{
	return l->site->settings;
}

/* --- the end --- */

void leg_forget(struct leg *l)
{
	l->wire = NULL;
	l->ready = l->mailed = l->dotted = false;
	l->accepted = 0;
}

static void free_wire(struct leg_wire *w)
{
	keep_lost(w);
	names_cancel(&w->query);
	upstream_free(&w->upstream);
	free(w);
}

/* There is no connection (any more). What the leg carried is still in it while its owner hears of it. */
static void give_up(struct leg *l, enum leg_end end, const char *why)
{
	struct leg_wire *w = l->wire;

	l->wire = NULL;
	l->ready = false;
	l->end = end;
	l->why = why;
	l->reply = &w->upstream.reply;
	l->heard(l->owner, l, LEG_GONE); /* who may have no more use for l, and free it */
	free_wire(w);
}

/* A hop that was told of the client may have failed because of what the client is called: were that held
 * against it, one client could close it to all. */
static void fail_address(struct leg *l, const char *why)
{
	l->why = why;
	if (!l->wire->upstream.told)
		hop_failed(l->hop, l->wire->at, clock_steady_ms(), why);
	dial_next(l);
}

/* RFC 7435: a hop whose TLS is of no use is better spoken to in clear than not at all, where TLS need not
 * be. */
static bool fell_over_tls(const struct leg *l)
{
	const struct leg_wire *w = l->wire;

	return w->upstream.state == UPSTREAM_HANDSHAKE && !w->clear &&
		settings_of(l)->hop_manners.tls == HOP_TLS_OPPORTUNISTIC;
}

/* The connection was of no use, and nothing was promised over it. */
static void lose_address(struct leg *l, const char *why)
{
	if (fell_over_tls(l)) {
		l->wire->clear = true;
		dial(l);
	} else {
		fail_address(l, why);
	}
}

static void on_gone(struct conn *c, struct engine *e, const char *why)
{
	struct leg_wire *w = wire_of(e);
	struct leg *l = w->leg;

	if (w->upstream.event == EVENT_BROKEN)
		why = w->upstream.why;
	else if (conn_tls_error(c) != NULL)
		why = conn_tls_error(c);
	w->conn = NULL;
	if (l == NULL)
		free_wire(w);
	else if (w->upstream.event == EVENT_REFUSED)
		give_up(l, LEG_REFUSED, "refused the client");
	else if (w->upstream.event == EVENT_UNFIT)
		give_up(l, LEG_UNFIT, "does not take XCLIENT");
	else if (w->met)
		give_up(l, LEG_FAILED, why);
	else
		lose_address(l, why);
}

/* --- what the hop says --- */

static enum leg_news news_of(const struct upstream *u)
{
	return u->event == EVENT_EARLY ? LEG_EARLY : LEG_REPLY;
}

void leg_become_ready(struct leg *l)
{
	struct leg_wire *w = l->wire;

	w->met = true;
	w->resetting = false;
	l->ready = true;
	hop_worked(l->hop, w->at);
	hop_learn(l->hop, &w->upstream.offers);
	l->heard(l->owner, l, LEG_READY);
}

static void hear_reply(struct leg *l)
{
	struct leg_wire *w = l->wire;

	w->refused = w->refused || w->upstream.reply.code >= 400;
	if (!w->resetting)
		l->heard(l->owner, l, news_of(&w->upstream));
	else if (reply_is(&w->upstream.reply, 2))
		leg_become_ready(l);
	else
		conn_close(w->conn, "refused RSET");
}

static void on_ask(struct conn *c, struct engine *e)
{
	struct leg_wire *w = wire_of(e);

	if (w->leg == NULL) { /* it was kept, and spoke unasked: its time is over, mostly */
		conn_close(c, "spoke unasked");
		return;
	}
	switch (w->upstream.event) {
	case EVENT_BROKEN:
	case EVENT_REFUSED:
	case EVENT_UNFIT: conn_close(c, "out of step"); return;
	case EVENT_CONNECTED: conn_patience(c, settings_of(w->leg)->next_hop_ms); break;
	case EVENT_READY:
		conn_patience(c, 0); /* it owes us nothing now */
		leg_become_ready(w->leg);
		break;
	case EVENT_REPLY:
	case EVENT_EARLY:
		conn_patience(c, 0);
		hear_reply(w->leg);
		break;
	case EVENT_NONE: break;
	}
	conn_resume(c); /* if it is still there: a closed conn does not mind */
}

static void on_flowed(struct conn *c, struct engine *e)
{
	struct leg_wire *w = wire_of(e);

	if (w->leg == NULL)
		return;
	if (conn_unsent(c) == 0 && w->upstream.state == UPSTREAM_BODY)
		conn_patience(c, 0); /* it is the client who is slow */
	w->leg->heard(w->leg->owner, w->leg, LEG_FLOWED);
}

static const struct conn_hooks hooks = { .ask = on_ask, .flowed = on_flowed, .gone = on_gone };

/* --- dialling --- */

static struct upstream_manners manners_of(const struct leg *l)
{
	const struct hop *hop = l->hop->hop;
	const struct hop_manners *m = &settings_of(l)->hop_manners;
	bool smtp = hop->kind == HOP_SMTP;
	struct upstream_manners out = {
		.hostname = l->site->hostname,
		.lmtp = !smtp,
		.xclient = hop_is_network(hop) && m->identify == HOP_XCLIENT,
		.only_xclient = smtp && m->identify == HOP_XCLIENT,
		.proxy = smtp && m->identify == HOP_PROXY,
		.auth_in_clear = hop_is_near(hop),
	};

	if (hop_is_network(hop) && hop->path == NULL && m->tls == HOP_TLS_REQUIRED)
		out.tls = UPSTREAM_ONLY_TLS;
	else if (hop_is_network(hop) && hop->path == NULL && m->tls == HOP_TLS_OPPORTUNISTIC &&
		!l->wire->clear)
		out.tls = UPSTREAM_TRY_TLS;
	if (smtp && l->site->login != NULL) {
		out.user = l->site->login->user;
		out.password = l->site->login->password;
	}
	return out;
}

static enum err connect_wire(struct leg *l)
{
	const struct gate_settings *s = settings_of(l);
	const struct hop *hop = l->hop->hop;
	struct leg_wire *w = l->wire;
	struct conn_settings settings = { .hooks = &hooks,
		.duplex = true,
		.in_max = UPSTREAM_IN_MAX,
		.out_max = UPSTREAM_OUT_MAX,
		.idle_ms = s->next_hop_ms < CONNECT_MS ? s->next_hop_ms : CONNECT_MS,
		.tls = l->site->tls,
		.tls_peer = w->peer };
	enum err e;
	int fd;

	if (hop_is_network(hop))
		return conn_dial(
			&w->conn, l->site->loop, w->at, hop->path, &w->upstream.engine, &settings);
	e = hand_over(l->site->deliver, hop == &s->relay_to ? DELIVER_RELAYED : DELIVER_LOCAL, &fd);
	if (e != ERR_NONE)
		return e;
	return conn_adopt(&w->conn, l->site->loop, fd, &w->upstream.engine, &settings);
}

static void dial(struct leg *l)
{
	struct leg_wire *w = l->wire;
	const struct upstream_manners manners = manners_of(l);
	const struct hop *hop = l->hop->hop;
	char text[ADDR_TEXT];
	enum err e;

	if (hop->host[0] != '\0')
		memcpy(w->peer, hop->host, sizeof(w->peer));
	else
		(void)!str_to_cstr(str_of(addr_format(w->at.addr, text)), w->peer, sizeof(w->peer));
	upstream_free(&w->upstream);
	upstream_init(&w->upstream, &manners, w->speaks ? &w->client : NULL);
	w->since_ms = clock_steady_ms();
	e = connect_wire(l);
	if (e != ERR_NONE)
		fail_address(l, err_text(e));
}

static void dial_next(struct leg *l)
{
	struct leg_wire *w = l->wire;

	switch (hop_pick(l->hop, &w->tried, clock_steady_ms(), &w->at)) {
	case HOP_PICKED:
		w->clear = false;
		dial(l);
		break;
	case HOP_HELD_BACK:
		if (w->tried.n == 0)
			l->why = "held back";
		give_up(l, w->tried.n == 0 ? LEG_HELD_BACK : LEG_FAILED, l->why);
		break;
	case HOP_NONE_LEFT: give_up(l, LEG_FAILED, l->why); break;
	}
}

/* --- before the dial --- */

static void on_addresses(
	void *owner, enum names_answer answer, const struct addr *addresses, size_t n)
{
	struct leg *l = owner;

	l->wire->query = NULL;
	if (answer == NAMES_FOUND) {
		hop_addresses(l->hop, addresses, n);
		dial_next(l);
		return;
	}
	give_up(l, LEG_FAILED,
		answer == NAMES_ABSENT ? "its name has no address"
				       : "its name cannot be looked up");
}

static void find_hop(struct leg *l)
{
	struct leg_wire *w = l->wire;

	if (!w->fresh && keep_take(l, &w->client)) {
		free_wire(w);
		return;
	}
	if (l->hop->n > 0) {
		dial_next(l);
		return;
	}
	w->query = names_of_host(l->site->names, l->hop->hop->host, on_addresses, l);
	if (w->query == NULL)
		give_up(l, LEG_FAILED, err_text(ERR_NOMEM));
}

static void set_name(struct leg_wire *w, enum names_answer answer, const char *name)
{
	w->client.name_later = answer == NAMES_LATER;
	(void)!str_to_cstr(str_of(name), w->client.name, sizeof(w->client.name));
}

static void on_name(void *owner, enum names_answer answer, const char *name)
{
	struct leg *l = owner;

	l->wire->query = NULL;
	set_name(l->wire, answer, name);
	find_hop(l);
}

static void find_client(struct leg *l)
{
	struct leg_wire *w = l->wire;
	char name[NAMES_NAME_MAX + 1];
	enum names_answer answer;

	if (names_known(l->site->names, w->client.client.addr, &answer, name)) {
		set_name(w, answer, name);
		find_hop(l);
		return;
	}
	w->query = names_of_address(l->site->names, w->client.client.addr, on_name, l);
	if (w->query == NULL)
		on_name(l, NAMES_LATER, "");
}

/* --- the owner's side --- */

void leg_init(struct leg *l, void *owner, leg_heard *heard, const struct leg_site *site,
	struct hop_state *hop)
{
	*l = (struct leg){ .owner = owner, .heard = heard, .site = site, .hop = hop };
}

static bool is_introduced(const struct leg *l)
{
	enum hop_identify by = settings_of(l)->hop_manners.identify;

	return (by == HOP_XCLIENT && hop_is_network(l->hop->hop)) ||
		(by == HOP_PROXY && l->hop->hop->kind == HOP_SMTP);
}

void leg_open(struct leg *l, const struct introduction *client, enum leg_open which)
{
	struct leg_wire *w = calloc(1, sizeof(*w));

	leg_forget(l);
	l->used = false;
	if (w == NULL) {
		l->end = LEG_FAILED;
		l->why = err_text(ERR_NOMEM);
		l->heard(l->owner, l, LEG_GONE);
		return;
	}
	w->leg = l;
	w->site = l->site;
	w->hop = l->hop;
	w->fresh = which == LEG_NEW;
	w->speaks = client != NULL && is_introduced(l);
	if (w->speaks)
		w->client = *client;
	l->wire = w;
	l->why = "has no address";
	if (w->speaks && settings_of(l)->hop_manners.identify == HOP_XCLIENT)
		find_client(l);
	else
		find_hop(l);
}

bool leg_speaks_for(const struct leg *l, const struct introduction *client)
{
	return l->wire != NULL && (!l->wire->speaks || introduction_eq(&l->wire->client, client));
}

void leg_drop(struct leg *l)
{
	struct leg_wire *w = l->wire;

	leg_forget(l);
	if (w == NULL)
		return;
	w->leg = NULL;
	if (w->conn != NULL)
		conn_close(w->conn, "dropped");
	else
		free_wire(w);
}

bool leg_is_idle(const struct leg *l)
{
	return l->wire != NULL && l->wire->conn != NULL &&
		l->wire->upstream.state == UPSTREAM_READY && conn_unsent(l->wire->conn) == 0 &&
		leg_in_step(l);
}

void leg_quit(struct leg *l)
{
	struct leg_wire *w = l->wire;

	if (!leg_is_idle(l)) {
		leg_drop(l);
		return;
	}
	leg_forget(l);
	w->leg = NULL;
	conn_part(w->conn, FAREWELL_SHUTDOWN);
}

void leg_rest(struct leg *l)
{
	struct leg_wire *w = l->wire;

	if (!leg_is_idle(l)) {
		leg_drop(l);
		return;
	}
	leg_forget(l);
	l->wire = w;
	l->used = true;
	w->resetting = true;
	upstream_reset(&w->upstream);
	leg_go(l, settings_of(l)->next_hop_ms);
}

void leg_fault(struct leg *l, const char *why)
{
	conn_close(l->wire->conn, why);
}

struct upstream *leg_upstream(struct leg *l)
{
	return l->wire != NULL ? &l->wire->upstream : NULL;
}

void leg_go(struct leg *l, int64_t patience_ms)
{
	conn_patience(l->wire->conn, patience_ms);
	conn_poke(l->wire->conn);
}

void leg_body(struct leg *l, struct buf *octets, int64_t patience_ms)
{
	struct conn *c = l->wire->conn;

	upstream_body(&l->wire->upstream, octets);
	conn_patience(c, patience_ms);
	conn_poke(c);
	if (leg_unsent(l) == 0) /* 0 as well if it is gone, and then nobody minds */
		conn_patience(c, 0);
}

bool leg_in_step(const struct leg *l)
{
	return l->wire == NULL || !l->wire->upstream.unheard;
}

bool leg_has_input(const struct leg *l)
{
	return l->wire != NULL && l->wire->conn != NULL &&
		(l->wire->upstream.unheard || conn_has_input(l->wire->conn));
}

size_t leg_unsent(const struct leg *l)
{
	return l->wire != NULL && l->wire->conn != NULL ? conn_unsent(l->wire->conn) : 0;
}
