/* tell.c - see tell.h. */
#include "common/store/tell.h"

static void of_grant(const struct pending *p, struct notice *e)
{
	const struct grant *g = &p->request.grant;

	e->kind = p->answer.never ? NOTICE_NEVER : p->answer.renewed ? NOTICE_RENEW : NOTICE_GRANT;
	e->addr = g->addr;
	e->port = g->port;
	e->who = g->who;
	e->source = g->source;
	e->until_ms = p->answer.until_ms;
}

bool tell_notice(const struct pending *p, int64_t now_ms, struct notice *out)
{
	*out = (struct notice){ .stamp_ms = p->answer.stamp_ms > 0 ? p->answer.stamp_ms : now_ms };
	if (p->answer.result != ERR_NONE)
		return false;
	switch (p->request.kind) {
	case WIRE_GRANT: of_grant(p, out); return true;
	case WIRE_REVOKE:
		out->kind = NOTICE_REVOKE;
		out->scope = p->request.revocation.scope;
		out->addr = p->request.revocation.addr;
		out->who = p->request.revocation.who;
		return true;
	case WIRE_FAILURE:
		out->kind = NOTICE_FAILURE;
		out->addr = p->request.failure.addr;
		out->who = p->request.failure.who;
		return true;
	default: return false;
	}
}
