/* history_read.c - see history_read.h. */
#include "common/store/history_read.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"

#define SLICE 2000 /* rows looked at between two looks at the store */

void question_begin(struct question *q, int fd, const struct request *r)
{
	*q = (struct question){ .fd = fd, .request = *r, .moved_ms = clock_steady_ms() };
}

void question_close(struct question *q)
{
	if (q->fd >= 0)
		close(q->fd);
	q->fd = -1;
}

/* False if the peer's socket is full, or the peer is gone: then the place is free. */
static bool say(struct question *q, const struct history_answer *a)
{
	uint8_t packet[HISTORY_PACKET_MAX];
	size_t n = history_put(a, packet);

	q->blocked = false;
	if (send(q->fd, packet, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n) {
		q->moved_ms = clock_steady_ms();
		return true;
	}
	q->blocked = errno == EAGAIN || errno == ENOBUFS;
	if (!q->blocked)
		question_close(q);
	return false;
}

static struct history_answer end_answer(
	enum err result, const struct book *b, const struct book_terms *terms)
{
	return (struct history_answer){ .says = HISTORY_END,
		.end = { .result = result,
			.began_ms = b->began_ms,
			.keep_ms = terms->keep_ms,
			.counts_ms = terms->counts_ms,
			.lost_ms = b->lost_ms,
			.lost = b->lost } };
}

void question_refuse(
	struct question *q, enum err why, const struct book *b, const struct book_terms *terms)
{
	const struct history_answer a = end_answer(why, b, terms);

	if (q->fd >= 0)
		(void)!say(q, &a);
	question_close(q);
}

static void finish(struct question *q, const struct book *b, const struct book_terms *terms)
{
	const struct history_answer a = end_answer(q->more ? ERR_LIMIT : ERR_NONE, b, terms);

	if (say(q, &a))
		question_close(q);
}

/* What a row said to the walk. */
enum outcome {
	GO_ON,
	WAIT, /* the row again, once the peer reads */
	STOP,
};

struct walk {
	struct question *q;
	struct book *b;
	MDB_txn *txn;
	const struct book_terms *terms;
	enum err failed;
};

/* --- who --- */

static enum outcome tell_interval(struct walk *w, struct str key, struct str value)
{
	const struct history_question *ask = &w->q->request.question;
	struct addr masked = addr_key(ask->addr, w->b->ipv4_prefix, w->b->ipv6_prefix);
	struct history_answer a = { .says = HISTORY_INTERVAL };
	struct interval *i = &a.interval;

	if (key.n < sizeof(masked.b) || memcmp(key.p, masked.b, sizeof(masked.b)) != 0)
		return STOP;
	if (!interval_read(key, value, i))
		return GO_ON;
	w->failed = book_end_of(w->b, w->txn, i, &i->until_ms);
	if (w->failed != ERR_NONE)
		return STOP;
	if (i->from_ms > ask->to_ms || i->until_ms <= ask->from_ms ||
		i->until_ms < w->terms->now_ms - w->terms->keep_ms)
		return GO_ON;
	w->q->more = w->q->sent == HISTORY_ROWS_MAX;
	if (w->q->more)
		return STOP;
	if (!say(w->q, &a))
		return WAIT;
	w->q->sent++;
	return GO_ON;
}

static void start_who(struct question *q, const struct book *b)
{
	struct addr masked = addr_key(q->request.question.addr, b->ipv4_prefix, b->ipv6_prefix);

	memcpy(q->at.key, masked.b, sizeof(masked.b));
	q->at.n = sizeof(masked.b);
}

/* --- report --- */

static enum err read_manners(struct walk *w, const struct subscriber *who, struct manners *out)
{
	MDB_val key = { who->n, (void *)(uintptr_t)who->name }, data;
	int code = mdb_get(w->txn, w->b->manners, &key, &data);

	*out = (struct manners){ 0 };
	if (code == 0 && !manners_read(book_str(data), out))
		*out = (struct manners){ 0 };
	return code == MDB_NOTFOUND ? ERR_NONE : err_of_mdb(code);
}

/* The subscriber whose days have been read. */
static enum outcome tell_sums(struct walk *w)
{
	struct dependence *d = &w->q->sums;
	struct history_answer a = { .says = HISTORY_DEPENDENCE };

	if (d->who.n > 0 && (d->window > 0 || w->q->request.question.all)) {
		w->failed = read_manners(w, &d->who, &d->manners);
		if (w->failed != ERR_NONE)
			return STOP;
		a.dependence = *d;
		if (!say(w->q, &a))
			return WAIT;
		w->q->sent++;
	}
	*d = (struct dependence){ 0 };
	return GO_ON;
}

static void add_sums(struct dependence *d, const struct day *row)
{
	struct day sums = { .who = row->who,
		.window = d->window,
		.authenticated = d->authenticated,
		.logins = d->logins,
		.clear = d->clear,
		.login_ms = d->login_ms };

	day_add(&sums, row);
	d->who = row->who;
	d->window = sums.window;
	d->authenticated = sums.authenticated;
	d->logins = sums.logins;
	d->clear = sums.clear;
	d->login_ms = sums.login_ms;
	d->days = (uint16_t)(d->days + (row->window > 0));
}

static enum outcome tell_day(struct walk *w, struct str key, struct str value)
{
	int64_t today = w->terms->now_ms / DAY_MS;
	enum outcome o;
	struct day row;

	if (!day_read(key, value, &row) || row.day <= today - w->q->request.question.days)
		return GO_ON;
	if (!subscriber_eq(&row.who, &w->q->sums.who)) {
		o = tell_sums(w);
		if (o != GO_ON)
			return o;
	}
	add_sums(&w->q->sums, &row);
	return GO_ON;
}

/* --- the walk --- */

static void remember(struct book_place *at, const MDB_val *key)
{
	at->n = key->mv_size <= sizeof(at->key) ? key->mv_size : sizeof(at->key);
	memcpy(at->key, key->mv_data, at->n);
}

/* Up to SLICE rows. Where all are done, true. */
static bool walk_slice(struct walk *w, MDB_cursor *cursor,
	enum outcome (*tell)(struct walk *w, struct str key, struct str value))
{
	struct book_place *at = &w->q->at;
	MDB_val key = { at->n, at->key }, data;
	int code = mdb_cursor_get(cursor, &key, &data, at->n > 0 ? MDB_SET_RANGE : MDB_FIRST);

	for (size_t i = 0; code == 0; i++) {
		enum outcome o = i < SLICE ? tell(w, book_str(key), book_str(data)) : WAIT;

		if (o == STOP)
			return true;
		if (o == WAIT) {
			remember(at, &key);
			return false;
		}
		code = mdb_cursor_get(cursor, &key, &data, MDB_NEXT);
	}
	if (code != MDB_NOTFOUND)
		w->failed = err_of_mdb(code);
	if (w->failed != ERR_NONE || w->q->request.kind == WIRE_WHO)
		return true;
	memset(at->key, 0xff, sizeof(at->key)); /* behind every row: should the peer block now */
	at->n = sizeof(at->key);
	return tell_sums(w) != WAIT;
}

enum err question_step(struct question *q, struct book *b, const struct book_terms *terms)
{
	bool who = q->request.kind == WIRE_WHO, done = true;
	struct walk w = { .q = q, .b = b, .terms = terms };
	MDB_cursor *cursor;
	int code = mdb_txn_begin(b->env, NULL, MDB_RDONLY, &w.txn);

	if (who && q->at.n == 0)
		start_who(q, b);
	if (code == 0) {
		code = mdb_cursor_open(w.txn, who ? b->intervals : b->days, &cursor);
		if (code == 0) {
			done = walk_slice(&w, cursor, who ? tell_interval : tell_day);
			mdb_cursor_close(cursor);
		}
		mdb_txn_abort(w.txn);
	}
	if (code != 0)
		w.failed = err_of_mdb(code);
	if (w.failed != ERR_NONE)
		question_refuse(q, w.failed, b, terms);
	else if (done && q->fd >= 0)
		finish(q, b, terms);
	return w.failed;
}
