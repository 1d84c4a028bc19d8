/* main.c - pop3d: its role, its counters, its check of the config. */
#include "common/daemon/supervise.h"
#include "pop3d/serve.h"
#include "pop3d/settings.h"

/* clang-format off */
static const struct counter_name counters[] = { /* in the order of counted.h */
	{ "pop3_connections",    "connections accepted",                          false },
	{ "pop3_open",           "connections open now",                          true  },
	{ "pop3_refused",        "connections refused because of a limit",        false },
	{ "pop3_logins",         "logins that succeeded",                         false },
	{ "pop3_login_failures", "logins that failed",                            false },
	{ "pop3_in_use",         "logins to a maildrop that another session had", false },
	{ "pop3_foreign",        "connections that spoke another protocol",       false },
	{ "pop3_tls_failures",   "TLS handshakes that failed",                    false },
	{ "pop3_tls_logins",     "logins under TLS",                              false },
	{ "pop3_grants",         "grants acknowledged by the store",              false },
	{ "pop3_grants_lost",    "grants that the store did not acknowledge",     false },
	{ "pop3_retrieved",      "messages retrieved",                            false },
	{ "pop3_deleted",        "messages deleted",                              false },
	{ "pop3_octets",         "octets of messages sent",                       false },
	{ "pop3_headless",       "connections closed for want of a PROXY header", false },
	{ "pop3_renewals",       "windows held open by a session that goes on",   false },
	{ "pop3_evicted",        "sessions ended because their account changed",  false },
	{ "pop3_unchanged",      "logins to a maildrop that needed no new scan",  false },
	{ "pop3_failures{reason=unknown}",     "logins refused, by reason",       false },
	{ "pop3_failures{reason=password}",    "logins refused, by reason",       false },
	{ "pop3_failures{reason=disabled}",    "logins refused, by reason",       false },
	{ "pop3_failures{reason=syntax}",      "logins refused, by reason",       false },
	{ "pop3_failures{reason=away}",        "logins refused, by reason",       false },
	{ "pop3_failures{reason=in-use}",      "logins refused, by reason",       false },
	{ "pop3_failures{reason=login-delay}", "logins refused, by reason",       false },
	{ "pop3_failures{reason=other}",       "logins refused, by reason",       false },
	COUNTERS_TIME_ROWS("pop3_ack_seconds", "how long the store took to acknowledge a grant"),
	{ NULL, NULL, false },
};
/* clang-format on */

static const char *run_as(const struct site *s)
{
	return s->run_as_mail;
}

static enum err check(struct conf *c, struct buf *complaints)
{
	struct pop3_settings settings;

	return pop3_settings_read(&settings, c, complaints);
}

static const struct role roles[] = {
	{ .name = "worker",
		.per_core = true,
		.listens = true,
		.run_as = run_as,
		.run = pop3_serve },
	{ .name = NULL },
};

int main(int argc, char **argv)
{
	const struct program pop3d = { "pop3d", roles, counters, check };

	return supervise_main(argc, argv, &pop3d);
}
