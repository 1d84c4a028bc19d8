/* answers.c - what the engine asks of its session: who is there, and may they relay? */
#include "smtpgate/session.h"

#include "common/base/clock.h"
#include "common/base/list.h"

bool session_is_local(void *owner, struct str domain)
{
	const struct session *s = owner;

	return gate_is_local(&s->server->settings, domain);
}

void session_received(void *owner, struct buf *out)
{
	const struct session *s = owner;

	received_put(out,
		&(struct received){
			.helo = { s->gate.helo, s->gate.helo_n },
			.client = s->client.addr,
			.hostname = s->server->kit->site.hostname,
			.esmtp = s->gate.esmtp,
			.tls = s->gate.tls,
			.auth = s->gate.authenticated,
			.utf8 = s->gate.envelope.utf8,
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
		.client = identity_client(&s->identity),
		.rules = s->server->settings.rules,
	};

	out->client = s->client;
	out->gate = conn_local(s->conn);
	out->login = (struct subscriber){ 0 };
	if (policy_mail(&facts).verdict == VERDICT_ACCEPT)
		out->login = s->identity.who;
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

static void find_proof(struct session *s)
{
	const struct identity_facts facts = {
		.settings = &s->server->settings,
		.view = window_view(s->server->window),
		.owns = owns,
		.accounts = accounts_users(s->server->accounts),
		.client = s->client.addr,
		.authenticated = s->gate.authenticated ? &s->who : NULL,
		.sender = &s->gate.envelope.sender,
		.now_ms = clock_ms(),
	};
	struct policy_client client;

	s->relays = 0;
	identity_look(&s->identity, &facts);
	client = identity_client(&s->identity);
	gate_proof(&s->gate, &client);
}

void session_ask(struct conn *c, struct engine *e)
{
	struct session *s = list_entry(e, struct session, gate.engine);
	const struct path *to = &s->gate.ask.recipient.path;

	switch (s->gate.ask.kind) {
	case GATE_ASKS_GREETING: session_greet(s); return;
	case GATE_ASKS_AUTH: session_auth(s); return;
	case GATE_ASKS_PROOF: find_proof(s); break;
	case GATE_ASKS_RECIPIENT:
		if (to->domain_n > 0 && !session_is_local(s, path_domain(to)))
			session_log_relay(s);
		relay_ask(s->relay);
		return;
	case GATE_ASKS_NOTHING:
	case GATE_ASKS_DATA:
	case GATE_ASKS_ROOM:
	case GATE_ASKS_END:
	case GATE_ASKS_ABORT:
	case GATE_ASKS_RESET: relay_ask(s->relay); return;
	}
	conn_resume(c);
}
