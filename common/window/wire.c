/* wire.c - see wire.h. Both ends are programs of one host and one version; a mismatch during an upgrade
 * is refused by the version octet and asked again later. */
#include "common/window/wire.h"

#include "common/base/bytes.h"

#define WIRE_VERSION 2
#define ANSWER_MARK 0x80 /* so that no answer is ever read as a request */

static void put_grant(struct writer *w, const struct grant *g)
{
	put_octets(w, g->addr.b, sizeof(g->addr.b));
	put_number(w, g->port, 2);
	put_number(w, g->source.tls, 1);
	put_number(w, (uint64_t)g->login_ms, 8);
	put_number(w, (uint64_t)g->lifetime_ms, 8);
	put_short(w, str_of(g->source.service));
	put_short(w, str_of(g->source.mechanism));
	put_short(w, str_of(g->sid));
	put_short(w, subscriber_str(&g->who));
	put_octets(w, g->account.b, sizeof(g->account.b));
}

static void get_name(struct reader *r, struct subscriber *who)
{
	struct subscriber read, folded;

	get_short(r, read.name, sizeof(read.name));
	read.n = (uint8_t)strlen(read.name);
	if (read.n > 0 &&
		(!subscriber_fold(subscriber_str(&read), STR(""), &folded) ||
			!subscriber_eq(&read, &folded)))
		r->bad = true;
	*who = read;
}

static void get_grant(struct reader *r, struct grant *g)
{
	get_octets(r, g->addr.b, sizeof(g->addr.b));
	g->port = (uint16_t)get_number(r, 2);
	g->source.tls = get_number(r, 1) != 0;
	g->login_ms = (int64_t)get_number(r, 8);
	g->lifetime_ms = (int64_t)get_number(r, 8);
	get_short(r, g->source.service, sizeof(g->source.service));
	get_short(r, g->source.mechanism, sizeof(g->source.mechanism));
	get_short(r, g->sid, sizeof(g->sid));
	get_name(r, &g->who);
	get_octets(r, g->account.b, sizeof(g->account.b));
	if (g->who.n == 0 || g->login_ms < 0 || g->lifetime_ms < 0 ||
		g->lifetime_ms > GRANT_LIFETIME_MAX_MS)
		r->bad = true;
}

static void put_revocation(struct writer *w, const struct revocation *v)
{
	put_number(w, v->scope, 1);
	put_octets(w, v->addr.b, sizeof(v->addr.b));
	put_short(w, subscriber_str(&v->who));
}

static void put_failure(struct writer *w, const struct failure *f)
{
	put_octets(w, f->addr.b, sizeof(f->addr.b));
	put_number(w, f->secret, 8);
	put_short(w, subscriber_str(&f->who));
}

static void get_failure(struct reader *r, struct failure *f)
{
	get_octets(r, f->addr.b, sizeof(f->addr.b));
	f->secret = get_number(r, 8);
	get_name(r, &f->who);
}

static void put_use(struct writer *w, const struct use *u)
{
	put_octets(w, u->addr.b, sizeof(u->addr.b));
	put_number(w, u->messages, 4);
	put_number(w, u->recipients, 4);
	put_number(w, u->login, 1);
	put_number(w, u->by, 1);
	put_number(w, u->tls, 1);
	put_number(w, u->port, 2);
	put_number(w, u->listener, 2);
	put_short(w, str_of(u->mechanism));
	put_short(w, str_of(u->sid));
	put_short(w, str_of(u->helo));
	put_short(w, subscriber_str(&u->who));
}

static void get_use(struct reader *r, struct use *u)
{
	uint64_t login, by, tls;

	get_octets(r, u->addr.b, sizeof(u->addr.b));
	u->messages = (uint32_t)get_number(r, 4);
	u->recipients = (uint32_t)get_number(r, 4);
	login = get_number(r, 1);
	by = get_number(r, 1);
	tls = get_number(r, 1);
	u->port = (uint16_t)get_number(r, 2);
	u->listener = (uint16_t)get_number(r, 2);
	get_short(r, u->mechanism, sizeof(u->mechanism));
	get_short(r, u->sid, sizeof(u->sid));
	get_short(r, u->helo, sizeof(u->helo));
	get_name(r, &u->who);
	u->login = login == 1;
	u->tls = tls == 1;
	u->by = (enum use_proof)by;
	if (login > 1 || tls > 1 || by > USE_BY_AUTH || u->messages > RATE_COUNT_MAX ||
		u->recipients > RATE_COUNT_MAX)
		r->bad = true;
	if ((u->login || by != USE_BY_NOTHING) && u->who.n == 0)
		r->bad = true;
}

static void put_question(struct writer *w, const struct history_question *q)
{
	put_octets(w, q->addr.b, sizeof(q->addr.b));
	put_number(w, (uint64_t)q->from_ms, 8);
	put_number(w, (uint64_t)q->to_ms, 8);
	put_number(w, q->days, 2);
	put_number(w, q->all, 1);
}

static void get_question(struct reader *r, struct history_question *q)
{
	uint64_t all;

	get_octets(r, q->addr.b, sizeof(q->addr.b));
	q->from_ms = (int64_t)get_number(r, 8);
	q->to_ms = (int64_t)get_number(r, 8);
	q->days = (uint16_t)get_number(r, 2);
	all = get_number(r, 1);
	q->all = all == 1;
	if (q->from_ms < 0 || q->to_ms < q->from_ms || q->days > HISTORY_DAYS_MAX || all > 1)
		r->bad = true;
}

size_t wire_put_request(const struct request *r, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = WIRE_MAX };

	put_number(&w, WIRE_VERSION, 1);
	put_number(&w, r->kind, 1);
	put_number(&w, r->ticket, 8);
	if (r->kind == WIRE_GRANT)
		put_grant(&w, &r->grant);
	if (r->kind == WIRE_LOST)
		put_number(&w, (uint64_t)r->grant.login_ms, 8);
	if (r->kind == WIRE_REVOKE)
		put_revocation(&w, &r->revocation);
	if (r->kind == WIRE_FAILURE)
		put_failure(&w, &r->failure);
	if (r->kind == WIRE_USE)
		put_use(&w, &r->use);
	if (r->kind == WIRE_WHO || r->kind == WIRE_REPORT)
		put_question(&w, &r->question);
	return w.n;
}

static void get_revocation(struct reader *r, struct revocation *v)
{
	uint64_t scope = get_number(r, 1);

	get_octets(r, v->addr.b, sizeof(v->addr.b));
	get_name(r, &v->who);
	v->scope = (enum scope)scope;
	if (scope > SCOPE_KEY_SUBSCRIBER ||
		(v->who.n > 0) != (scope == SCOPE_SUBSCRIBER || scope == SCOPE_KEY_SUBSCRIBER))
		r->bad = true;
}

bool wire_get_request(struct str packet, struct request *out)
{
	struct reader in = { (const uint8_t *)packet.p, packet.n, false };
	struct request r = { 0 };

	if (get_number(&in, 1) != WIRE_VERSION)
		return false;
	r.kind = (enum wire_kind)get_number(&in, 1);
	r.ticket = get_number(&in, 8);
	switch (r.kind) {
	case WIRE_GRANT: get_grant(&in, &r.grant); break;
	case WIRE_REVOKE: get_revocation(&in, &r.revocation); break;
	case WIRE_LOST: r.grant.login_ms = (int64_t)get_number(&in, 8); break;
	case WIRE_FAILURE: get_failure(&in, &r.failure); break;
	case WIRE_USE: get_use(&in, &r.use); break;
	case WIRE_WHO:
	case WIRE_REPORT: get_question(&in, &r.question); break;
	case WIRE_WATCH: break;
	default: return false;
	}
	if (in.bad || in.n > 0 || r.grant.login_ms < 0)
		return false;
	*out = r;
	return true;
}

size_t wire_put_answer(const struct answer *a, uint8_t *dst)
{
	struct writer w = { .p = dst, .max = WIRE_MAX };

	put_number(&w, WIRE_VERSION, 1);
	put_number(&w, ANSWER_MARK, 1);
	put_number(&w, a->ticket, 8);
	put_number(&w, a->result, 1);
	put_number(&w, (a->never ? 1U : 0U) | (a->renewed ? 2U : 0U), 1);
	put_number(&w, (uint64_t)a->stamp_ms, 8);
	put_number(&w, (uint64_t)a->until_ms, 8);
	return w.n;
}

bool wire_get_answer(struct str packet, struct answer *out)
{
	struct reader in = { (const uint8_t *)packet.p, packet.n, false };
	struct answer a = { 0 };
	uint64_t flags, result;

	if (get_number(&in, 1) != WIRE_VERSION || get_number(&in, 1) != ANSWER_MARK)
		return false;
	a.ticket = get_number(&in, 8);
	result = get_number(&in, 1);
	flags = get_number(&in, 1);
	a.stamp_ms = (int64_t)get_number(&in, 8);
	a.until_ms = (int64_t)get_number(&in, 8);
	if (in.bad || in.n > 0 || result > ERR_QUOTA || flags > 3)
		return false;
	a.result = (enum err)result;
	a.never = (flags & 1) != 0;
	a.renewed = (flags & 2) != 0;
	*out = a;
	return true;
}
