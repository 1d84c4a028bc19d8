/* data.c - the message: from the client's octets to gate->body, and to its one honest answer. */
#include "smtpgate/gate_private.h"

const struct gate_fault gate_bare_line_end = { 550,
	"5.6.0 The message holds a bare CR, a bare LF or a NUL", "bare-line-end" };
const struct gate_fault gate_too_large = { 552, "5.3.4 The message is too large", "too-large" };
static const struct gate_fault too_many_hops = { 554,
	"5.4.6 Too many Received: fields, the message goes round in circles", "too-many-hops" };
static const struct gate_fault eight_bit = { 554, "5.6.3 The next hop takes no 8-bit text",
	"eight-bit" };
static const struct gate_fault no_memory = { 451,
	"4.3.0 Out of memory, send the message again later", "memory" };

enum step gate_say_reply(struct gate *g, struct buf *out)
{
	reply_put(out, &g->mail->reply);
	return STEP_AGAIN;
}

void gate_begin_body(struct gate *g)
{
	g->in_body = true;
	g->facts->hooks->received(g->facts->owner, &g->body);
}

void gate_tell_data_refused(struct gate *g)
{
	const char *reason = g->mail->reason;

	gate_tell_refused(
		g, "data", NULL, g->mail->reply.code, reason != NULL ? reason : "next-hop");
}

static enum step started(struct gate *g, struct buf *out)
{
	if (g->mail->reply.code != 354) {
		gate_tell_data_refused(g);
		return gate_reset(g, out, gate_say_reply);
	}
	gate_begin_body(g);
	g->reads = GATE_READS_MESSAGE;
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

enum step gate_go_on(struct gate *g, struct buf *out)
{
	(void)g;
	(void)out;
	return STEP_AGAIN;
}

/* The transaction is over, one way or the other; nothing of it is left for the next. */
enum step gate_finished(struct gate *g, struct buf *out)
{
	reply_put(out, &g->mail->reply);
	gate_clear(g);
	return STEP_AGAIN;
}

enum step gate_give_up(struct gate *g, const struct gate_fault *fault, gate_then *then_fn)
{
	const struct reply reply = reply_make(fault->code, fault->text);

	gate_tell_refused(g, "data", NULL, fault->code, fault->reason);
	gate_fail(g, &reply);
	return gate_ask(g, GATE_ASKS_ABORT, then_fn);
}

static bool beyond_seven_bits(struct str s)
{
	unsigned char all = 0;

	for (size_t i = 0; i < s.n; i++)
		all |= (unsigned char)s.p[i];
	return (all & 0x80) != 0;
}

/* A message's size is counted without what transparency adds (RFC 1870 5). What is 8-bit without having
 * been said to be goes on: it is the client who has not kept to RFC 6152. */
const struct gate_fault *gate_look(struct gate *g, size_t before)
{
	struct str added = str_from(buf_str(&g->body), before);

	if (g->body.broken) /* octets are missing in it */
		return &no_memory;
	g->octets += added.n;
	received_look(&g->trace, added);
	if (g->octets - g->scan.dots > gate_max_size(g))
		return &gate_too_large;
	if (g->trace.n > RECEIVED_MAX)
		return &too_many_hops;
	if (g->seven_bit && g->mail->envelope.eight_bit && beyond_seven_bits(added))
		return &eight_bit;
	return NULL;
}

/* Nobody is to have this message any more; it is read to its end all the same. */
static enum step eat(struct gate *g, struct buf *in, struct buf *out)
{
	size_t used;
	bool ended = body_eat(&g->scan, buf_str(in), &used);

	buf_take(in, used);
	return ended ? gate_finished(g, out) : STEP_READ;
}

/* What may go on. All that there is goes as it stands, in its block: a copy of 64 kB less. */
static void pass_on(struct gate *g, struct buf *in, struct str pass, size_t used)
{
	if (g->body.len == 0 && used == in->len) {
		buf_move(&g->body, in);
		buf_cut(&g->body, pass.n);
		return;
	}
	buf_add(&g->body, pass);
	buf_take(in, used);
}

static enum body_scan scan(struct gate *g, struct buf *in)
{
	size_t room = buf_room(&g->body), used = 0;
	struct str piece = buf_str(in), pass;
	enum body_scan end;

	if (g->facts->rewrite)
		room = (room - body_room(0)) / 2;
	if (piece.n > room)
		piece.n = room;
	if (g->facts->rewrite) {
		end = body_rewrite(&g->scan, piece, &g->body, &used);
		buf_take(in, used);
	} else {
		end = body_scan(&g->scan, piece, &pass, &used);
		pass_on(g, in, pass, used);
	}
	return end;
}

enum step gate_run_message(struct gate *g, struct buf *in, struct buf *out)
{
	size_t before = g->body.len;
	const struct gate_fault *fault;
	enum body_scan end;

	if (g->eating)
		return eat(g, in, out);
	end = scan(g, in);
	fault = gate_look(g, before);
	if (end == BODY_FORBIDDEN)
		fault = &gate_bare_line_end;
	if (fault != NULL)
		return gate_give_up(g, fault, end == BODY_END ? gate_finished : gate_go_on);
	if (end == BODY_END)
		return gate_ask(g, GATE_ASKS_END, gate_finished);
	if (g->body.len ==
		before) /* what stands there already, Received:, goes with the first octets */
		return STEP_READ;
	return gate_ask(g, GATE_ASKS_ROOM, gate_go_on);
}
