/* listeners.c - titles into endpoints. */
#include "common/conf/listeners.h"

#include "common/conf/tls.h"

static bool taken(const struct listeners *l, struct endpoint e)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->at[i].port == e.port && addr_eq(l->at[i].addr, e.addr))
			return true;
	return false;
}

/* STARTTLS by default is no more than an offer, so without a certificate it is none. */
static enum listener_tls read_tls(struct conf_section s, struct buf *complaints)
{
	enum listener_tls tls = (enum listener_tls)conf_word(s, "tls");

	if (tls_configured(s.conf) || tls == LISTENER_CLEAR)
		return tls;
	if (conf_line(s, "tls") > 0)
		conf_complain(s, "tls", complaints,
			"listener \"%.100s\": tls = \"%s\" needs a certificate in section tls",
			conf_title(s).p, conf_cstr(s, "tls"));
	return LISTENER_CLEAR;
}

static void read_title(struct listeners *l, struct conf_section s, struct buf *complaints)
{
	struct str title = conf_title(s);
	struct endpoint e;

	if (!endpoint_parse(title, &e))
		conf_complain(s, NULL, complaints,
			"listener \"%.100s\": an address and port is wanted, like 0.0.0.0:110 or "
			"[::]:110",
			title.p);
	else if (taken(l, e))
		conf_complain(s, NULL, complaints, "listener \"%.100s\" stands twice", title.p);
	else if (l->n == LISTENERS_MAX)
		conf_complain(s, NULL, complaints, "more than %d listeners", LISTENERS_MAX);
	else
		l->at[l->n++] = e;
}

static void read_one(struct listeners *l, struct conf_section s, struct buf *complaints)
{
	size_t before = l->n;
	enum listener_tls tls = read_tls(s, complaints);

	if (conf_bool(s, "proxy_protocol") && conf_count(conf_root(s.conf), "proxies") == 0)
		conf_complain(s, "proxy_protocol", complaints,
			"listener \"%.100s\": proxy_protocol, but proxies names nobody who may "
			"speak it",
			conf_title(s).p);
	read_title(l, s, complaints);
	if (l->n == before)
		return;
	l->tls[before] = tls;
	l->balanced[before] = conf_bool(s, "proxy_protocol");
}

bool listener_is_balanced(struct conf *c, const char *daemon, size_t i)
{
	return conf_bool(conf_section(conf_section(conf_root(c), daemon, 0), "listener", i),
		"proxy_protocol");
}

enum err listeners_read(
	struct listeners *out, struct conf *c, const char *daemon, struct buf *complaints)
{
	struct conf_section d = conf_section(conf_root(c), daemon, 0);
	size_t before = complaints->len;
	struct listeners l = { 0 };

	for (size_t i = 0; i < conf_sections(d, "listener"); i++)
		read_one(&l, conf_section(d, "listener", i), complaints);
	if (conf_sections(d, "listener") == 0)
		conf_complain(d, NULL, complaints, "%s: it has no listener", daemon);
	if (complaints->len != before)
		return ERR_SYNTAX;
	*out = l;
	return ERR_NONE;
}
