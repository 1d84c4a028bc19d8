/* main.c - smtpgate: its roles, its counters, its check of the config. */
#include "common/daemon/supervise.h"
#include "common/net/tls.h"
#include "smtpgate/deliver.h"
#include "smtpgate/hoplogin.h"
#include "smtpgate/serve.h"
#include "smtpgate/settings.h"

/* clang-format off */
static const struct counter_name counters[] = { /* in the order of counted.h */
	{ "smtp_connections",  "connections accepted",                                   false },
	{ "smtp_open",         "connections open now",                                   true  },
	{ "smtp_limited",      "connections refused because of a limit",                 false },
	{ "smtp_messages",     "messages that the next hop has taken",                   false },
	{ "smtp_octets",       "octets of these messages",                               false },
	{ "smtp_relayed",      "recipients outside of local_domains that were granted",  false },
	{ "smtp_refused",      "senders, recipients and messages refused",               false },
	{ "smtp_unknown",      "refusals for now because the window was not known",      false },
	{ "smtp_hop_failures", "failures of next hops",                                  false },
	{ "smtp_doubled",      "messages that may be doubled",                           false },
	{ "smtp_shadowed",     "senders and recipients that stricter rules would refuse", false },
	{ "smtp_cut",          "connections ended because of what the client did",       false },
	{ "smtp_auths",        "clients that proved who they are by AUTH",               false },
	{ "smtp_auth_failures", "exchanges of AUTH that failed",                         false },
	{ "smtp_headless",     "connections closed for want of a PROXY header",          false },
	{ "smtp_evicted",      "sessions ended because their account changed",           false },
	{ "smtp_refusals{reason=no-proof}",           "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=window-off}",         "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=window-unknown}",     "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=frozen-address}",     "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=shared-address}",     "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=sender-binding}",     "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=messages-limit}",     "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=recipients-limit}",   "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=window-credit}",      "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=brownout}",           "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=brownout-ended}",     "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=no-next-hop}",        "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=routed-address}",     "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=next-hop}",           "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=too-large}",          "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=too-many-recipients}", "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=too-many-hops}",      "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=eight-bit}",          "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=bare-line-end}",      "senders, recipients and messages refused, by reason", false },
	{ "smtp_refusals{reason=other}",              "senders, recipients and messages refused, by reason", false },
	{ NULL, NULL, false },
};
/* clang-format on */

static const char *as_gate(const struct site *s)
{
	return s->run_as_gate;
}

static const char *as_mail(const struct site *s)
{
	return s->run_as_mail;
}

/* What the workers will read of next hops can be read. */
static enum err check_login(const struct hop_manners *m, struct buf *complaints)
{
	struct hop_login login = { 0 };
	enum err e = ERR_NONE;

	if (m->auth_path[0] != '\0')
		e = hop_login_read(&login, m->auth_path);
	if (e != ERR_NONE)
		conf_complain(m->section, "next_hop_auth", complaints, "next_hop_auth: %s: %s",
			m->auth_path,
			e == ERR_SYNTAX ? "a line user:password is wanted" : err_text(e));
	hop_login_free(&login);
	return e;
}

static enum err check_tls(const struct hop_manners *m, struct buf *complaints)
{
	const struct tls_client client = { .verify = true, .ca = m->tls_ca };
	struct tls_context *context = NULL;
	enum err e = ERR_NONE;

	if (m->tls != HOP_TLS_OFF && m->tls_ca[0] != '\0')
		e = tls_client_open(&context, &client);
	if (e != ERR_NONE)
		conf_complain(m->section, "next_hop_tls_ca", complaints,
			"next_hop_tls_ca: %s: no certificates can be read", m->tls_ca);
	tls_context_close(&context);
	return e;
}

static enum err check(struct conf *c, struct buf *complaints)
{
	struct gate_settings settings;
	enum err e = gate_settings_read(&settings, c, complaints);

	if (e == ERR_NONE)
		e = check_login(&settings.hop_manners, complaints);
	if (e == ERR_NONE)
		e = check_tls(&settings.hop_manners, complaints);
	return e;
}

static bool wants_deliver(struct conf *c)
{
	struct gate_settings settings;
	struct buf complaints;
	bool wanted;

	buf_init(&complaints, 4096);
	wanted = gate_settings_read(&settings, c, &complaints) == ERR_NONE &&
		gate_delivers(&settings);
	buf_free(&complaints);
	return wanted;
}

static const struct role roles[] = {
	{ .name = "deliver",
		.delivers = true,
		.run_as = as_mail,
		.run = deliver_serve,
		.wanted = wants_deliver },
	{ .name = "worker",
		.per_core = true,
		.listens = true,
		.run_as = as_gate,
		.run = gate_serve },
	{ .name = NULL },
};

int main(int argc, char **argv)
{
	const struct program smtpgate = { "smtpgate", roles, counters, check };

	return supervise_main(argc, argv, &smtpgate);
}
