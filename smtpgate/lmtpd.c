/* lmtpd.c - see lmtpd.h. */
#include "smtpgate/lmtpd.h"

#include <assert.h>

#include "common/line/line.h"
#include "common/line/verb.h"

enum {
	LMTPD_IDLE = 1,
	LMTPD_IN_MAIL = 2
};

static struct lmtpd *lmtpd_of(struct engine *e)
{
	return (struct lmtpd *)(void *)e;
}

static enum step say(struct buf *out, int code, const char *text)
{
	buf_printf(out, "%d %s\r\n", code, text);
	return STEP_AGAIN;
}

static enum step ask(struct lmtpd *d, enum lmtpd_asks what,
	enum step (*then_fn)(struct lmtpd *d, struct buf *out))
{
	d->asks = what;
	d->then = then_fn;
	return STEP_ASK;
}

static void clear(struct lmtpd *d)
{
	d->in_mail = d->in_body = false;
	d->recipients = 0;
	d->scan = (struct body){ 0 };
	d->dot = (struct dot_in){ 0 };
	d->fault.code = 0;
	buf_free(&d->file);
}

/* --- commands --- */

static enum step run_lhlo(struct engine *e, struct str args, struct buf *out)
{
	struct lmtpd *d = lmtpd_of(e);

	(void)args;
	buf_printf(out,
		"250-%.200s\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE\r\n250-PIPELINING\r\n250 "
		"ENHANCEDSTATUSCODES\r\n",
		d->hostname);
	return STEP_AGAIN;
}

static bool take_parameter(struct lmtpd *d, struct str key, struct str value)
{
	if (str_eq_nocase(key, STR("SIZE")))
		return str_to_u64(value, UINT64_MAX, &d->size);
	return key.n == 0 || str_eq_nocase(key, STR("BODY")) || str_eq_nocase(key, STR("SMTPUTF8"));
}

static enum step run_mail(struct engine *e, struct str args, struct buf *out)
{
	struct lmtpd *d = lmtpd_of(e);
	struct str rest, key, value;

	if (!str_starts_nocase(args, STR("FROM:")) ||
		!path_read(str_from(args, 5), true, &d->sender, &rest))
		return say(out, 501, "5.1.7 The sender's address cannot be read");
	d->size = 0;
	do {
		if (!path_parameter(&rest, &key, &value) || !take_parameter(d, key, value))
			return say(out, 555, "5.5.4 Unknown parameter");
	} while (key.n > 0);
	d->in_mail = true;
	return say(out, 250, "2.1.0 Sender ok");
}

static enum step looked(struct lmtpd *d, struct buf *out)
{
	if (reply_is(&d->reply, 2))
		d->recipients++;
	reply_put(out, &d->reply);
	return STEP_AGAIN;
}

static enum step run_rcpt(struct engine *e, struct str args, struct buf *out)
{
	struct lmtpd *d = lmtpd_of(e);
	struct str rest;

	if (!str_starts_nocase(args, STR("TO:")) ||
		!path_read(str_from(args, 3), false, &d->recipient, &rest) || rest.n > 0)
		return say(out, 501, "5.1.3 The recipient's address cannot be read");
	if (d->recipients == LMTPD_RECIPIENTS_MAX)
		return say(out, 452, "4.5.3 Too many recipients");
	return ask(d, LMTPD_ASKS_RECIPIENT, looked);
}

static enum step opened(struct lmtpd *d, struct buf *out)
{
	d->in_body = d->reply.code == 354;
	reply_put(out, &d->reply);
	return STEP_AGAIN;
}

static enum step run_data(struct engine *e, struct str args, struct buf *out)
{
	struct lmtpd *d = lmtpd_of(e);

	(void)args;
	if (d->recipients == 0)
		return say(out, 503, "5.5.1 No recipient was accepted");
	return ask(d, LMTPD_ASKS_OPEN, opened);
}

static enum step forgotten(struct lmtpd *d, struct buf *out)
{
	clear(d);
	return say(out, 250, "2.0.0 Ok");
}

static enum step run_rset(struct engine *e, struct str args, struct buf *out)
{
	(void)args;
	(void)out;
	return ask(lmtpd_of(e), LMTPD_ASKS_FORGET, forgotten);
}

static enum step run_noop(struct engine *e, struct str args, struct buf *out)
{
	(void)e;
	(void)args;
	return say(out, 250, "2.0.0 Ok");
}

static enum step run_quit(struct engine *e, struct str args, struct buf *out)
{
	(void)e;
	(void)args;
	say(out, 221, "2.0.0 Bye");
	return STEP_CLOSE;
}

/* clang-format off */
static const struct verb verbs[] = {
	{ "LHLO", LMTPD_IDLE | LMTPD_IN_MAIL, VERB_ARGS, run_lhlo },
	{ "MAIL", LMTPD_IDLE,                 VERB_ARGS, run_mail },
	{ "RCPT", LMTPD_IN_MAIL,              VERB_ARGS, run_rcpt },
	{ "DATA", LMTPD_IN_MAIL,              VERB_BARE, run_data },
	{ "RSET", LMTPD_IDLE | LMTPD_IN_MAIL, VERB_BARE, run_rset },
	{ "NOOP", LMTPD_IDLE | LMTPD_IN_MAIL, 0,         run_noop },
	{ "QUIT", LMTPD_IDLE | LMTPD_IN_MAIL, VERB_BARE, run_quit },
	{ NULL, 0, 0, NULL },
};
/* clang-format on */

static enum step run_line(struct lmtpd *d, struct buf *in, struct buf *out)
{
	const struct verb_facts facts = { .phase = d->in_mail ? LMTPD_IN_MAIL : LMTPD_IDLE,
		.secure = true };
	const struct verb *verb = NULL;
	struct str line, args;
	enum step step;
	size_t used;

	switch (line_cut(buf_str(in), LMTPD_LINE_MAX, &line, &used)) {
	case LINE_PARTIAL: return STEP_READ;
	case LINE_TOO_LONG:
	case LINE_FORBIDDEN: return STEP_CLOSE; /* no gate of ours writes that */
	case LINE_WHOLE: break;
	}
	if (verb_find(verbs, line, &facts, &verb, &args) == VERB_FITS)
		step = verb->run(&d->engine, args, out);
	else
		step = say(out, 503, "5.5.1 Not now");
	buf_take(in, used);
	return step;
}

/* --- the message --- */

static enum step delivered(struct lmtpd *d, struct buf *out)
{
	unsigned n = d->recipients;

	for (; n > 0; n--)
		reply_put(out, &d->reply);
	clear(d);
	return STEP_AGAIN;
}

/* A file that cannot be written is no reason to stop reading: the answer has its place behind the dot. */
static enum step written(struct lmtpd *d, struct buf *out)
{
	(void)out;
	if (!reply_is(&d->reply, 2)) {
		d->fault = d->reply;
		buf_free(&d->file); /* else we would be asked to write it again */
	}
	return STEP_AGAIN;
}

static enum step end(struct lmtpd *d, struct buf *out)
{
	if (d->fault.code == 0)
		return ask(d, LMTPD_ASKS_COMMIT, delivered);
	d->reply = d->fault;
	(void)out;
	return ask(d, LMTPD_ASKS_FORGET, delivered);
}

static enum step run_body(struct lmtpd *d, struct buf *in, struct buf *out)
{
	struct str pass, room = buf_str(in);
	enum body_scan scanned;
	size_t used;

	if (room.n > buf_room(&d->file) / 2)
		room.n = buf_room(&d->file) / 2;
	scanned = body_scan(&d->scan, room, &pass, &used);
	if (d->fault.code == 0)
		dot_in_add(&d->dot, pass, &d->file);
	if (d->file.broken) { /* octets are missing in it */
		d->fault = reply_make(451, "4.3.0 Out of memory, send the message again later");
		buf_free(&d->file);
	}
	buf_take(in, used);
	if (scanned == BODY_FORBIDDEN)
		return STEP_CLOSE;
	if (scanned == BODY_END)
		return end(d, out);
	if (d->file.len > 0)
		return ask(d, LMTPD_ASKS_WRITE, written);
	return used > 0 ? STEP_AGAIN : STEP_READ;
}

static enum step run(struct engine *e, struct buf *in, struct buf *out)
{
	struct lmtpd *d = lmtpd_of(e);
	enum step (*then)(struct lmtpd *, struct buf *) = d->then;

	if (!d->greeted) {
		d->greeted = true;
		buf_printf(out, "220 %.200s LMTP\r\n", d->hostname);
		return STEP_AGAIN;
	}
	if (then != NULL) {
		d->then = NULL;
		d->asks = LMTPD_ASKS_NOTHING;
		return then(d, out);
	}
	return d->in_body ? run_body(d, in, out) : run_line(d, in, out);
}

static void farewell(struct engine *e, enum farewell why, struct buf *out)
{
	(void)e;
	(void)why;
	say(out, 421, "4.3.2 Closing");
}

static bool busy(const struct engine *e)
{
	const struct lmtpd *d = (const struct lmtpd *)(const void *)e;

	return d->in_mail || d->asks != LMTPD_ASKS_NOTHING;
}

static const struct engine_ops ops = { run, farewell, busy };

void lmtpd_init(struct lmtpd *d, const char *hostname)
{
	memset(d, 0, sizeof(*d));
	d->engine.ops = &ops;
	d->hostname = hostname;
	buf_init(&d->file, LMTPD_FILE_MAX);
}

void lmtpd_free(struct lmtpd *d)
{
	buf_free(&d->file);
}

/* A commit that was refused by a fault keeps the fault's reply. */
void lmtpd_answer(struct lmtpd *d, const struct reply *r)
{
	assert(d->asks != LMTPD_ASKS_NOTHING);
	if (d->fault.code == 0)
		d->reply = *r;
}
