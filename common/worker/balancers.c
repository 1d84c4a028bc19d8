/* balancers.c - see balancers.h. */
#include "common/worker/balancers.h"

#include "common/base/log.h"

static bool trusted(void *ctx, struct addr peer)
{
	const struct balancers *b = ctx;

	return site_is_proxy(&b->kit->site, peer);
}

/* One that comes and goes without a word is a check of the port: every few seconds, and nobody's fault. */
static void refused(void *ctx, struct endpoint peer, const char *why)
{
	const struct balancers *b = ctx;
	bool silent = strcmp(why, "gone") == 0 || strcmp(why, "shutdown") == 0;
	struct log_line l;

	if (!silent)
		counters_add(b->kit->counters, b->refused, 1);
	log_begin(&l, silent ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "proxy.refused");
	log_addr(&l, "addr", peer.addr);
	log_int(&l, "port", peer.port);
	log_text(&l, "reason", why);
	log_end_folded(&l);
}

void balancers_init(struct balancers *b, struct kit *kit, const char *daemon, unsigned counter)
{
	*b = (struct balancers){ kit, daemon, counter, { trusted, refused, b } };
}

enum err balancers_listen(struct balancers *b, struct loop *l, const struct kit_listener *at,
	conn_accepted *accepted, void *owner)
{
	return conn_listen_balanced(l, at->fd, accepted,
		listener_is_balanced(b->kit->conf, b->daemon, at->listener) ? &b->hooks : NULL,
		owner);
}
