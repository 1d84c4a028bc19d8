/* settings.c - the smtpgate section. */
#include "smtpgate/settings.h"

static bool printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

enum { /* words of the schema */
	BINDING_OFF,
	BINDING_LOG,
	BINDING_ENFORCE,
	AUTH_AUTO = 0,
	AUTH_YES,
	AUTH_NO,
};

static void read_listener(struct gate_settings *g, struct conf_section s, size_t i)
{
	unsigned auth = conf_word(s, "auth");

	g->roles[i] = conf_word(s, "role") == 1 ? ROLE_SUBMISSION : ROLE_MX;
	g->auth[i] = auth == AUTH_YES || (auth == AUTH_AUTO && g->roles[i] == ROLE_SUBMISSION);
}

static void read_listeners(struct gate_settings *g, struct conf_section s)
{
	for (size_t i = 0; i < conf_sections(s, "listener") && i < LISTENERS_MAX; i++)
		read_listener(g, conf_section(s, "listener", i), i);
}

/* The shadow is never milder than what holds: what is refused anyway is not told twice. */
static void read_rules(struct gate_settings *g, struct conf_section s, struct conf_section window)
{
	struct conf_section shadow = conf_section(s, "shadow", 0);
	unsigned binding = conf_word(s, "sender_binding");

	g->rules.bind_sender = binding == BINDING_ENFORCE;
	g->rules.per_window.messages = conf_number(window, "credit_messages");
	g->rules.per_window.recipients = conf_number(window, "credit_recipients");
	g->rules.per_who.messages = conf_number(s, "max_messages_per_hour");
	g->rules.per_who.recipients = conf_number(s, "max_recipients_per_hour");
	g->rules.per_key.messages = conf_number(s, "max_messages_per_hour_per_address");
	g->rules.per_key.recipients = conf_number(s, "max_recipients_per_hour_per_address");
	g->shadow = g->rules;
	g->shadow.bind_sender = binding != BINDING_OFF || conf_word(shadow, "sender_binding") == 1;
	g->shadow.no_window = !conf_bool(shadow, "window");
}

static void check(const struct gate_settings *g, struct conf_section s, struct buf *complaints)
{
	if (g->deliver_to.kind == HOP_NONE && g->relay_to.kind == HOP_NONE)
		conf_complain(s, NULL, complaints, "smtpgate: deliver_to or relay_to is wanted");
	if (conf_count(s, "local_domains") > 0 && g->deliver_to.kind == HOP_NONE)
		conf_complain(s, "local_domains", complaints,
			"local_domains: there is no deliver_to for them");
	if (g->idle_ms < 1000 || g->next_hop_ms < 1000 || g->final_dot_ms < 1000)
		conf_complain(s, "idle_timeout", complaints, "timeouts: at least 1s each");
	if (g->reuse_ms > 60000)
		conf_complain(s, "next_hop_reuse", complaints, "next_hop_reuse: at most 60s");
	if (g->greeting_delay_ms > 10000)
		conf_complain(s, "greeting_delay", complaints, "greeting_delay: at most 10s");
	if (!printable(str_of(g->refusal_text)) || strlen(g->refusal_text) > 400)
		conf_complain(s, "refusal_text", complaints,
			"refusal_text: up to 400 printable ASCII characters are wanted");
	if (g->max_message_size < 65536)
		conf_complain(s, "max_message_size", complaints,
			"max_message_size: at least 64k (RFC 5321 4.5.3.1.7)");
}

enum err gate_settings_read(struct gate_settings *out, struct conf *c, struct buf *complaints)
{
	struct conf_section s = conf_section(conf_root(c), "smtpgate", 0);
	size_t before = complaints->len;
	struct gate_settings g = {
		.section = s,
		.refusal_text = conf_cstr(s, "refusal_text"),
		.max_message_size = conf_size(s, "max_message_size"),
		.max_recipients = conf_number(s, "max_recipients"),
		.greeting_delay_ms = conf_ms(s, "greeting_delay"),
		.idle_ms = conf_ms(s, "idle_timeout"),
		.next_hop_ms = conf_ms(s, "next_hop_timeout"),
		.final_dot_ms = conf_ms(s, "final_dot_timeout"),
		.reuse_ms = conf_ms(s, "next_hop_reuse"),
		.max_connections = conf_number(s, "max_connections"),
		.max_connections_per_address = conf_number(s, "max_connections_per_address"),
	};

	hop_read(&g.deliver_to, s, "deliver_to", complaints);
	hop_read(&g.relay_to, s, "relay_to", complaints);
	hop_manners_read(&g.hop_manners, s, &g.deliver_to, &g.relay_to, complaints);
	g.split = hops_split(&g.deliver_to, &g.relay_to);
	read_listeners(&g, s);
	networks_read(&g.networks, s, complaints);
	brownouts_read(&g.brownouts, s, conf_text(conf_root(c), "default_domain"), complaints);
	read_rules(&g, s, conf_section(conf_root(c), "window", 0));
	check(&g, s, complaints);
	if (complaints->len != before)
		return ERR_SYNTAX;
	*out = g;
	return ERR_NONE;
}

struct policy_rules gate_rules(const struct policy_rules *of, const struct sharing_rule *sharing)
{
	struct policy_rules r = *of;

	r.shared_after = sharing->shared_after;
	r.frozen_after = sharing->frozen_after;
	return r;
}

bool gate_delivers(const struct gate_settings *s)
{
	return s->deliver_to.kind == HOP_MAILDIR || s->relay_to.kind == HOP_MAILDIR;
}
