/* data.c - the message: from the client's octets to gate->body, and to its one honest answer. */
#include "smtpgate/gate_private.h"

static enum step say_reply(struct gate *g, struct buf *out)
{
	reply_put(out, &g->reply);
	return STEP_AGAIN;
}

static enum step started(struct gate *g, struct buf *out)
{
	if (g->reply.code != 354) {
		const struct gate_refusal r = { "data", &g->envelope.sender, NULL, g->reply.code,
			"next-hop" };

		g->facts->refused(g->facts->owner, &r);
		return gate_reset(g, out, say_reply);
	}
	g->in_body = true;
	g->facts->received(g->facts->owner, &g->body);
	return gate_say(out, 354, "End the message with <CR><LF>.<CR><LF>");
}

enum step run_data(struct engine *e, struct str args, struct buf *out)
{
	struct gate *g = gate_of(e);

	(void)args;
	if (g->recipients == 0)
		return gate_err(g, out, 554, "5.5.1 No recipient was accepted");
	return gate_ask(g, GATE_ASKS_DATA, started);
}

static enum step go_on(struct gate *g, struct buf *out)
{
	(void)g;
	(void)out;
	return STEP_AGAIN;
}

/* The transaction is over, one way or the other; nothing of it is left for the next. */
static enum step finished(struct gate *g, struct buf *out)
{
	reply_put(out, &g->reply);
	gate_clear(g);
	return STEP_AGAIN;
}

static enum step give_up(struct gate *g, int code, const char *text, const char *reason)
{
	const struct gate_refusal r = { "data", &g->envelope.sender, NULL, code, reason };
	const struct reply reply = reply_make(code, text);

	g->facts->refused(g->facts->owner, &r);
	gate_fail(g, &reply);
	return gate_ask(g, GATE_ASKS_ABORT, go_on);
}

/* The scan stands behind what passed; whether that ended a line decides what ends the message. */
static enum step too_large(struct gate *g, struct buf *in, size_t passed)
{
	struct str last = str_first(buf_str(in), passed);

	g->scan.mid_line = passed > 0 ? !str_ends(last, STR("\r\n")) : g->scan.mid_line;
	buf_take(in, passed);
	return give_up(g, 552, "5.3.4 The message is too large", "too-large");
}

/* Nobody is to have this message any more; it is read to its end all the same. */
static enum step eat(struct gate *g, struct buf *in, struct buf *out)
{
	size_t used;
	bool ended = body_eat(&g->scan, buf_str(in), &used);

	buf_take(in, used);
	return ended ? finished(g, out) : STEP_READ;
}

enum step gate_run_body(struct gate *g, struct buf *in, struct buf *out)
{
	struct str pass;
	size_t used;
	enum body_scan end;
	struct str room = buf_str(in);

	if (g->eating)
		return eat(g, in, out);
	if (room.n > buf_room(&g->body))
		room.n = buf_room(&g->body);
	end = body_scan(&g->scan, room, &pass, &used);
	g->octets += pass.n;
	if (g->octets > g->facts->max_message_size) /* its end, if it is here, is eaten again */
		return too_large(g, in, pass.n);
	buf_add(&g->body, pass);
	buf_take(in, used);
	if (end == BODY_FORBIDDEN)
		return give_up(g, 550, "5.6.0 The message holds a bare CR, a bare LF or a NUL",
			"bare-line-end");
	if (end == BODY_END)
		return gate_ask(g, GATE_ASKS_END, finished);
	return g->body.len > 0 ? gate_ask(g, GATE_ASKS_ROOM, go_on) : STEP_READ;
}
