/* caller.h - what is known of a client, whether it came by itself or through a balancer that speaks for
 * it: its TLS may be with us or with the balancer. */
#ifndef POPGATE_CALLER_H
#define POPGATE_CALLER_H

#include "common/base/log.h"
#include "common/conf/site.h"
#include "common/net/conn.h"
#include "common/users/users.h"

/* Is conn_peer() the client's address? It is not where the balancer came for itself, or could not say: such
 * a client is served, but no address proves anything of it, and none is recorded. */
bool caller_is_known(const struct conn *c);

/* How its address is known: "direct", "proxy"; "local", "unknown": it is not. */
const char *caller_way(const struct conn *c);

/* Does it speak TLS? */
bool caller_tls(const struct conn *c);

/* May passwords come as they are: under TLS, from this host, or as the operator said? */
bool caller_is_secure(const struct conn *c, const struct site *site);

/* How to ask c for the tls-exporter (RFC 9266) of the client's own TLS; NULL without it, and where TLS ends at the
 * balancer. */
users_binding *caller_binding(const struct conn *c);

/* tls=, and of which kind; proxied= where the client is not known. */
void caller_log_tls(struct log_line *l, const struct conn *c);
void caller_log_unknown(struct log_line *l, const struct conn *c);

#endif
