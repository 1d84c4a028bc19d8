/* bdat.c - BDAT (RFC 3030): chunks whose sizes are said before. Towards the hops it is DATA.
 *
 *	BDAT -> (DATA at the hops, once) -> chunk -> 250 -> BDAT ... -> chunk of LAST -> the hop's answer
 *
 * The octets of a chunk are never read as commands: where one is not wanted it is eaten, then answered. A
 * chunk that fails ends the transaction; those that were piped behind it are eaten as well. */
#include "smtpgate/gate_private.h"

#include <inttypes.h>

/* Over the limit by more than this nothing is eaten any more: the connection ends. */
#define SURPLUS_MAX (UINT64_C(16) << 20)

static bool read_args(struct str args, struct str *size, bool *last)
{
	struct str rest;
	bool more = str_split(args, ' ', size, &rest);

	*last = more && str_eq_nocase(rest, STR("LAST"));
	for (size_t i = 0; i < size->n; i++)
		if (!ascii_digit(size->p[i]))
			return false;
	return size->n > 0 && (*last || !more);
}

static enum step eat_and_say(struct gate *g, int code, const char *text)
{
	g->mail->reply = reply_make(code, text);
	g->eating = true;
	return STEP_AGAIN;
}

static enum step opened(struct gate *g, struct buf *out)
{
	(void)out;
	if (g->mail->reply.code != 354) {
		gate_tell_data_refused(g);
		g->eating = true;
		return STEP_AGAIN;
	}
	gate_begin_body(g);
	g->phase = GATE_CHUNKS;
	return STEP_AGAIN;
}

static enum step begin(struct gate *g)
{
	if (g->eating) /* the hop has failed between two chunks: g->mail->reply says how */
		return STEP_AGAIN;
	if (g->phase < GATE_MAIL) {
		g->errors++;
		return eat_and_say(g, 503, "5.5.1 MAIL comes first");
	}
	if (g->recipients == 0) {
		g->errors++;
		return eat_and_say(g, 554, "5.5.1 No recipient was accepted");
	}
	if (g->octets - g->scan.dots + g->chunk > gate_max_size(g)) {
		if (g->in_body)
			return gate_give_up(g, &gate_too_large, gate_go_on);
		gate_tell_refused(g, "data", NULL, gate_too_large.code, gate_too_large.reason);
		return eat_and_say(g, gate_too_large.code, gate_too_large.text);
	}
	return g->in_body ? STEP_AGAIN : gate_ask(g, GATE_ASKS_DATA, opened);
}

enum step run_bdat(struct engine *e, struct str args, struct buf *out)
{
	struct gate *g = gate_of(e);
	struct str size;
	uint64_t n;

	if (!read_args(args, &size, &g->last_chunk))
		return gate_err(g, out, 501, "5.5.4 BDAT takes a number, and LAST behind the last");
	if (!str_to_u64(size, gate_max_size(g) + SURPLUS_MAX, &n)) {
		gate_say(out, gate_too_large.code, gate_too_large.text);
		return gate_cut(
			g, out, "4.7.0 The chunk is too large to read, closing", "chunk-size");
	}
	g->chunk = g->chunk_n = n;
	g->reads = GATE_READS_CHUNK;
	return begin(g);
}

static enum step chunk_done(struct gate *g, struct buf *out)
{
	if (g->eating)
		return gate_reset(g, out, gate_say_reply);
	g->reads = GATE_READS_COMMANDS;
	buf_printf(out, "250 2.0.0 %" PRIu64 " octets received\r\n", g->chunk_n);
	return STEP_AGAIN;
}

static size_t available(const struct gate *g, const struct buf *in)
{
	return in->len < g->chunk ? in->len : (size_t)g->chunk;
}

/* A chunk out of its place is an error like any other. */
static enum step say_eaten(struct gate *g, struct buf *out)
{
	reply_put(out, &g->mail->reply);
	if (g->errors < GATE_ERRORS_MAX)
		return STEP_AGAIN;
	return gate_cut(g, out, "4.7.0 Too many errors, closing", "errors");
}

static enum step eat_chunk(struct gate *g, struct buf *in, struct buf *out)
{
	size_t n = available(g, in);

	buf_take(in, n);
	g->chunk -= n;
	return g->chunk == 0 ? gate_reset(g, out, say_eaten) : STEP_READ;
}

/* As much of the chunk as there is, and room for. False at an octet that must not be there. */
static bool take_piece(struct gate *g, struct buf *in)
{
	size_t room = (buf_room(&g->body) - body_room(0)) / 2, n = available(g, in);
	bool fine;

	if (n > room)
		n = room;
	fine = body_chunk(&g->scan, str_first(buf_str(in), n), &g->body);
	buf_take(in, n);
	g->chunk -= n;
	if (fine && g->chunk == 0 && g->last_chunk)
		fine = body_chunk_end(&g->scan, &g->body);
	return fine;
}

enum step gate_run_chunk(struct gate *g, struct buf *in, struct buf *out)
{
	size_t before = g->body.len;
	const struct gate_fault *fault;
	bool fine;

	if (g->eating)
		return eat_chunk(g, in, out);
	fine = take_piece(g, in);
	fault = gate_look(g, before);
	if (!fine)
		fault = &gate_bare_line_end;
	if (fault != NULL)
		return gate_give_up(g, fault, gate_go_on);
	if (g->chunk == 0 && g->last_chunk)
		return gate_ask(g, GATE_ASKS_END, gate_finished);
	if (g->body.len > 0)
		return gate_ask(g, GATE_ASKS_ROOM, g->chunk == 0 ? chunk_done : gate_go_on);
	return g->chunk == 0 ? chunk_done(g, out) : STEP_READ;
}
