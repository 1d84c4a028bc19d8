/* hopsettings.c - see hopsettings.h. */
#include "smtpgate/hopsettings.h"

#include "common/conf/mailbox.h"

static bool is_host(struct str s)
{
	bool letters = false;

	for (size_t i = 0; i < s.n; i++) {
		if (!ascii_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '.' && s.p[i] != '_')
			return false;
		letters |= ascii_alnum(s.p[i]) && !ascii_digit(s.p[i]);
	}
	return letters && s.n <= HOP_HOST_MAX && s.p[0] != '.' && s.p[0] != '-';
}

/* "host:port", where host may be an address. */
static bool read_place(struct hop *h, struct str place)
{
	struct str host, port;
	uint64_t number;

	if (endpoint_parse(place, &h->endpoint))
		return true;
	if (!str_split(place, ':', &host, &port) || !is_host(host) ||
		!str_to_u64(port, 65535, &number) || number == 0)
		return false;
	h->endpoint.port = (uint16_t)number;
	return str_to_cstr(host, h->host, sizeof(h->host));
}

static const char *read_network(struct hop *h, enum hop_kind kind, struct str place)
{
	h->kind = kind;
	if (kind == HOP_LMTP && str_starts_nocase(place, STR("unix:"))) {
		h->path = place.p + 5; /* the text ends in NUL */
		if (place.n - 5 > HOP_SOCKET_MAX)
			return "the path of a unix socket may have 107 octets";
		return h->path[0] == '/' ? NULL : "the path of a unix socket begins with /";
	}
	if (read_place(h, place))
		return NULL;
	return kind == HOP_SMTP ? "smtp:host:port is wanted, like smtp:127.0.0.1:10025"
				: "lmtp:host:port or lmtp:unix:/path is wanted";
}

static const char *read_text(struct hop *h)
{
	struct str text = h->text;

	if (str_starts_nocase(text, STR("maildir:"))) {
		h->kind = HOP_MAILDIR;
		h->mailbox = text;
		return mailbox_fault(text);
	}
	if (str_starts_nocase(text, STR("smtp:")))
		return read_network(h, HOP_SMTP, str_from(text, 5));
	if (str_starts_nocase(text, STR("lmtp:")))
		return read_network(h, HOP_LMTP, str_from(text, 5));
	return "smtp:host:port, lmtp:host:port, lmtp:unix:/path or maildir:/path is wanted";
}

void hop_read(struct hop *out, struct conf_section s, const char *name, struct buf *complaints)
{
	const char *fault;

	*out = (struct hop){ .text = conf_text(s, name) };
	if (out->text.n == 0)
		return;
	fault = read_text(out);
	if (fault != NULL)
		conf_complain(s, name, complaints, "%s: %s", name, fault);
}

bool hop_is_near(const struct hop *h)
{
	return h->kind == HOP_NONE || h->kind == HOP_MAILDIR || h->path != NULL ||
		(h->host[0] == '\0' && addr_is_loopback(h->endpoint.addr));
}

bool hops_split(const struct hop *a, const struct hop *b)
{
	if (!hop_is_network(a) || !hop_is_network(b))
		return false;
	if (a->kind != b->kind || (a->path == NULL) != (b->path == NULL))
		return true;
	if (a->path != NULL)
		return strcmp(a->path, b->path) != 0;
	return a->endpoint.port != b->endpoint.port ||
		!addr_eq(a->endpoint.addr, b->endpoint.addr) ||
		!str_eq_nocase(str_of(a->host), str_of(b->host));
}

/* --- how they are spoken to --- */

static void check_servers(struct conf_section s, struct buf *complaints)
{
	struct endpoint server;

	for (size_t i = 0; i < conf_count(s, "dns_servers"); i++)
		if (!endpoint_parse(conf_nth(s, "dns_servers", i), &server))
			conf_complain(s, "dns_servers", complaints,
				"dns_servers: address:port is wanted, like 192.0.2.1:53");
}

static void check_auth(const struct hop_manners *m, struct conf_section s,
	const struct hop *deliver_to, const struct hop *relay_to, struct buf *complaints)
{
	if (m->auth_path[0] == '\0')
		return;
	if (m->auth_path[0] != '/')
		conf_complain(s, "next_hop_auth", complaints,
			"next_hop_auth: the path of a file is wanted");
	if (m->identify == HOP_XCLIENT)
		conf_complain(s, "next_hop_auth", complaints,
			"next_hop_auth: with identify = \"xclient\" the next hop would see two "
			"logins");
	if (m->tls == HOP_TLS_OFF && !(hop_is_near(deliver_to) && hop_is_near(relay_to)))
		conf_complain(s, "next_hop_auth", complaints,
			"next_hop_auth: to another host it needs next_hop_tls");
}

void hop_manners_read(struct hop_manners *out, struct conf_section s, const struct hop *deliver_to,
	const struct hop *relay_to, struct buf *complaints)
{
	*out = (struct hop_manners){
		.identify = (enum hop_identify)conf_word(s, "identify"),
		.tls = (enum hop_tls)conf_word(s, "next_hop_tls"),
		.tls_ca = conf_cstr(s, "next_hop_tls_ca"),
		.auth_path = conf_cstr(s, "next_hop_auth"),
		.section = s,
	};
	if (out->tls_ca[0] != '\0' && out->tls_ca[0] != '/')
		conf_complain(s, "next_hop_tls_ca", complaints,
			"next_hop_tls_ca: the path of a file is wanted");
	check_servers(s, complaints);
	check_auth(out, s, deliver_to, relay_to, complaints);
}
