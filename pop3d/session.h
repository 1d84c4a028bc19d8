/* session.h - a pop3d worker's inside, between serve.c, login.c, jobs.c and events.c. A session's life:
 *
 *	accepted -> FACTS -> greeted -> LOGIN or AUTH: who is it? then lock, the snapshot if it is small, and
 *	            the grant, all together; then +OK
 *	         -> SCAN, PIECE, UPDATE: one pool job at a time -> gone
 *
 * A job owns the maildrop while it runs; a session that ends meanwhile leaves it to the job. */
#ifndef POPGATE_POP3_SESSION_H
#define POPGATE_POP3_SESSION_H

#include "common/base/list.h"
#include "common/base/sid.h"
#include "common/daemon/kit.h"
#include "common/net/conn.h"
#include "common/worker/accounts.h"
#include "common/worker/balancers.h"
#include "common/worker/caller.h"
#include "common/worker/confine.h"
#include "common/worker/evict.h"
#include "pop3d/counted.h"
#include "pop3d/maildrop.h"
#include "pop3d/pop3.h"
#include "pop3d/settings.h"
#include "pop3d/snapshots.h"

struct door { /* a listening socket */
	struct server *server;
	enum listener_tls tls;
};

struct server { /* a worker's, one */
	struct kit *kit;
	struct pop3_settings settings;
	struct loop *loop;
	struct storeline *line;
	struct window *window;
	struct accounts *accounts;
	struct tls_context *tls; /* NULL without a certificate */
	struct balancers balancers;
	struct door doors[KIT_LISTENERS_MAX];
	unsigned max_connections;
	struct evictions live; /* sessions that are logged in, the one that renews next first */
	struct snapshots snapshots; /* of Maildirs that were opened lately */
	char lock_dir[4200];
	char piece
		[POP3_PIECE_MAX]; /* of a message, from an answer to the engine's run that follows */
};

struct job; /* a call on a maildrop in the pool, jobs.c */

struct session {
	struct server *server;
	const struct door *door; /* by which it came */
	struct pop3 pop3;
	struct conn *conn;
	struct endpoint client;
	struct addr key; /* what its connections are counted by */
	struct exchange *exchange; /* the login under way */
	struct grant_wait *grant; /* that is waited for */
	struct job *job; /* in the pool */
	uint64_t turn; /* of the loop in which the last piece was read without the pool, */
	unsigned pieces; /* and how many were in it */
	struct maildrop *drop; /* NULL while a job has it */
	char *who; /* owned; the canonical name, NULL until the password was right */
	struct evictable proved; /* the account; in the server's live ones while logged in */
	int64_t login_ms; /* when the store says that was; 0: the address is never granted */
	int64_t renew_ms; /* steady clock: when the window is to be held open next */
	enum err drop_error, scan_error;
	bool scanned; /* the snapshot was taken with the opening, or failed then: scan_error */
	unsigned awaited; /* of lock and grant */
	int64_t asked_ms; /* when the grant was asked for; steady clock */
	int64_t since_ms; /* steady clock */
	char sid[SID_TEXT];
	char mechanism[POP3_MECHANISM_MAX + 1]; /* of the last login, as the log has it: "plain" */
	char *mechanisms; /* owned; that the engine announces */
};

/* Under TLS, or from this host, or as the operator said: passwords may come as they are. */
bool session_secure(const struct session *s);
bool session_tls(const struct session *s);
void session_count(const struct session *s, enum counted what, int64_t n);

/* What the accounts want to know; stamp has POP3_STAMP_MAX octets and lives as long as the facts. */
struct users_facts session_facts(const struct session *s, char *stamp);

/* login.c: the answers to POP3_ASKS_LOGIN, _AUTH, _RESPONSE and _CANCEL. */
void login_begin(struct session *s);
void login_opened(struct session *s); /* by jobs.c: drop and drop_error are known */
void login_end(struct session *s); /* the session is gone */
struct grant login_grant(const struct session *s); /* that its login is worth */

/* live.c: who is logged in holds the window open, and goes when the account is another one. */
MUST_USE enum err live_open(struct server *server);
void live_begin(struct session *s); /* logged in */
void live_end(struct session *s); /* the session is gone; also of one that never was */

/* jobs.c: opens the maildrop of s->who, login_opened() follows, or has come before this returns. False: not now. */
MUST_USE bool jobs_open(struct session *s);
void jobs_begin(struct session *s); /* the answer to POP3_ASKS_SCAN, _PIECE and _UPDATE */
void jobs_end(struct session *s); /* the session is gone */

/* events.c: the log. */
void event_refused(const struct server *server, struct endpoint client, const char *reason);
void event_login(const struct session *s, enum err of_grant, const struct answer *a);
void event_failure(const struct session *s, struct str tried, const char *reason);
void event_trouble(const struct session *s, const char *what, enum err e); /* with the maildrop */
void event_revoked(const struct session *s); /* its account has changed */
void event_foreign(const struct session *s); /* another protocol was spoken */
void event_tls_failed(const struct session *s);
void event_logout(const struct session *s, const char *why);

#endif
