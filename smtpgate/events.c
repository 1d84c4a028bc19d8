/* events.c - what the log says of a session, and the counters. */
#include "smtpgate/session.h"

#include "common/base/clock.h"

void session_count(const struct session *s, enum counted what, int64_t n)
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
	const struct identity_found *i = session_identity(s);

	log_text(l, "proof", proof_name(i->proof));
	if (i->proof == PROOF_NETWORK && i->note[0] != '\0')
		log_text(l, "note", i->note);
	if (i->who.n == 0)
		return;
	log_str(l, "user", subscriber_str(&i->who));
	if (i->proof != PROOF_WINDOW)
		return;
	log_text(l, "user_by", i->by);
	log_int(l, "holders", (int64_t)i->holders);
	if (i->brownout.of != NULL)
		log_text(l, "brownout", i->brownout.of->name);
	log_time(l, "until", i->until_ms);
}

static void log_envelope(
	struct log_line *l, const struct path *sender, const struct path *recipient)
{
	log_text(l, "from", sender->text);
	if (recipient != NULL)
		log_text(l, "to", recipient->text);
}

void session_log_auth(const struct session *s)
{
	struct log_line l;

	begin_log(&l, LOG_LEVEL_INFO, "smtp.auth", s);
	log_str(&l, "user", subscriber_str(s->who));
	log_text(&l, "mechanism", s->mechanism);
	caller_log_tls(&l, s->conn);
	log_end(&l);
	session_count(s, COUNT_AUTHS, 1);
}

/* One stable line for whoever counts failures by address. */
void session_log_auth_failed(const struct session *s, struct str tried, const char *reason)
{
	struct log_line l;

	begin_log(&l, LOG_LEVEL_WARN, "smtp.auth_failed", s);
	log_str(&l, "user", tried);
	log_text(&l, "mechanism", s->mechanism);
	caller_log_tls(&l, s->conn);
	log_text(&l, "reason", reason);
	log_end(&l);
	session_count(s, COUNT_AUTH_FAILURES, 1);
}

void session_log_revoked(const struct session *s)
{
	struct log_line l;

	begin_log(&l, LOG_LEVEL_WARN, "smtp.revoked", s);
	log_str(&l, "user", subscriber_str(s->who));
	log_text(&l, "reason", "account-changed");
	log_end(&l);
	session_count(s, COUNT_EVICTED, 1);
}

void session_log_relay(struct session *s)
{
	struct log_line l;

	begin_log(&l, LOG_LEVEL_INFO, "smtp.relay", s);
	log_envelope(&l, &s->gate.mail->envelope.sender, &s->gate.mail->recipient.path);
	log_identity(&l, s);
	log_end(&l);
	s->relays++;
	session_count(s, COUNT_RELAYED, 1);
}

/* The sender holds a window, but on another address: worth a word to the support desk, never to the client. */
static void log_near_miss(const struct session *s, const struct path *sender, int64_t now_ms)
{
	struct subscriber who;
	struct entry found;
	struct log_line l;
	char address[ADDR_TEXT];

	if (!subscriber_fold(str_of(sender->text), s->server->kit->site.default_domain, &who))
		return;
	(void)users_owns(accounts_users(s->server->accounts), &who, &who);
	if (!view_find(window_view(s->server->window), &who, now_ms, &found))
		return;
	begin_log(&l, LOG_LEVEL_INFO, "smtp.near_miss", s);
	log_str(&l, "user", subscriber_str(&who));
	log_text(&l, "held_addr", addr_format(found.key, address));
	log_text(&l, "held_family", addr_is_v4(found.key) ? "ipv4" : "ipv6");
	log_int(&l, "age_ms", now_ms - found.holder.login_ms);
	log_end(&l);
}

void session_refused(void *owner, const struct gate_refusal *r)
{
	struct session *s = owner;
	struct log_line l;

	begin_log(&l, LOG_LEVEL_WARN, "smtp.refused", s);
	caller_log_unknown(&l, s->conn);
	log_text(&l, "stage", r->stage);
	log_envelope(&l, r->sender, r->recipient);
	log_int(&l, "code", r->code);
	log_text(&l, "reason", r->reason);
	log_str(&l, "helo", gate_helo(&s->gate));
	log_identity(&l, s);
	log_end_folded(&l);
	session_count(
		s, session_identity(s)->proof == PROOF_UNKNOWN ? COUNT_UNKNOWN : COUNT_REFUSED, 1);
	counters_add_labelled(s->server->kit->counters, COUNT_REFUSALS, r->reason);
	if (session_identity(s)->proof == PROOF_NONE && r->code >= 500 && !r->sender->null)
		log_near_miss(s, r->sender, clock_ms());
}

void session_shadowed(void *owner, const struct gate_refusal *r)
{
	const struct session *s = owner;
	struct log_line l;

	begin_log(&l, LOG_LEVEL_INFO, "smtp.shadow", s);
	log_text(&l, "stage", r->stage);
	log_envelope(&l, r->sender, r->recipient);
	log_int(&l, "code", r->code);
	log_text(&l, "reason", r->reason);
	log_identity(&l, s);
	log_end(&l);
	session_count(s, COUNT_SHADOWED, 1);
}

/* What the message could not have gone without; for local recipients at an MX nobody needs anything. */
static enum use_proof proof_used(const struct session *s)
{
	if (s->relays == 0 && s->facts.role == ROLE_MX)
		return USE_BY_NOTHING;
	switch (session_identity(s)->proof) {
	case PROOF_WINDOW: return USE_BY_WINDOW;
	case PROOF_AUTH: return USE_BY_AUTH;
	default: return USE_BY_NOTHING;
	}
}

static bool limited(const struct policy_rules *r)
{
	return policy_limits(&r->per_who) || policy_limits(&r->per_key) ||
		policy_limits(&r->per_window);
}

/* For the limits of an hour and for the history: what counts is what a hop has taken. */
static void report_use(const struct session *s)
{
	struct use use = {
		.addr = s->client.addr,
		.who = session_identity(s)->who,
		.messages = 1,
		.recipients = s->gate.recipients,
		.by = proof_used(s),
		.tls = s->gate.tls,
		.port = s->client.port,
		.listener = conn_local(s->conn).port,
	};

	if (session_identity(s)->who.n == 0)
		return;
	memcpy(use.sid, s->sid, sizeof(use.sid));
	use_helo(&use, gate_helo(&s->gate));
	if (use.by == USE_BY_AUTH)
		(void)!str_to_cstr(str_of(s->mechanism), use.mechanism, sizeof(use.mechanism));
	storeline_use(
		s->server->line, &use, limited(&s->server->settings.rules) ? USE_NOW : USE_SOON);
}

void session_ended(void *owner, const struct relay_end *end)
{
	struct session *s = owner;
	bool taken = reply_is(&end->reply, 2);
	struct log_line l;

	begin_log(&l, taken ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "smtp.message", s);
	log_envelope(&l, &s->gate.mail->envelope.sender, NULL);
	log_int(&l, "recipients", s->gate.recipients);
	log_int(&l, "octets", (int64_t)s->gate.octets);
	log_identity(&l, s);
	log_text(&l, "hop", end->hop);
	log_int(&l, "code", end->reply.code);
	log_str(&l, "reply", (struct str){ end->reply.text, end->reply.n });
	log_end(&l);
	if (taken) {
		s->messages++;
		report_use(s);
		session_count(s, COUNT_MESSAGES, 1);
		session_count(s, COUNT_OCTETS, (int64_t)s->gate.octets);
	}
}

void session_hop_failed(void *owner, const char *hop, const char *what, bool doubled)
{
	struct session *s = owner;
	struct log_line l;

	begin_log(&l, LOG_LEVEL_ERROR, "hop.failed", s);
	log_text(&l, "hop", hop);
	log_text(&l, "what", what);
	if (doubled)
		log_text(&l, "msg", "may be doubled");
	log_end_folded(&l);
	session_count(s, doubled ? COUNT_DOUBLED : COUNT_HOP_FAILURES, 1);
}

void session_log_connect(const struct session *s)
{
	struct log_line l;

	begin_log(&l, LOG_LEVEL_DEBUG, "smtp.connect", s);
	log_end(&l);
}

void session_log_disconnect(const struct session *s, const char *why)
{
	const char *cut = s->gate.cut;
	struct log_line l;

	begin_log(&l, cut != NULL ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
		cut != NULL ? "smtp.cut" : "smtp.disconnect", s);
	caller_log_unknown(&l, s->conn);
	log_text(&l, "reason", cut != NULL ? cut : why);
	log_str(&l, "helo", gate_helo(&s->gate));
	caller_log_tls(&l, s->conn);
	if (conn_tls_error(s->conn) != NULL)
		log_text(&l, "tls_error", conn_tls_error(s->conn));
	log_int(&l, "messages", s->messages);
	log_int(&l, "errors", s->gate.errors);
	log_bool(&l, "in_data", gate_in_body(&s->gate));
	log_int(&l, "ms", clock_steady_ms() - s->since_ms);
	log_end(&l);
	if (cut != NULL && !s->proved.evicted)
		session_count(s, COUNT_CUT, 1);
}
