/* answers.c - what the engine asks of its session: who is there, and may they relay? */
#include "smtpgate/session.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/list.h"

const struct identity_found *session_identity(const struct session *s)
{
	static const struct identity_found unknown = { .proof = PROOF_UNKNOWN };

	return s->identity != NULL ? s->identity : &unknown;
}

bool session_is_local(void *owner, struct str domain)
{
	const struct session *s = owner;

	return places_is_local(s->server->places, domain);
}

void session_seen(void *owner, struct buf *out)
{
	const struct session *s = owner;
	char text[ADDR_TEXT];

	buf_printf(out, "%s %u %s", addr_format(s->client.addr, text), s->client.port,
		caller_way(s->conn));
}

void session_received(void *owner, struct buf *out)
{
	const struct session *s = owner;

	received_put(out,
		&(struct received){
			.helo = gate_helo(&s->gate),
			.client = s->client.addr,
			.hostname = s->server->kit->site.hostname,
			.esmtp = s->gate.esmtp,
			.tls = s->gate.tls,
			.auth = s->gate.authenticated,
			.utf8 = s->gate.mail->envelope.utf8,
			.sid = s->sid,
			.now_ms = clock_ms(),
		});
}

/* A hop hears of a login only where the login is what lets the client send: a proof that came short makes
 * nobody look authenticated. */
void session_introduce(void *owner, struct introduction *out)
{
	const struct session *s = owner;
	const struct policy_facts facts = {
		.role = ROLE_SUBMISSION,
		.client = identity_client(session_identity(s)),
		.rules = s->facts.rules,
	};

	out->client = s->client;
	out->gate = conn_local(s->conn);
	out->login = (struct subscriber){ 0 };
	if (policy_mail(&facts).verdict == VERDICT_ACCEPT)
		out->login = session_identity(s)->who;
}

/* A client that has spoken already is heard out first, so that the engine sees it. */
static void session_greet(struct session *s)
{
	s->greet_ms = clock_steady_ms() + s->server->settings.greeting_delay_ms;
	if (s->server->settings.greeting_delay_ms == 0 && !conn_has_input(s->conn))
		session_greet_now(s);
	else
		list_append(&s->server->ungreeted, &s->ungreeted);
}

void session_greet_now(struct session *s)
{
	list_remove(&s->ungreeted);
	gate_room(&s->gate);
	conn_resume(s->conn);
}

static bool owns(void *ctx, const struct subscriber *address, struct subscriber *owner)
{
	return users_owns(ctx, address, owner);
}

static bool lists(void *ctx, const struct subscriber *who, const struct subscriber *address)
{
	return users_lists(ctx, who, address);
}

static struct str groups(void *ctx, const struct subscriber *who)
{
	return users_groups(ctx, who);
}

/* What the store does not grant to an address alone, its neighbours must not open for it: a key may be a whole /64.
 * Who calls from the address that he calls is the host itself. */
static bool is_never(const struct session *s)
{
	return site_is_never(&s->server->kit->site, s->client.addr) ||
		addr_eq(s->client.addr, conn_local(s->conn).addr);
}

static void look(const struct session *s, struct identity_found *out)
{
	const struct identity_facts facts = {
		.settings = &s->server->settings,
		.places = s->server->places,
		.view = window_view(s->server->window),
		.owns = owns,
		.lists = lists,
		.groups = groups,
		.accounts = accounts_users(s->server->accounts),
		.client = s->client.addr,
		.nowhere = !caller_is_known(s->conn),
		.never = is_never(s),
		.authenticated = s->gate.authenticated ? s->who : NULL,
		.sender = &s->gate.mail->envelope.sender,
		.now_ms = clock_ms(),
	};

	identity_look(out, &facts);
}

static void find_proof(struct session *s)
{
	struct policy_client client;

	s->relays = 0;
	if (s->identity == NULL)
		s->identity = calloc(1, sizeof(*s->identity));
	if (s->identity != NULL)
		look(s, s->identity);
	client = identity_client(session_identity(s));
	gate_proof(&s->gate, &client);
}

static void on_answered(void *owner)
{
	conn_resume(((struct session *)owner)->conn);
}

/* A client that never gets as far needs none. */
static bool need_relay(struct session *s)
{
	const struct relay_hooks hooks = { on_answered, session_hop_failed, session_introduce,
		session_ended, s };

	return s->relay != NULL ||
		relay_open(&s->relay, &s->server->relay_site, &s->gate, &hooks) == ERR_NONE;
}

static void offer(struct session *s)
{
	const struct path *to = &s->gate.mail->recipient.path;
	const struct reply later = reply_make(451, "4.3.0 Out of memory, try again later");

	if (!need_relay(s)) {
		gate_reply(&s->gate, &later);
		conn_resume(s->conn);
		return;
	}
	if (to->domain_n > 0 && !session_is_local(s, path_domain(to)))
		session_log_relay(s);
	relay_ask(s->relay);
}

/* It may be missing where memory was, and then there is nothing to be reset. */
static void ask_relay(struct session *s)
{
	if (s->relay != NULL) {
		relay_ask(s->relay);
		return;
	}
	gate_room(&s->gate);
	conn_resume(s->conn);
}

/* May the client still send to the recipients elsewhere that were granted? */
static struct decision still(const struct session *s)
{
	struct identity_found now;
	struct policy_facts facts = { .role = ROLE_MX, .rules = s->facts.rules };
	struct decision d;

	look(s, &now);
	facts.client = identity_client(&now);
	facts.recipients = s->gate.recipients > 0 ? s->gate.recipients - 1 : 0;
	d = policy_rcpt(&facts);
	return d.verdict == VERDICT_ACCEPT ? policy_mail(&facts) : d;
}

/* A transaction can be held open for as long as one likes, and many at a time: what has been revoked, has ended
 * or is spent meanwhile counts for the message. As whom it goes stays as it was at MAIL. */
static void begin_message(struct session *s)
{
	struct decision d = { .verdict = VERDICT_ACCEPT };
	char text[REPLY_TEXT_MAX];
	struct reply r;

	if (s->relays > 0)
		d = still(s);
	if (d.verdict == VERDICT_ACCEPT) {
		ask_relay(s);
		return;
	}
	snprintf(text, sizeof(text), "%s %s", d.status,
		d.text != NULL ? d.text : s->facts.refusal_text);
	r = reply_make(d.code, text);
	gate_refuse(&s->gate, &r, d.reason);
	conn_resume(s->conn);
}

void session_ask(struct conn *c, struct engine *e)
{
	struct session *s = list_entry(e, struct session, gate.engine);

	switch (s->gate.ask.kind) {
	case GATE_ASKS_GREETING: session_greet(s); return;
	case GATE_ASKS_AUTH: session_auth(s); return;
	case GATE_ASKS_PROOF: find_proof(s); break;
	case GATE_ASKS_RECIPIENT: offer(s); return;
	case GATE_ASKS_DATA: begin_message(s); return;
	case GATE_ASKS_NOTHING:
	case GATE_ASKS_ROOM:
	case GATE_ASKS_END:
	case GATE_ASKS_ABORT:
	case GATE_ASKS_RESET: ask_relay(s); return;
	}
	conn_resume(c);
}
