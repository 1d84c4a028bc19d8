/* upstream.c - see upstream.h. What happens before the hop takes commands is in meet.c. */
#include "smtpgate/upstream_private.h"

#include <assert.h>
#include <inttypes.h>

static struct upstream *upstream_of(struct engine *e)
{
	return (struct upstream *)(void *)e;
}

/* --- what we say --- */

static void give(struct upstream *u, enum upstream_state next)
{
	u->state = next;
	u->given = true;
}

static void put_mail_dsn(struct buf *out, const struct envelope *e)
{
	if (e->ret != DSN_RET_NONE)
		buf_printf(out, " RET=%s", e->ret == DSN_RET_FULL ? "FULL" : "HDRS");
	if (e->envid[0] != '\0')
		buf_printf(out, " ENVID=%s", e->envid);
}

void upstream_mail(struct upstream *u, const struct envelope *e)
{
	assert(u->state == UPSTREAM_READY);
	buf_add(&u->out, STR("MAIL FROM:<"));
	buf_add(&u->out, str_of(e->sender.text));
	buf_add(&u->out, STR(">"));
	if (e->size > 0 && u->offers.size)
		buf_printf(&u->out, " SIZE=%" PRIu64, e->size);
	if (e->eight_bit && u->offers.eight_bit)
		buf_add(&u->out, STR(" BODY=8BITMIME"));
	if (e->utf8 && u->offers.utf8)
		buf_add(&u->out, STR(" SMTPUTF8"));
	if (u->offers.dsn)
		put_mail_dsn(&u->out, e);
	buf_add(&u->out, STR("\r\n"));
	give(u, UPSTREAM_ASKED);
	u->asked = ASKED_MAIL;
	u->mailed = u->piped = false;
	u->taken = 0;
}

static void put_notify(struct buf *out, unsigned notify)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = { { DSN_NOTIFY_NEVER, "NEVER" }, { DSN_NOTIFY_SUCCESS, "SUCCESS" },
		{ DSN_NOTIFY_FAILURE, "FAILURE" }, { DSN_NOTIFY_DELAY, "DELAY" } };
	const char *before = " NOTIFY=";

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if ((notify & words[i].bit) == 0)
			continue;
		buf_printf(out, "%s%s", before, words[i].word);
		before = ",";
	}
}

void upstream_rcpt(struct upstream *u, const struct recipient *r)
{
	u->piped = u->state == UPSTREAM_ASKED;
	assert(u->state == UPSTREAM_READY ||
		(u->given && u->asked == ASKED_MAIL && u->offers.pipelining));
	buf_add(&u->out, STR("RCPT TO:<"));
	buf_add(&u->out, str_of(r->path.text));
	buf_add(&u->out, STR(">"));
	if (u->offers.dsn) {
		put_notify(&u->out, r->notify);
		if (r->orcpt[0] != '\0')
			buf_printf(&u->out, " ORCPT=%s", r->orcpt);
	}
	buf_add(&u->out, STR("\r\n"));
	give(u, UPSTREAM_ASKED);
	if (!u->piped)
		u->asked = ASKED_RCPT;
}

void upstream_data(struct upstream *u)
{
	assert(u->state == UPSTREAM_READY);
	buf_line(&u->out, STR("DATA"));
	give(u, UPSTREAM_ASKED);
	u->asked = ASKED_DATA;
	u->piped = false;
	u->mid_line = false;
}

void upstream_reset(struct upstream *u)
{
	assert(u->state == UPSTREAM_READY);
	buf_line(&u->out, STR("RSET"));
	give(u, UPSTREAM_ASKED);
	u->asked = ASKED_RSET;
	u->piped = false;
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
	give(u, UPSTREAM_DOT);
	u->answers = u->manners.lmtp ? u->taken : 1;
}

/* --- what the hop says --- */

enum step upstream_tell(struct upstream *u, enum upstream_event event)
{
	u->event = event;
	if (event == EVENT_BROKEN || event == EVENT_REFUSED || event == EVENT_UNFIT) {
		u->state = UPSTREAM_DONE;
		u->broken = true;
	}
	return STEP_ASK;
}

enum step upstream_break(struct upstream *u, const char *why)
{
	u->why = why;
	return upstream_tell(u, EVENT_BROKEN);
}

/* The last reply was not the last word to what was asked. */
static bool answers_on(const struct upstream *u)
{
	if (u->state == UPSTREAM_DOT)
		return u->answers != (u->manners.lmtp ? u->taken : 1);
	return u->state == UPSTREAM_ASKED && u->piped && u->asked != ASKED_MAIL;
}

/* Who refused MAIL refuses what was said behind it, too; who does not has to forget it. */
static enum step hear_refused(struct upstream *u, const struct reply *to_mail)
{
	bool taken = reply_is(&u->reply, 2);

	if (u->asked == ASKED_RSET && !taken)
		return upstream_break(u, "refused RSET");
	u->reply = *to_mail;
	if (u->asked == ASKED_RCPT && taken) {
		buf_line(&u->out, STR("RSET"));
		u->asked = ASKED_RSET;
		return STEP_AGAIN;
	}
	u->state = UPSTREAM_READY;
	return upstream_tell(u, EVENT_REPLY);
}

static enum step hear_answer(struct upstream *u, const struct reply *before)
{
	bool go_ahead = u->reply.code == 354;

	if (reply_is(&u->reply, 3) && !(go_ahead && u->asked == ASKED_DATA))
		return upstream_break(u, "out of step"); /* it waits for what we would not say */
	if (u->asked == ASKED_MAIL)
		u->mailed = reply_is(&u->reply, 2);
	if (u->asked == ASKED_MAIL && u->piped) {
		u->asked = ASKED_RCPT;
		return STEP_AGAIN;
	}
	if (answers_on(u) && !u->mailed)
		return hear_refused(u, before);
	u->state = go_ahead ? UPSTREAM_BODY : UPSTREAM_READY;
	if (u->asked == ASKED_RCPT && reply_is(&u->reply, 2))
		u->taken++;
	return upstream_tell(u, EVENT_REPLY);
}

/* LMTP answers once for each recipient (RFC 2033 4.2); the worst of them is the answer to all: over the
 * network there is one, and our deliver role writes for all of them or for none. */
static enum step hear_end(struct upstream *u, const struct reply *before)
{
	if (reply_is(&u->reply, 3)) /* it reads on: the next command would be more of the message */
		return upstream_break(u, "out of step");
	if (before->code != 0 && !reply_is(before, 2))
		u->reply = *before;
	if (--u->answers > 0)
		return STEP_AGAIN;
	u->state = UPSTREAM_READY;
	return upstream_tell(u, EVENT_REPLY);
}

static enum step hear(struct upstream *u, const struct reply *before, bool more)
{
	switch (u->state) {
	case UPSTREAM_GREETING: return meet_greeting(u);
	case UPSTREAM_HELLO: return meet_hello(u);
	case UPSTREAM_STARTTLS: return meet_starttls(u, more);
	case UPSTREAM_XCLIENT: return meet_greeting(u);
	case UPSTREAM_AUTH: return meet_auth(u);
	case UPSTREAM_ASKED: return hear_answer(u, before);
	case UPSTREAM_BODY: return upstream_tell(u, EVENT_EARLY);
	case UPSTREAM_DOT: return hear_end(u, before);
	case UPSTREAM_READY:
	case UPSTREAM_HANDSHAKE:
	case UPSTREAM_DONE: break;
	}
	return STEP_CLOSE;
}

static enum step listen(struct upstream *u, struct buf *in)
{
	struct reply before = u->reply, r;
	size_t used;

	if (u->state == UPSTREAM_READY)
		return upstream_break(u, "spoke unasked"); /* mostly a 421 */
	switch (reply_read(buf_str(in), &r, &used)) {
	case REPLY_PARTIAL: return STEP_READ;
	case REPLY_BAD: return upstream_break(u, "out of step");
	case REPLY_WHOLE: break;
	}
	buf_take(in, used);
	if (!answers_on(u))
		before.code = 0;
	u->reply = r;
	return hear(u, &before, in->len > 0);
}

/* What it said before a command of ours left is no answer to it. */
static enum step take_turn(struct upstream *u, struct buf *in, struct buf *out)
{
	bool given = u->given;

	u->given = false;
	if (!u->connected)
		return meet_connected(u);
	if (u->state == UPSTREAM_HANDSHAKE)
		meet_secured(u);
	if (given && in->len > 0)
		return upstream_break(u, "said more than it was asked");
	if (u->state == UPSTREAM_READY && !u->introduced)
		return meet_again(u);
	if (u->out.broken)
		return upstream_break(u, "out of memory");
	if (u->out.len > 0)
		buf_move(out, &u->out);
	return in->len > 0 ? listen(u, in) : STEP_READ;
}

static enum step run(struct engine *e, struct buf *in, struct buf *out)
{
	struct upstream *u = upstream_of(e);
	enum step step;

	u->event = EVENT_NONE;
	if (u->broken)
		return STEP_CLOSE;
	step = take_turn(u, in, out);
	u->unheard = in->len > 0;
	return step;
}

/* Where a command may be given. */
static void farewell(struct engine *e, enum farewell why, struct buf *out)
{
	(void)why;
	if (upstream_of(e)->state == UPSTREAM_READY)
		buf_line(out, STR("QUIT"));
	upstream_of(e)->state = UPSTREAM_DONE;
}

static bool busy(const struct engine *e)
{
	return !((const struct upstream *)(const void *)e)
			->spare; /* its client's session decides */
}

static const struct engine_ops ops = { run, farewell, busy };

void upstream_init(struct upstream *u, const struct upstream_manners *manners,
	const struct introduction *client)
{
	memset(u, 0, sizeof(*u));
	u->engine.ops = &ops;
	u->manners = *manners;
	if (client != NULL)
		u->client = *client;
	u->introduced = client == NULL || !manners->xclient;
	buf_init(&u->out, UPSTREAM_OUT_MAX / 2);
}

void upstream_free(struct upstream *u)
{
	buf_free(&u->out);
}
