/* session.h - between serve.c, answers.c and events.c: a worker, and one client's session on it.
 *
 * A session is an engine, a relay and a log. It lives from conn_accepted to conn's gone(). */
#ifndef POPGATE_GATE_SESSION_H
#define POPGATE_GATE_SESSION_H

#include "common/base/log.h"
#include "common/base/sid.h"
#include "common/daemon/kit.h"
#include "common/net/conn.h"
#include "common/worker/window.h"
#include "smtpgate/counted.h"
#include "smtpgate/gate.h"
#include "smtpgate/identity.h"
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
	struct addr key; /* what its connections are counted by */
	struct identity_found identity; /* of the transaction */
	unsigned messages;
	int64_t since_ms; /* steady clock */
	char sid[SID_TEXT];
};

/* events.c: what the log and the counters hear. owner is the session. */
void session_count(const struct session *s, enum counted what, int64_t n);
void session_log_connect(const struct session *s);
void session_log_disconnect(const struct session *s, const char *why);
void session_log_relay(const struct session *s); /* a relay that was granted */
void session_refused(void *owner, const struct gate_refusal *r);
void session_shadowed(void *owner, const struct gate_refusal *r);
void session_ended(void *owner, const struct relay_end *end);
void session_hop_failed(void *owner, const char *hop, const char *what, bool doubled);

/* answers.c: what the engine asks and the relay does not answer. owner is the session. */
bool session_is_local(void *owner, struct str domain);
const char *session_mechanisms(void *owner);
void session_auth_cancelled(void *owner);
void session_received(void *owner, struct buf *out);
void session_ask(struct conn *c, struct engine *e);

#endif
