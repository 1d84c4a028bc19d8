/* notice.c - see notice.h. */
#include "common/window/notice.h"

#include "common/base/bytes.h"

#define VERSION 1
#define MARK 0x81 /* so that no event is ever read as an answer or a request */

size_t notice_encode(const struct notice *e, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = NOTICE_MAX };

	put_number(&w, VERSION, 1);
	put_number(&w, MARK, 1);
	put_number(&w, e->kind, 1);
	put_number(&w, (uint64_t)e->stamp_ms, 8);
	put_number(&w, (uint64_t)e->until_ms, 8);
	put_octets(&w, e->addr.b, sizeof(e->addr.b));
	put_number(&w, e->port, 2);
	put_number(&w, e->scope, 1);
	put_number(&w, e->count, 4);
	put_number(&w, e->source.tls, 1);
	put_short(&w, str_of(e->source.service));
	put_short(&w, str_of(e->source.mechanism));
	put_short(&w, subscriber_str(&e->who));
	return w.n;
}

/* Empty, or folded as all names are. */
static bool get_who(struct reader *r, struct subscriber *who)
{
	struct subscriber read = { 0 }, folded;

	get_short(r, read.name, sizeof(read.name));
	read.n = (uint8_t)strlen(read.name);
	*who = read;
	return read.n == 0 ||
		(subscriber_fold(subscriber_str(&read), STR(""), &folded) &&
			subscriber_eq(&read, &folded));
}

bool notice_decode(struct str packet, struct notice *out)
{
	struct reader in = { (const uint8_t *)packet.p, packet.n, false };
	struct notice e = { 0 };
	uint64_t kind, scope, tls;

	if (get_number(&in, 1) != VERSION || get_number(&in, 1) != MARK)
		return false;
	kind = get_number(&in, 1);
	e.stamp_ms = (int64_t)get_number(&in, 8);
	e.until_ms = (int64_t)get_number(&in, 8);
	get_octets(&in, e.addr.b, sizeof(e.addr.b));
	e.port = (uint16_t)get_number(&in, 2);
	scope = get_number(&in, 1);
	e.count = (uint32_t)get_number(&in, 4);
	tls = get_number(&in, 1);
	get_short(&in, e.source.service, sizeof(e.source.service));
	get_short(&in, e.source.mechanism, sizeof(e.source.mechanism));
	if (!get_who(&in, &e.who) || in.bad || in.n > 0 || kind > NOTICE_MISSED ||
		scope > SCOPE_KEY_SUBSCRIBER || tls > 1 || e.stamp_ms < 0 || e.until_ms < 0)
		return false;
	e.kind = (enum notice_kind)kind;
	e.scope = (enum scope)scope;
	e.source.tls = tls == 1;
	*out = e;
	return true;
}
