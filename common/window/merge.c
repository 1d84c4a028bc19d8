/* merge.c - see merge.h. */
#include "common/window/merge.h"

bool merge_revoked(const struct record *r, const struct not_before *nb)
{
	for (int scope = 0; scope < 4; scope++)
		if (nb->ms[scope] != 0 && r->login_ms <= nb->ms[scope])
			return true;
	return false;
}

bool merge_later(const struct record *a, const struct record *b)
{
	return a->login_ms != b->login_ms ? a->login_ms > b->login_ms : a->until_ms > b->until_ms;
}

/* Equal in time: by where they were written, so that every host decides alike. */
static bool stands(const struct record *a, const struct record *b)
{
	if (a->login_ms != b->login_ms || a->until_ms != b->until_ms)
		return merge_later(a, b);
	if (a->origin != b->origin)
		return a->origin > b->origin;
	return a->sequence > b->sequence;
}

struct record merge_grants(const struct record *a, const struct record *b)
{
	struct record r = stands(a, b) ? *a : *b;
	uint64_t logins = (uint64_t)a->logins + b->logins;

	r.logins = logins > UINT32_MAX ? UINT32_MAX : (uint32_t)logins;
	return r;
}
