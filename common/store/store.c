/* store.c - see store.h. First the log, then the view: readers never see what is not durable. */
#include "common/store/work.h"

#include "common/base/clock.h"
#include "common/daemon/heartbeat.h"
#include "common/daemon/ready.h"

#define AHEAD_MAX_MS 2000 /* a stamp further ahead of the clock than this is clamped */
#define PURGE_AFTER_MS 600000 /* how long an ended entry stays for popgate window list --all */
#define PURGE_MIN 2000 /* rows looked at a second, at least and at most */
#define PURGE_MAX 20000

/* --- time --- */

/* Stamps only grow, and none is far ahead of the clock: a clock that went back by more is followed. */
int64_t work_present(struct store *s)
{
	int64_t clock = clock_ms();

	if (s->stamp_ms > clock + AHEAD_MAX_MS) {
		if (clock - s->complained_ms > 60000 || clock < s->complained_ms) {
			log_say(LOG_LEVEL_ERROR, "store.clock", "the clock went back by %lld ms",
				(long long)(s->stamp_ms - clock));
			s->complained_ms = clock;
		}
		s->stamp_ms = clock + AHEAD_MAX_MS;
	}
	return clock > s->stamp_ms ? clock : s->stamp_ms;
}

int64_t work_stamp(struct store *s)
{
	int64_t now = work_present(s);

	if (now == s->stamp_ms && s->stamp_revoked)
		now++;
	if (now > s->stamp_ms)
		s->stamp_revoked = false;
	s->stamp_ms = now;
	return now;
}

static int64_t stamp_revocation(struct store *s)
{
	s->stamp_ms = work_present(s);
	s->stamp_revoked = true;
	return s->stamp_ms;
}

/* --- failure --- */

/* A peer's word for when it was is not believed beyond the present: no mistake of its clock makes every
 * no uncertain for days. */
static void note_lost(struct store *s, int64_t login_ms)
{
	int64_t now = clock_ms();
	int64_t until = (login_ms < now ? login_ms : now) + s->site->window.lifetime_ms +
		s->site->window.slack_ms;

	if (until > s->lost_ms)
		s->lost_ms = until;
	s->lost++;
}

/* One loud line for a cause, not one for each login. */
static void log_failure(struct store *s, const char *what, enum err e)
{
	struct log_line l;

	if (s->failures++ % 100 != 0)
		return;
	log_begin(&l, LOG_LEVEL_ERROR, "store.failed");
	log_text(&l, "what", what);
	log_err(&l, e);
	log_int(&l, "failures", s->failures);
	log_end(&l);
}

static void log_healed(struct store *s)
{
	if (s->failures > 0)
		log_say(LOG_LEVEL_WARN, "store.healed", "writing again after %u failures",
			s->failures);
	s->failures = 0;
}

/* What the view alone knows is kept for the next one. */
void work_close(struct store *s)
{
	if (s->view != NULL && table_meta(s->view)->lost_ms > s->lost_ms)
		s->lost_ms = table_meta(s->view)->lost_ms;
	durable_close(&s->log);
	table_close(&s->view);
}

/* A view with damage in it is filled anew from the log, whatever else may be found in it; a log is looked
 * through. */
static void give_up(struct store *s, const char *what, enum err e)
{
	log_failure(s, what, e);
	if (e == ERR_DAMAGED && strcmp(what, "view") == 0)
		s->condemned = true;
	s->verified = s->verified && e != ERR_DAMAGED;
	work_close(s);
}

enum err store_reopen(struct store *s)
{
	work_close(s);
	s->retry_ms = clock_steady_ms() + WORK_RETRY_MS;
	return store_load(s);
}

static bool usable(struct store *s)
{
	enum err e;

	if (s->log != NULL && s->view != NULL)
		return true;
	if (clock_steady_ms() < s->retry_ms)
		return false;
	e = store_reopen(s);
	if (e != ERR_NONE)
		log_failure(s, "open", e);
	return e == ERR_NONE;
}

/* --- a batch --- */

enum err work_write(struct work *w, struct record *r)
{
	enum err e = ERR_NONE;

	w->failed = "log";
	if (!w->writing)
		e = durable_begin(w->store->log);
	w->writing = w->writing || e == ERR_NONE;
	if (e == ERR_NONE)
		e = durable_append(w->store->log, r);
	if (e != ERR_NONE)
		return e;
	w->failed = "view";
	w->written++;
	return table_apply(w->store->view, r);
}

static enum err take_revocation(struct work *w, const struct revocation *v, struct answer *a)
{
	struct record r = { .kind = RECORD_REVOCATION, .scope = v->scope, .who = v->who };

	if (v->scope == SCOPE_KEY || v->scope == SCOPE_KEY_SUBSCRIBER)
		r.key = work_key(w, v->addr);
	r.login_ms = stamp_revocation(w->store);
	a->stamp_ms = r.login_ms;
	return work_write(w, &r);
}

static enum err take_failure(struct work *w, const struct failure *f)
{
	w->noted = true;
	return table_failure(w->store->view, f, &w->store->site->penalty, work_present(w->store));
}

static enum err take_use(struct work *w, const struct use *u)
{
	w->noted = true;
	return table_use(w->store->view, u, work_present(w->store));
}

static enum err take(struct work *w, struct pending *p)
{
	p->answer = (struct answer){ .ticket = p->request.ticket };
	switch (p->request.kind) {
	case WIRE_GRANT: return grants_take(w, &p->request.grant, p);
	case WIRE_REVOKE: return take_revocation(w, &p->request.revocation, &p->answer);
	case WIRE_LOST: note_lost(w->store, p->request.grant.login_ms); break;
	case WIRE_FAILURE: return take_failure(w, &p->request.failure);
	case WIRE_USE: return take_use(w, &p->request.use);
	case WIRE_WHO:
	case WIRE_REPORT: break; /* the history's: peers.c hands them over */
	case WIRE_WATCH: break; /* who is told of the others: peers.c */
	}
	return ERR_NONE;
}

static int64_t keep_ms(const struct store *s)
{
	return GRANT_LIFETIME_MAX_MS + s->site->window.lifetime_ms + s->site->window.slack_ms;
}

static void update_meta(struct store *s)
{
	struct view_meta *m = table_meta(s->view);

	if (s->stamp_ms > m->stamp_ms || s->stamp_ms < m->stamp_ms - AHEAD_MAX_MS)
		m->stamp_ms = s->stamp_ms;
	if (s->lost_ms > m->lost_ms)
		m->lost_ms = s->lost_ms;
	m->lost += s->lost;
	m->coalesced += s->coalesced;
	m->heartbeat_ms = clock_ms();
}

static enum err commit_view(struct store *s)
{
	enum err e;

	update_meta(s);
	e = table_commit(s->view);
	if (e == ERR_NONE)
		s->lost = s->coalesced = 0;
	return e;
}

/* As many old records go as new ones come, and a few more, so that the log follows the window's size. */
static enum err commit_log(struct work *w)
{
	struct store *s = w->store;
	enum err e = durable_trim(s->log, s->stamp_ms, keep_ms(s), w->written * 2 + 16);

	w->failed = "log";
	w->writing = false;
	if (e == ERR_NONE)
		return durable_commit(s->log);
	durable_abort(s->log);
	return e;
}

static enum err do_batch(struct work *w, struct pending *batch, size_t n)
{
	struct store *s = w->store;
	enum err e;

	w->failed = "open";
	if (!usable(s))
		return ERR_IO;
	w->failed = "view";
	e = table_begin(s->view);
	for (size_t i = 0; i < n && e == ERR_NONE; i++)
		e = take(w, &batch[i]);
	if (e == ERR_NONE && w->writing)
		e = commit_log(w);
	if (e != ERR_NONE)
		return e;
	if (w->written == 0 && !w->noted &&
		s->lost_ms <= table_meta(s->view)->lost_ms) { /* nothing new to be read */
		table_abort(s->view);
		return ERR_NONE;
	}
	w->failed = "view";
	return commit_view(s);
}

/* What a request would have done counts as lost, whatever became of it: durable and not visible is not
 * what was promised. */
static void fail_batch(struct work *w, struct pending *batch, size_t n, enum err e)
{
	struct store *s = w->store;

	give_up(s, w->failed, e);
	for (size_t i = 0; i < n; i++) {
		batch[i].answer = (struct answer){ .ticket = batch[i].request.ticket, .result = e };
		if (batch[i].request.kind == WIRE_GRANT || batch[i].request.kind == WIRE_LOST)
			note_lost(s, clock_ms());
	}
	if (s->retry_ms < clock_steady_ms())
		s->retry_ms = clock_steady_ms() + WORK_RETRY_MS;
}

static void log_revocation(const struct revocation *v, const struct answer *a)
{
	static const char *const scopes[] = { "everything", "subscriber", "address",
		"address-subscriber" };
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "window.revoke");
	log_text(&l, "scope", scopes[v->scope]);
	if (v->scope == SCOPE_KEY || v->scope == SCOPE_KEY_SUBSCRIBER)
		log_addr(&l, "addr", v->addr);
	if (v->who.n > 0)
		log_str(&l, "user", subscriber_str(&v->who));
	log_time(&l, "before", a->stamp_ms);
	log_end(&l);
}

/* Written with the next commit, which the heartbeat makes within a second. What was given by hand is no
 * login. */
static void count_login(struct store *s, const struct grant *g, const struct answer *a)
{
	bool by_hand = g->lifetime_ms != 0 || strcmp(g->source.service, "cli") == 0;

	if (!by_hand && g->login_ms == 0 && !a->never)
		minutes_add(table_minutes(s->view), a->stamp_ms, 1);
}

/* Of what was done: who held which key, and what for. */
static void tell_history(struct store *s, const struct pending *p)
{
	const struct answer *a = &p->answer;

	switch (p->request.kind) {
	case WIRE_GRANT:
		if (!a->never && a->until_ms > 0) /* 0: a renewal of what no longer counts */
			history_tell(s->history, &p->request, a->stamp_ms, a->until_ms);
		break;
	case WIRE_REVOKE: history_tell(s->history, &p->request, a->stamp_ms, 0); break;
	case WIRE_USE:
		if (p->request.use.by != USE_BY_NOTHING)
			history_tell(s->history, &p->request, work_present(s), 0);
		break;
	default: break;
	}
}

struct batch {
	struct work work;
	struct pending *of;
	size_t n;
};

static enum err try_batch(void *call)
{
	struct batch *b = call;

	return do_batch(&b->work, b->of, b->n);
}

/* Nobody loses a grant by what a reader does. The second attempt has no guard: a fault that comes again, in a
 * view that nobody has open yet, is our own. */
static enum err do_or_do_again(struct store *s, struct batch *b)
{
	enum err e = work_guarded(s, try_batch, b);

	if (e == ERR_NONE || !work_wedged(s))
		return e;
	work_leave(s);
	b->work = (struct work){ .store = s };
	return do_batch(&b->work, b->of, b->n);
}

void store_batch(struct store *s, struct pending *batch, size_t n)
{
	struct batch b = { { .store = s }, batch, n };
	enum err e = do_or_do_again(s, &b);

	if (e != ERR_NONE) {
		fail_batch(&b.work, batch, n, e);
		return;
	}
	log_healed(s);
	for (size_t i = 0; i < n; i++) {
		if (batch[i].request.kind == WIRE_GRANT) {
			grants_log(&batch[i]);
			count_login(s, &batch[i].request.grant, &batch[i].answer);
		}
		if (batch[i].request.kind == WIRE_REVOKE)
			log_revocation(&batch[i].request.revocation, &batch[i].answer);
		tell_history(s, &batch[i]);
	}
	history_flush(s->history);
}

/* --- each second --- */

static enum err keep_house(void *store)
{
	struct store *s = store;
	int64_t now = work_present(s);
	size_t slice;
	enum err e = table_begin(s->view);

	if (e != ERR_NONE)
		return e;
	s->entries = table_entries(s->view);
	slice = s->entries / 60;
	slice = slice < PURGE_MIN ? PURGE_MIN : slice > PURGE_MAX ? PURGE_MAX : slice;
	e = table_purge(s->view, now - PURGE_AFTER_MS, keep_ms(s), slice);
	if (e == ERR_NONE)
		e = table_purge_notes(s->view, &s->site->penalty, now, slice);
	if (e == ERR_NONE)
		e = never_save(s->never, s->view);
	if (e == ERR_NONE)
		e = commit_view(s);
	return e;
}

/* One that keeps its snapshot makes the file grow: it may keep it, and all others move on. */
static void look_after_readers(struct store *s)
{
	struct oldest_reader oldest = table_oldest_reader(s->view);

	if (!readers_stuck(&s->readers, &oldest, clock_steady_ms()))
		return;
	s->condemned = true;
	work_close(s);
	(void)usable(s);
}

void store_tick(struct store *s)
{
	enum err e;

	if (!usable(s))
		return;
	e = work_guarded(s, keep_house, s);
	if (e == ERR_NONE) {
		table_probe(s->view);
		look_after_readers(s);
	}
	if (work_wedged(s)) {
		work_leave(s);
		(void)usable(s);
	} else if (e != ERR_NONE) {
		give_up(s, "view", e);
	}
}

/* --- begin and end --- */

void store_alive(const struct store *s)
{
	if (s->lock >= 0)
		heartbeat_write(s->lock);
	ready_alive();
}

enum err store_open(struct store *s, const struct site *site, struct conf *c, int lock)
{
	enum err e;

	*s = (struct store){ .site = site, .lock = lock };
	e = never_open(&s->never, c);
	if (e == ERR_NONE)
		e = store_load(s);
	if (e == ERR_NONE)
		e = history_open(&s->history, site);
	return e;
}

void store_close(struct store *s)
{
	if (s->view != NULL && s->log != NULL && table_begin(s->view) == ERR_NONE) {
		table_meta(s->view)->clean = true;
		if (commit_view(s) != ERR_NONE || table_sync(s->view) != ERR_NONE)
			log_say(LOG_LEVEL_WARN, "store.failed",
				"no clean mark: the view is verified at the next start");
	}
	durable_close(&s->log);
	table_close(&s->view);
	never_close(&s->never);
	history_close(&s->history);
}
