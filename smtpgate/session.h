/* session.h - between serve.c, answers.c, login.c and events.c: a worker, and one client's session on it.
 *
 * A session is an engine, a relay and a log. It lives from conn_accepted to conn's gone(). */
#ifndef POPGATE_GATE_SESSION_H
#define POPGATE_GATE_SESSION_H

#include "common/base/log.h"
#include "common/base/sid.h"
#include "common/daemon/kit.h"
#include "common/net/conn.h"
#include "common/base/list.h"
#include "common/worker/accounts.h"
#include "common/worker/balancers.h"
#include "common/worker/caller.h"
#include "common/worker/confine.h"
#include "common/worker/evict.h"
#include "smtpgate/counted.h"
#include "smtpgate/gate.h"
#include "smtpgate/identity.h"
#include "smtpgate/relay.h"
#include "smtpgate/scout.h"

struct server {
	struct kit *kit;
	struct gate_settings settings;
	struct places *places;
	struct loop *loop;
	struct storeline *line;
	struct window *window;
	struct accounts *accounts;
	struct tls_context *tls; /* NULL: no certificate is configured */
	struct node ungreeted; /* sessions that wait for their greeting */
	struct evictions named; /* sessions that have authenticated */
	struct relay_site relay_site;
	struct names *names;
	struct scout *scout;
	struct tls_context *hop_tls; /* NULL where next_hop_tls is off */
	struct hop_login hop_login; /* where next_hop_auth is set */
	unsigned max_connections;
	struct balancers balancers;
	struct listener { /* owner of a listening socket's connections */
		struct server *server;
		enum gate_role role;
		bool auth;
		enum listener_tls tls;
	} listeners[KIT_LISTENERS_MAX];
};

struct session {
	struct server *server;
	struct gate gate;
	struct gate_facts facts;
	struct relay *relay; /* owned; NULL before the first recipient is offered to a hop */
	struct conn *conn;
	struct endpoint client;
	struct addr key; /* what its connections are counted by */
	struct identity_found *identity; /* owned; of the transaction; NULL before the first MAIL */
	struct exchange *exchange; /* the AUTH under way */
	struct subscriber *who; /* owned; there while gate.authenticated */
	struct evictable proved; /* there while who is */
	struct node ungreeted;
	int64_t greet_ms; /* steady clock: not before */
	char mechanism[32]; /* of the last AUTH, as the log has it: "plain" */
	unsigned messages;
	unsigned relays; /* recipients of the transaction that not everyone may send to */
	int64_t since_ms; /* steady clock */
	char sid[SID_TEXT];
};

/* events.c: what the log and the counters hear. owner is the session. */
void session_count(const struct session *s, enum counted what, int64_t n);
void session_log_connect(const struct session *s);
void session_log_disconnect(const struct session *s, const char *why);
void session_log_auth(const struct session *s);
void session_log_auth_failed(const struct session *s, struct str tried, const char *reason);
void session_log_revoked(const struct session *s); /* its account has changed */
void session_log_relay(struct session *s); /* a relay that was granted */
void session_refused(void *owner, const struct gate_refusal *r);
void session_shadowed(void *owner, const struct gate_refusal *r);
void session_ended(void *owner, const struct relay_end *end);
void session_hop_failed(void *owner, const char *hop, const char *what, bool doubled);

/* answers.c: what the engine asks and the relay does not answer. owner is the session. */
void session_greet_now(struct session *s);
bool session_is_local(void *owner, struct str domain);
void session_seen(void *owner, struct buf *out);
void session_received(void *owner, struct buf *out);
void session_introduce(void *owner, struct introduction *out);
void session_ask(struct conn *c, struct engine *e);

/* Of the transaction; proof unknown where there was no memory to look. */
const struct identity_found *session_identity(const struct session *s);

/* named.c: who has authenticated goes when the account is another one. */
MUST_USE enum err named_open(struct server *v);

/* login.c: the answer to GATE_ASKS_AUTH, and what goes with it. */
void session_auth(struct session *s);
const char *session_mechanisms(void *owner, char *dst);
void session_auth_cancelled(void *owner);

#endif
