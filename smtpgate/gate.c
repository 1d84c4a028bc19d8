/* gate.c - the table of commands, and the step that takes one line. */
#include "smtpgate/gate.h"

#include <assert.h>

#include "common/line/line.h"
#include "smtpgate/gate_private.h"

#define ANY (GATE_START | GATE_READY | GATE_MAIL)

/* clang-format off */
static const struct verb verbs[] = {
	{ "EHLO", ANY,                     VERB_ARGS, run_ehlo },
	{ "HELO", ANY,                     VERB_ARGS, run_helo },
	{ "MAIL", GATE_READY,              VERB_ARGS, run_mail },
	{ "RCPT", GATE_MAIL,               VERB_ARGS, run_rcpt },
	{ "DATA", GATE_MAIL,               VERB_BARE, run_data },
	{ "RSET", ANY,                     VERB_BARE, run_rset },
	{ "NOOP", ANY,                     0,         run_noop },
	{ "VRFY", ANY,                     VERB_ARGS, run_vrfy },
	{ "EXPN", ANY,                     VERB_ARGS, run_expn },
	{ "HELP", ANY,                     0,         run_help },
	{ "QUIT", ANY,                     VERB_BARE, run_quit },
	{ NULL, 0, 0, NULL },
};
/* clang-format on */

enum step gate_ask(
	struct gate *g, enum gate_asks kind, enum step (*then_fn)(struct gate *, struct buf *))
{
	g->ask.kind = kind;
	g->then = then_fn;
	return STEP_ASK;
}

enum step gate_say(struct buf *out, int code, const char *text)
{
	buf_printf(out, "%d %s\r\n", code, text);
	return STEP_AGAIN;
}

enum step gate_err(struct gate *g, struct buf *out, int code, const char *text)
{
	gate_say(out, code, text);
	if (++g->errors < GATE_ERRORS_MAX)
		return STEP_AGAIN;
	gate_say(out, 421, "4.7.0 Too many errors, closing");
	return STEP_CLOSE;
}

void gate_clear(struct gate *g)
{
	if (g->phase == GATE_MAIL)
		g->phase = GATE_READY;
	g->recipients = 0;
	g->octets = 0;
	g->in_body = g->eating = g->asked_hop = false;
	g->scan = (struct body){ 0 };
	memset(&g->envelope, 0, sizeof(g->envelope));
	buf_free(&g->body);
}

enum step gate_reset(
	struct gate *g, struct buf *out, enum step (*then_fn)(struct gate *, struct buf *))
{
	bool asked = g->asked_hop;

	gate_clear(g);
	return asked ? gate_ask(g, GATE_ASKS_RESET, then_fn) : then_fn(g, out);
}

static enum step greet(struct gate *g, struct buf *out)
{
	g->greeted = true;
	buf_printf(out, "220 %.200s ESMTP Popgate\r\n", g->facts->hostname);
	return STEP_AGAIN;
}

/* What speaks here and is no SMTP client, such as a browser that was made to. */
static bool foreign(struct str line)
{
	static const char *const words[] = { "GET ", "POST ", "HEAD ", "PUT ", "OPTIONS ",
		"CONNECT ", "DELETE ", "SSH-", "Host:", "User-Agent:" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_starts_nocase(line, str_of(words[i])))
			return true;
	return false;
}

static bool printable(struct str line)
{
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < ' ' || line.p[i] == 0x7f)
			return false;
	return true;
}

static enum step misfit(struct gate *g, enum verb_fit fit, const struct verb *verb, struct buf *out)
{
	switch (fit) {
	case VERB_WRONG_PHASE:
		if (g->phase == GATE_START)
			return gate_err(g, out, 503, "5.5.1 Send EHLO or HELO first");
		return gate_err(g, out, 503,
			verb->run == run_mail ? "5.5.1 One sender is enough"
					      : "5.5.1 MAIL comes first");
	case VERB_NO_ARGUMENT: return gate_err(g, out, 501, "5.5.4 An argument is missing");
	case VERB_ARGUMENT: return gate_err(g, out, 501, "5.5.4 This command takes no argument");
	case VERB_NEEDS_TLS:
	case VERB_PIPELINED:
	case VERB_UNKNOWN:
	case VERB_FITS: break;
	}
	return gate_err(g, out, 500, "5.5.2 Unknown command");
}

static enum step obey_line(struct gate *g, struct str line, struct buf *out)
{
	const struct verb_facts facts = { .phase = g->phase, .secure = true };
	const struct verb *verb = NULL;
	enum verb_fit fit;
	struct str args;

	if (!printable(line))
		return gate_err(g, out, 500, "5.5.2 Control characters in a command");
	while (line.n > 0 &&
		line.p[line.n - 1] == ' ') /* RFC 5321 4.1.1: receivers tolerate them */
		line.n--;
	fit = verb_find(verbs, line, &facts, &verb, &args);
	if (fit != VERB_FITS)
		return misfit(g, fit, verb, out);
	return verb->run(&g->engine, args, out);
}

static enum step skip(struct gate *g, struct buf *in)
{
	bool ended;

	buf_take(in, line_skip(buf_str(in), &ended));
	g->skipping = !ended;
	return ended ? STEP_AGAIN : STEP_READ;
}

static enum step bad_line(struct gate *g, const char *text, struct buf *out)
{
	g->skipping = true;
	return gate_err(g, out, 500, text);
}

static enum step run_line(struct gate *g, struct buf *in, struct buf *out)
{
	struct str line;
	size_t used;
	enum step step;

	switch (line_cut(buf_str(in), GATE_LINE_MAX, &line, &used)) {
	case LINE_PARTIAL: return STEP_READ;
	case LINE_TOO_LONG: return bad_line(g, "5.5.2 The line is too long", out);
	case LINE_FORBIDDEN:
		return bad_line(
			g, "5.5.2 Lines end in CR LF, and hold no other CR, LF or NUL", out);
	case LINE_WHOLE: break;
	}
	if (foreign(line)) {
		gate_say(out, 421, "4.7.0 This is SMTP, closing");
		return STEP_CLOSE;
	}
	step = obey_line(g, line, out);
	buf_take(in, used);
	return step;
}

static enum step run(struct engine *e, struct buf *in, struct buf *out)
{
	struct gate *g = gate_of(e);
	enum step (*then)(struct gate *, struct buf *) = g->then;

	if (!g->greeted)
		return greet(g, out);
	if (then != NULL) {
		g->then = NULL;
		g->ask.kind = GATE_ASKS_NOTHING;
		return then(g, out);
	}
	if (g->in_body)
		return gate_run_body(g, in, out);
	return g->skipping ? skip(g, in) : run_line(g, in, out);
}

static void farewell(struct engine *e, enum farewell why, struct buf *out)
{
	(void)e;
	gate_say(out, 421,
		why == FAREWELL_IDLE ? "4.4.2 You were silent for too long"
				     : "4.3.2 The server is shutting down");
}

static bool busy(const struct engine *e)
{
	const struct gate *g = (const struct gate *)(const void *)e;

	return g->phase == GATE_MAIL || g->ask.kind != GATE_ASKS_NOTHING;
}

static const struct engine_ops ops = { run, farewell, busy };

void gate_init(struct gate *g, const struct gate_facts *facts)
{
	memset(g, 0, sizeof(*g));
	g->engine.ops = &ops;
	g->facts = facts;
	g->phase = GATE_START;
	buf_init(&g->body, GATE_BODY_MAX);
}

void gate_free(struct gate *g)
{
	buf_free(&g->body);
}

void gate_proof(struct gate *g, enum proof proof)
{
	assert(g->ask.kind == GATE_ASKS_PROOF);
	g->proof = proof;
}

void gate_reply(struct gate *g, const struct reply *r)
{
	assert(g->ask.kind == GATE_ASKS_RECIPIENT || g->ask.kind == GATE_ASKS_DATA ||
		g->ask.kind == GATE_ASKS_END);
	g->reply = *r;
}

void gate_room(struct gate *g)
{
	assert(g->ask.kind == GATE_ASKS_ROOM || g->ask.kind == GATE_ASKS_ABORT ||
		g->ask.kind == GATE_ASKS_RESET);
}

void gate_fail(struct gate *g, const struct reply *r)
{
	assert(g->in_body);
	if (g->eating)
		return;
	g->eating = true;
	g->reply = *r;
	buf_clear(&g->body);
}

bool gate_in_body(const struct gate *g)
{
	return g->in_body;
}
