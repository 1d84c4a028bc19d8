/* grants.c - what becomes of a grant: refused, coalesced or written; and when it freezes its address. */
#include "common/store/work.h"

static struct record record_of(const struct work *w, const struct grant *g)
{
	return (struct record){ .kind = RECORD_GRANT,
		.key = work_key(w, g->addr),
		.who = g->who,
		.source = g->source,
		.port = g->port,
		.logins = 1,
		.account = g->account };
}

static int64_t whole_ms(const struct store *s)
{
	return s->site->window.lifetime_ms + s->site->window.slack_ms;
}

/* Enough is left of the entry that is there, so that the promise holds without another record. */
static bool suffices(const struct store *s, const struct record *old, int64_t now_ms)
{
	return old->until_ms - now_ms >= s->site->window.lifetime_ms;
}

/* --- frozen addresses --- */

static void log_frozen(const struct grant *g, const struct sharing_rule *rule, size_t holders)
{
	char network[ADDR_TEXT];
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "window.frozen");
	log_addr(&l, "addr", g->addr);
	log_str(&l, "user", subscriber_str(&g->who));
	log_int(&l, "holders", (int64_t)holders);
	log_int(&l, "frozen_after", rule->frozen_after);
	if (!rule->general)
		log_text(&l, "network", network_format(rule->network, network));
	if (rule->note[0] != '\0')
		log_text(&l, "note", rule->note);
	log_end(&l);
}

/* Another subscriber holds the key now: one too many? Counting stops at the first that is. */
static enum err look_for_freeze(struct work *w, const struct grant *g, const struct record *r)
{
	struct store *s = w->store;
	const struct sharing_rule *rule = sharing_of(&s->site->sharing, g->addr);
	size_t n, max = (size_t)rule->frozen_after + 1;
	enum err e;

	if (rule->frozen_after == 0 || freeze_known(&s->freeze, r->key, r->login_ms))
		return ERR_NONE;
	e = table_holders(s->view, &r->key, r->login_ms, max, &n);
	if (e == ERR_NONE && n == max) {
		freeze_note(&s->freeze, r->key, r->login_ms);
		log_frozen(g, rule, n);
	}
	return e;
}

/* --- logins, and what is given --- */

static enum err restore_credit(struct work *w, const struct record *r)
{
	bool had;
	enum err e = table_restore_credit(w->store->view, &r->key, &r->who, &had);

	w->noted = w->noted || (e == ERR_NONE && had);
	return e;
}

static enum err take_login(struct work *w, const struct grant *g, struct answer *a)
{
	struct store *s = w->store;
	struct record r = record_of(w, g), old;
	bool found;
	enum err e;

	r.login_ms = work_stamp(s);
	r.until_ms = r.login_ms + (g->lifetime_ms > 0 ? g->lifetime_ms : whole_ms(s));
	w->failed = "view";
	e = table_find(s->view, &r.key, &r.who, r.login_ms, &found, &old);
	if (e == ERR_NONE)
		e = restore_credit(w, &r);
	a->stamp_ms = r.login_ms;
	a->until_ms = r.until_ms;
	a->renewed = e == ERR_NONE && found && g->lifetime_ms == 0 &&
		suffices(s, &old, r.login_ms) && fingerprint_eq(&old.account, &r.account);
	if (a->renewed) {
		a->until_ms = old.until_ms;
		s->coalesced++;
		return e;
	}
	if (e == ERR_NONE)
		e = work_write(w, &r);
	return e == ERR_NONE && !found ? look_for_freeze(w, g, &r) : e;
}

/* --- renewals --- */

/* Of a session that goes on: the login stays when it was, so that no revocation is undone. Where the
 * subscriber has logged in again since, that login is held open instead. until_ms is 0 for what no longer
 * counts. */
static enum err take_renewal(struct work *w, const struct grant *g, struct answer *a)
{
	struct store *s = w->store;
	struct record r = record_of(w, g), old;
	int64_t now = work_present(s);
	bool found, covered;
	enum err e;

	w->failed = "view";
	r.logins = 0;
	r.login_ms = g->login_ms < now ? g->login_ms : now;
	e = table_covered(s->view, &r, &covered);
	if (e == ERR_NONE && !covered)
		e = table_find(s->view, &r.key, &r.who, now, &found, &old);
	if (e != ERR_NONE || covered)
		return e;
	if (found && fingerprints_differ(&old.account, &r.account))
		return ERR_NONE;
	a->renewed = found && suffices(s, &old, now);
	if (found && old.login_ms > r.login_ms) {
		r = old;
		r.logins = 0;
	}
	r.until_ms = a->renewed ? old.until_ms : now + whole_ms(s);
	a->stamp_ms = r.login_ms;
	a->until_ms = r.until_ms;
	return a->renewed ? ERR_NONE : work_write(w, &r);
}

enum err grants_take(struct work *w, const struct grant *g, struct pending *p)
{
	struct answer *a = &p->answer;

	a->never = never_holds(
		w->store->never, g->addr, work_present(w->store), p->never, &p->never_hits);
	if (a->never)
		return ERR_NONE;
	return g->login_ms > 0 ? take_renewal(w, g, a) : take_login(w, g, a);
}

void grants_log(const struct pending *p)
{
	const struct grant *g = &p->request.grant;
	const struct answer *a = &p->answer;
	bool quiet = a->renewed || g->login_ms > 0;
	struct log_line l;

	log_begin(&l, quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
		quiet              ? "window.renew"
			: a->never ? "window.never"
				   : "window.grant");
	log_addr(&l, "addr", g->addr);
	log_int(&l, "port", g->port);
	log_str(&l, "user", subscriber_str(&g->who));
	log_text(&l, "service", g->source.service);
	log_text(&l, "mechanism", g->source.mechanism);
	log_bool(&l, "tls", g->source.tls);
	if (a->never) {
		log_text(&l, "network", p->never);
		log_int(&l, "hits", (int64_t)p->never_hits);
	} else {
		log_time(&l, "until", a->until_ms);
	}
	log_end(&l);
}
