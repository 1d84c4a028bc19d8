/* schema.c - every option of popgate.conf, its kind and its default; popgate.conf(5) says the rest. */
#include "common/conf/schema.h"

#include <stddef.h>

/* clang-format off */
#define END { NULL, CONF_END, NULL, NULL, NULL }

static const struct conf_option log_options[] = {
	{ "to",     CONF_WORD, "stderr", "stderr|syslog",         NULL },
	{ "format", CONF_WORD, "logfmt", "logfmt|json",           NULL },
	{ "level",  CONF_WORD, "info",   "error|warn|info|debug", NULL },
	{ "syslog_socket", CONF_TEXT, "/dev/log", NULL,           NULL },
	END
};

static const struct conf_option address_options[] = { /* what is not said is the window's */
	{ "shared_after", CONF_NUMBER, "0", "0-1000000", NULL },
	{ "frozen_after", CONF_NUMBER, "0", "0-1000000", NULL },
	{ "note",         CONF_TEXT,   "",  NULL,        NULL },
	END
};

static const struct conf_option window_options[] = {
	{ "lifetime",    CONF_DURATION, "30m",  NULL,    NULL },
	{ "slack",       CONF_TEXT,     "auto", NULL,    NULL }, /* a duration, or a quarter of lifetime */
	{ "ipv4_prefix", CONF_NUMBER,   "32",   "8-32",  NULL },
	{ "ipv6_prefix", CONF_NUMBER,   "64",   "16-128", NULL },
	{ "never",       CONF_NETWORKS, "{}",   NULL,    NULL },
	{ "max_size",    CONF_SIZE,     "4G",   NULL,    NULL }, /* the ceiling of each LMDB map */
	{ "shared_after", CONF_NUMBER,  "5",    "0-1000000", NULL }, /* 0: never */
	{ "frozen_after", CONF_NUMBER,  "50",   "0-1000000", NULL },
	{ "address",      CONF_TITLED,  NULL,   NULL,    address_options },
	{ "credit_messages",   CONF_NUMBER, "0", "0-1000000", NULL }, /* since a login; 0: no limit */
	{ "credit_recipients", CONF_NUMBER, "0", "0-1000000", NULL },
	END
};

static const struct conf_option history_options[] = {
	{ "keep",        CONF_DURATION, "7d",  NULL, NULL }, /* 0: no history */
	{ "keep_counts", CONF_DURATION, "35d", NULL, NULL },
	{ "max_size",    CONF_SIZE,     "16G", NULL, NULL },
	END
};

static const struct conf_option users_options[] = {
	{ "path", CONF_TEXT, "", NULL, NULL },
	END
};

static const struct conf_option penalty_options[] = {
	{ "free",  CONF_NUMBER,   "5",   "0-1000", NULL },
	{ "max",   CONF_DURATION, "30s", NULL,     NULL }, /* 0: wrong passwords cost nothing */
	{ "decay", CONF_DURATION, "2m",  NULL,     NULL },
	END
};

static const struct conf_option run_as_options[] = { /* "": the uid that started the program */
	{ "mail",  CONF_TEXT, "popgate-mail",  NULL, NULL },
	{ "store", CONF_TEXT, "popgate-store", NULL, NULL },
	{ "gate",  CONF_TEXT, "popgate-gate",  NULL, NULL },
	{ "group", CONF_TEXT, "popgate",       NULL, NULL },
	END
};

static const struct conf_option sni_options[] = {
	{ "certificate", CONF_TEXT, "", NULL, NULL },
	{ "key",         CONF_TEXT, "", NULL, NULL },
	END
};

static const struct conf_option tls_options[] = {
	{ "certificate", CONF_TEXT,   "",   NULL, NULL },
	{ "key",         CONF_TEXT,   "",   NULL, NULL },
	{ "sni",         CONF_TITLED, NULL, NULL, sni_options },
	END
};

static const struct conf_option pop3d_listener_options[] = {
	{ "tls", CONF_WORD, "starttls", "none|starttls|implicit", NULL },
	{ "proxy_protocol", CONF_BOOL, "false", NULL, NULL },
	END
};

static const struct conf_option pop3d_options[] = {
	{ "listener",                    CONF_TITLED,   NULL,    NULL,      pop3d_listener_options },
	{ "mailbox",                     CONF_TEXT,     "maildir:/var/mail/%d/%n", NULL, NULL },
	{ "uidl_format",                 CONF_WORD,     "filename", "filename|dovecot|courier|md5", NULL },
	{ "idle_timeout",                CONF_DURATION, "10m",   NULL,      NULL },
	{ "login_delay",                 CONF_DURATION, "0s",    NULL,      NULL },
	{ "implementation",              CONF_BOOL,     "true",  NULL,      NULL },
	{ "hold_window",                 CONF_BOOL,     "yes",   NULL,      NULL },
	{ "max_connections",             CONF_NUMBER,   "20000", "1-1000000", NULL },
	{ "max_connections_per_address", CONF_NUMBER,   "50",    "1-1000000", NULL },
	END
};

static const struct conf_option smtpgate_listener_options[] = {
	{ "role", CONF_WORD, "mx",   "mx|submission", NULL },
	{ "tls",  CONF_WORD, "starttls", "none|starttls|implicit", NULL },
	{ "auth", CONF_WORD, "auto", "auto|yes|no",   NULL }, /* auto: of role submission */
	{ "proxy_protocol", CONF_BOOL, "false", NULL, NULL },
	END
};

static const struct conf_option network_options[] = {
	{ "note",           CONF_TEXT, "",       NULL,             NULL },
	{ "until",          CONF_TEXT, "",       NULL,             NULL }, /* a date, or "" */
	{ "relay",          CONF_BOOL, "yes",    NULL,             NULL },
	{ "bare_line_ends", CONF_WORD, "refuse", "refuse|rewrite", NULL },
	END
};

static const struct conf_option brownout_options[] = {
	{ "users",    CONF_TEXTS, "{}",     NULL,           NULL }, /* neither these nor groups: all */
	{ "groups",   CONF_TEXTS, "{}",     NULL,           NULL },
	{ "end",      CONF_TEXT,  "",       NULL,           NULL }, /* the last day, or "" */
	{ "schedule", CONF_TEXTS, "{}",     NULL,           NULL },
	{ "zone",     CONF_WORD,  "local",  "local|utc",    NULL },
	{ "reply",    CONF_WORD,  "refuse", "refuse|defer", NULL },
	{ "text",     CONF_TEXT,  "",       NULL,           NULL },
	{ "url",      CONF_TEXT,  "",       NULL,           NULL },
	END
};

static const struct conf_option shadow_options[] = {
	{ "sender_binding", CONF_WORD, "off", "off|enforce", NULL },
	{ "window",         CONF_BOOL, "yes", NULL,          NULL },
	END
};

static const struct conf_option smtpgate_options[] = {
	{ "listener",                    CONF_TITLED,   NULL,    NULL,      smtpgate_listener_options },
	{ "local_domains",               CONF_TEXTS,    "{}",    NULL,      NULL },
	{ "deliver_to",                  CONF_TEXT,     "",      NULL,      NULL },
	{ "relay_to",                    CONF_TEXT,     "",      NULL,      NULL },
	{ "identify",                    CONF_WORD,     "xclient", "xclient|proxy|none", NULL },
	{ "next_hop_tls",                CONF_WORD,     "off",   "off|opportunistic|required", NULL },
	{ "next_hop_tls_ca",             CONF_TEXT,     "",      NULL,      NULL },
	{ "next_hop_auth",               CONF_TEXT,     "",      NULL,      NULL },
	{ "dns_servers",                 CONF_TEXTS,    "{}",    NULL,      NULL },
	{ "networks",                    CONF_NETWORKS, "{}",    NULL,      NULL },
	{ "network",                     CONF_TITLED,   NULL,    NULL,      network_options },
	{ "sender_binding",              CONF_WORD,     "off",   "off|log|enforce", NULL },
	{ "shadow",                      CONF_SECTION,  NULL,    NULL,      shadow_options },
	{ "brownout",                    CONF_TITLED,   NULL,    NULL,      brownout_options },
	{ "max_messages_per_hour",       CONF_NUMBER,   "0",     "0-1000000", NULL }, /* 0: no limit */
	{ "max_recipients_per_hour",     CONF_NUMBER,   "0",     "0-1000000", NULL },
	{ "max_messages_per_hour_per_address", CONF_NUMBER, "0", "0-1000000", NULL },
	{ "max_recipients_per_hour_per_address", CONF_NUMBER, "0", "0-1000000", NULL },
	{ "greeting_delay",              CONF_DURATION, "0",     NULL,      NULL },
	{ "refusal_text",                CONF_TEXT,
		"Relay denied: check your mail first, or use SMTP AUTH", NULL, NULL },
	{ "max_message_size",            CONF_SIZE,     "50M",   NULL,      NULL },
	{ "max_recipients",              CONF_NUMBER,   "100",   "1-100000", NULL },
	{ "idle_timeout",                CONF_DURATION, "5m",    NULL,      NULL },
	{ "next_hop_timeout",            CONF_DURATION, "5m",    NULL,      NULL },
	{ "final_dot_timeout",           CONF_DURATION, "10m",   NULL,      NULL },
	{ "next_hop_reuse",              CONF_DURATION, "2s",    NULL,      NULL }, /* 0: never */
	{ "max_connections",             CONF_NUMBER,   "20000", "1-1000000", NULL },
	{ "max_connections_per_address", CONF_NUMBER,   "50",    "1-1000000", NULL },
	END
};

const struct conf_option conf_schema[] = {
	{ "example",        CONF_BOOL,     "no",                NULL,   NULL },
	{ "hostname",       CONF_TEXT,     "",                  NULL,   NULL }, /* "": the host's own */
	{ "default_domain", CONF_TEXT,     "",                  NULL,   NULL },
	{ "state_dir",      CONF_TEXT,     "/var/lib/popgate",  NULL,   NULL },
	{ "run_dir",        CONF_TEXT,     "/run/popgate",      NULL,   NULL },
	{ "workers",        CONF_NUMBER,   "0",                 "0-64", NULL }, /* 0: one per core */
	{ "drain_timeout",  CONF_DURATION, "30s",               NULL,   NULL },
	{ "sandbox",        CONF_WORD,     "on",                "on|strict|off", NULL },
	{ "mail_roots",     CONF_TEXTS,    "{}",                NULL,   NULL }, /* besides the templates' */
	{ "plaintext_auth", CONF_WORD,     "tls",               "tls|always", NULL },
	{ "proxies",        CONF_NETWORKS, "{}",                NULL,   NULL },
	{ "log",            CONF_SECTION,  NULL,                NULL,   log_options },
	{ "tls",            CONF_SECTION,  NULL,                NULL,   tls_options },
	{ "window",         CONF_SECTION,  NULL,                NULL,   window_options },
	{ "history",        CONF_SECTION,  NULL,                NULL,   history_options },
	{ "users",          CONF_TITLED,   NULL,                NULL,   users_options },
	{ "penalty",        CONF_SECTION,  NULL,                NULL,   penalty_options },
	{ "run_as",         CONF_SECTION,  NULL,                NULL,   run_as_options },
	{ "pop3d",          CONF_SECTION,  NULL,                NULL,   pop3d_options },
	{ "smtpgate",       CONF_SECTION,  NULL,                NULL,   smtpgate_options },
	END
};
