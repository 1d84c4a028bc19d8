/* caller.c - see caller.h. */
#include "common/worker/caller.h"

#include <assert.h>

static bool balancer_tls(const struct conn *c)
{
	const struct proxyhdr_facts *p = conn_proxied(c);

	return p != NULL && p->tls;
}

bool caller_is_known(const struct conn *c)
{
	const struct proxyhdr_facts *p = conn_proxied(c);

	return p == NULL || p->of == PROXIED_CLIENT;
}

const char *caller_way(const struct conn *c)
{
	const struct proxyhdr_facts *p = conn_proxied(c);

	if (p == NULL)
		return "direct";
	if (p->of == PROXIED_CLIENT)
		return "proxy";
	return p->of == PROXIED_LOCAL ? "local" : "unknown";
}

bool caller_tls(const struct conn *c)
{
	return conn_tls(c) != NULL || balancer_tls(c);
}

bool caller_is_secure(const struct conn *c, const struct site *site)
{
	return caller_tls(c) || site->plaintext_always ||
		(caller_is_known(c) && addr_is_loopback(conn_peer(c).addr));
}

static_assert(USERS_BINDING == TLS_EXPORTER, "the one is the other");

static bool on_binding(void *conn, uint8_t *dst)
{
	return conn_tls_exporter(conn, dst);
}

/* The TLS that a balancer has with us instead is not the one that the client would prove. */
users_binding *caller_binding(const struct conn *c)
{
	const struct tls_facts *tls = conn_tls(c);

	return tls != NULL && tls->has_exporter && !balancer_tls(c) ? on_binding : NULL;
}

static void log_name(struct log_line *l, const char *key, const char *name)
{
	if (name[0] != '\0')
		log_text(l, key, name);
}

void caller_log_tls(struct log_line *l, const struct conn *c)
{
	const struct tls_facts *tls = conn_tls(c);

	log_bool(l, "tls", caller_tls(c));
	if (balancer_tls(c)) {
		log_text(l, "tls_by", "proxy");
		log_name(l, "tls_version", conn_proxied(c)->tls_version);
		log_name(l, "cipher", conn_proxied(c)->tls_cipher);
	} else if (tls != NULL) {
		log_text(l, "tls_version", tls->version);
		log_text(l, "cipher", tls->cipher);
	}
}

void caller_log_unknown(struct log_line *l, const struct conn *c)
{
	if (!caller_is_known(c))
		log_text(l, "proxied", caller_way(c));
}
