/* upstream.c - see upstream.h. */
#include "smtpgate/upstream.h"

#include <assert.h>
#include <inttypes.h>

static struct upstream *upstream_of(struct engine *e)
{
	return (struct upstream *)(void *)e;
}

/* --- what we say --- */

static void say_hello(struct upstream *u)
{
	buf_printf(&u->out, "%s %.200s\r\n",
		u->lmtp           ? "LHLO"
			: u->helo ? "HELO"
				  : "EHLO",
		u->hostname);
	u->state = UPSTREAM_HELLO;
}

void upstream_mail(struct upstream *u, const struct envelope *e)
{
	assert(u->state == UPSTREAM_READY);
	buf_printf(&u->out, "MAIL FROM:<%s>", e->sender.text);
	if (e->size > 0 && u->size)
		buf_printf(&u->out, " SIZE=%" PRIu64, e->size);
	buf_printf(&u->out, "%s\r\n", e->eight_bit && u->eight_bit ? " BODY=8BITMIME" : "");
	u->state = UPSTREAM_ASKED;
	u->asked = ASKED_MAIL;
	u->taken = 0;
}

void upstream_rcpt(struct upstream *u, const struct recipient *r)
{
	assert(u->state == UPSTREAM_READY);
	buf_printf(&u->out, "RCPT TO:<%s>\r\n", r->path.text);
	u->state = UPSTREAM_ASKED;
	u->asked = ASKED_RCPT;
}

void upstream_data(struct upstream *u)
{
	assert(u->state == UPSTREAM_READY);
	buf_line(&u->out, STR("DATA"));
	u->state = UPSTREAM_ASKED;
	u->asked = ASKED_DATA;
	u->mid_line = false;
}

void upstream_body(struct upstream *u, struct buf *octets)
{
	struct str s = buf_str(octets);

	assert(u->state == UPSTREAM_BODY);
	if (s.n == 0)
		return;
	u->mid_line = s.p[s.n - 1] != '\n';
	buf_move(&u->out, octets);
}

/* The scanner ends a message behind a CRLF only, so the dot stands at the start of a line. */
void upstream_end(struct upstream *u)
{
	assert(u->state == UPSTREAM_BODY && !u->mid_line);
	buf_line(&u->out, STR("."));
	u->state = UPSTREAM_DOT;
	u->answers = u->lmtp ? u->taken : 1;
}

void upstream_quit(struct upstream *u)
{
	assert(u->state == UPSTREAM_READY);
	buf_line(&u->out, STR("QUIT"));
	u->state = UPSTREAM_DONE;
}

/* --- what the hop says --- */

static enum step tell(struct upstream *u, enum upstream_event event)
{
	u->event = event;
	if (event == EVENT_BROKEN) {
		u->state = UPSTREAM_DONE;
		u->broken = true;
	}
	return STEP_ASK;
}

static bool offers(const struct reply *r, const char *keyword)
{
	struct str rest = { r->text, r->n }, line, word, parameters;

	while (rest.n > 0) {
		(void)str_split(rest, '\n', &line, &rest);
		(void)str_split(line, ' ', &word, &parameters);
		if (str_eq_nocase(word, str_of(keyword)))
			return true;
	}
	return false;
}

static enum step hear_greeting(struct upstream *u)
{
	if (u->reply.code != 220)
		return tell(u, EVENT_BROKEN);
	say_hello(u);
	return STEP_AGAIN;
}

/* RFC 5321 3.2: a server that does not know EHLO is greeted with HELO. */
static enum step hear_hello(struct upstream *u)
{
	if (reply_is(&u->reply, 5) && !u->helo && !u->lmtp) {
		u->helo = true;
		say_hello(u);
		return STEP_AGAIN;
	}
	if (u->reply.code != 250)
		return tell(u, EVENT_BROKEN);
	u->eight_bit = !u->helo && offers(&u->reply, "8BITMIME");
	u->size = !u->helo && offers(&u->reply, "SIZE");
	u->pipelining = !u->helo && offers(&u->reply, "PIPELINING");
	u->state = UPSTREAM_READY;
	return tell(u, EVENT_READY);
}

static enum step hear_answer(struct upstream *u)
{
	bool go_ahead = u->reply.code == 354;

	if (reply_is(&u->reply, 3) && !(go_ahead && u->asked == ASKED_DATA))
		return tell(u,
			EVENT_BROKEN); /* whatever it now waits for, it is not what we would say */
	u->state = go_ahead ? UPSTREAM_BODY : UPSTREAM_READY;
	if (u->asked == ASKED_RCPT && reply_is(&u->reply, 2))
		u->taken++;
	return tell(u, EVENT_REPLY);
}

/* LMTP answers once for each recipient (RFC 2033 4.2); the worst of them is the answer to all: our deliver
 * role writes for all of them or for none. */
static enum step hear_end(struct upstream *u, const struct reply *before)
{
	if (before->code != 0 && !reply_is(before, 2))
		u->reply = *before;
	if (--u->answers > 0)
		return STEP_AGAIN;
	u->state = UPSTREAM_READY;
	return tell(u, EVENT_REPLY);
}

static enum step hear(struct upstream *u, const struct reply *before)
{
	switch (u->state) {
	case UPSTREAM_GREETING: return hear_greeting(u);
	case UPSTREAM_HELLO: return hear_hello(u);
	case UPSTREAM_ASKED: return hear_answer(u);
	case UPSTREAM_BODY: return tell(u, EVENT_EARLY);
	case UPSTREAM_DOT: return hear_end(u, before);
	case UPSTREAM_READY: return tell(u, EVENT_BROKEN); /* nobody asked: mostly a 421 */
	case UPSTREAM_DONE: break;
	}
	return STEP_CLOSE;
}

static enum step run(struct engine *e, struct buf *in, struct buf *out)
{
	struct upstream *u = upstream_of(e);
	struct reply before = u->reply, r;
	size_t used;

	u->event = EVENT_NONE;
	if (u->broken)
		return STEP_CLOSE;
	if (u->out.len > 0)
		buf_move(out, &u->out);
	if (in->len == 0)
		return STEP_READ;
	switch (reply_read(buf_str(in), &r, &used)) {
	case REPLY_PARTIAL: return STEP_READ;
	case REPLY_BAD: return tell(u, EVENT_BROKEN);
	case REPLY_WHOLE: break;
	}
	buf_take(in, used);
	if (u->state != UPSTREAM_DOT || u->answers == (u->lmtp ? u->taken : 1))
		before.code = 0;
	u->reply = r;
	return hear(u, &before);
}

static void farewell(struct engine *e, enum farewell why, struct buf *out)
{
	(void)e;
	(void)why;
	(void)out;
}

static bool busy(const struct engine *e)
{
	(void)e;
	return true; /* its client's session decides when it ends */
}

static const struct engine_ops ops = { run, farewell, busy };

void upstream_init(struct upstream *u, const char *hostname, bool lmtp)
{
	memset(u, 0, sizeof(*u));
	u->engine.ops = &ops;
	u->hostname = hostname;
	u->lmtp = lmtp;
	buf_init(&u->out, UPSTREAM_OUT_MAX / 2);
}

void upstream_free(struct upstream *u)
{
	buf_free(&u->out);
}
