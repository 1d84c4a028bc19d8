/* gate.c - the table of commands, and the step that takes one line. */
#include "smtpgate/gate.h"

#include <assert.h>
#include <stdlib.h>

#include "common/line/base64.h"
#include "common/line/line.h"
#include "smtpgate/gate_private.h"

#define ANY (GATE_START | GATE_READY | GATE_MAIL | GATE_CHUNKS)
#define GREETED (GATE_READY | GATE_MAIL | GATE_CHUNKS)

/* clang-format off */
static const struct verb verbs[] = {
	{ "EHLO",     ANY,        VERB_ARGS,             run_ehlo },
	{ "HELO",     ANY,        VERB_ARGS,             run_helo },
	{ "MAIL",     GATE_READY, VERB_ARGS | GATE_MAIL_ROOM, run_mail },
	{ "RCPT",     GATE_MAIL,  VERB_ARGS,             run_rcpt },
	{ "DATA",     GATE_MAIL,  VERB_BARE,             run_data },
	{ "BDAT",     ANY,        VERB_ARGS | GATE_MAIL_ROOM, run_bdat }, /* its octets follow, wanted or not */
	{ "RSET",     ANY,        VERB_BARE,             run_rset },
	{ "NOOP",     ANY,        0,                     run_noop },
	{ "VRFY",     ANY,        VERB_ARGS,             run_vrfy },
	{ "EXPN",     ANY,        VERB_ARGS,             run_expn },
	{ "HELP",     ANY,        0,                     run_help },
	{ "XADR",     ANY,        VERB_BARE,             run_xadr },
	{ "STARTTLS", GREETED,    VERB_BARE | VERB_LAST, run_starttls },
	{ "AUTH",     GATE_READY, VERB_ARGS,             run_auth },
	{ "QUIT",     ANY,        VERB_BARE,             run_quit },
	{ NULL, 0, 0, NULL },
};
/* clang-format on */

enum step gate_ask(struct gate *g, enum gate_asks kind, gate_then *then_fn)
{
	g->ask.kind = kind;
	g->then = then_fn;
	return STEP_ASK;
}

enum step gate_say(struct buf *out, int code, const char *text)
{
	reply_put_line(out, code, ' ', str_of(text));
	return STEP_AGAIN;
}

enum step gate_cut(struct gate *g, struct buf *out, const char *text, const char *why)
{
	gate_say(out, 421, text);
	g->cut = why;
	return STEP_CLOSE;
}

enum step gate_err(struct gate *g, struct buf *out, int code, const char *text)
{
	gate_say(out, code, text);
	if (++g->errors < GATE_ERRORS_MAX)
		return STEP_AGAIN;
	return gate_cut(g, out, "4.7.0 Too many errors, closing", "errors");
}

void gate_clear(struct gate *g)
{
	if (g->phase != GATE_START)
		g->phase = GATE_READY;
	g->reads = GATE_READS_COMMANDS;
	g->recipients = 0;
	g->octets = 0;
	g->seven_bit = g->in_body = g->eating = g->asked_hop = false;
	g->scan = (struct body){ 0 };
	g->trace = (struct received_count){ 0 };
	if (g->mail != NULL)
		memset(&g->mail->envelope, 0, sizeof(g->mail->envelope));
	buf_free(&g->body);
}

enum step gate_reset(struct gate *g, struct buf *out, gate_then *then_fn)
{
	bool asked = g->asked_hop, in_body = g->in_body;

	gate_clear(g);
	if (!asked)
		return then_fn(g, out);
	return gate_ask(g, in_body ? GATE_ASKS_ABORT : GATE_ASKS_RESET, then_fn);
}

/* What speaks here and is no SMTP client: a browser that was made to, TLS where there is none. The first octet
 * settles nearly all: whole comparisons were 3 % of our own instructions for a message. */
static bool foreign(struct str in)
{
	static const char *const words[] = { "GET ", "POST ", "HEAD ", "PUT ", "OPTIONS ",
		"CONNECT ", "DELETE ", "PATCH ", "TRACE ", "PRI * HTTP", "SSH-",
		"Host:", "User-Agent:", "\x16\x03" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (in.n > 0 && ascii_lower(in.p[0]) == ascii_lower(words[i][0]) &&
			str_starts_nocase(in, str_of(words[i])))
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

/* A command out of its place. */
static const char *wrong_phase(const struct gate *g, const struct verb *verb)
{
	if (g->phase == GATE_START)
		return "5.5.1 Send EHLO or HELO first";
	if (g->phase == GATE_CHUNKS)
		return "5.5.1 The message is under way: BDAT goes on, RSET gives it up";
	if (verb->run == run_mail)
		return "5.5.1 One sender is enough";
	return verb->run == run_auth ? "5.5.1 Not during a transaction" : "5.5.1 MAIL comes first";
}

static enum step misfit(struct gate *g, enum verb_fit fit, const struct verb *verb, struct buf *out)
{
	switch (fit) {
	case VERB_WRONG_PHASE: return gate_err(g, out, 503, wrong_phase(g, verb));
	case VERB_NO_ARGUMENT: return gate_err(g, out, 501, "5.5.4 An argument is missing");
	case VERB_ARGUMENT: return gate_err(g, out, 501, "5.5.4 This command takes no argument");
	case VERB_PIPELINED:
		return gate_err(g, out, 503, "5.5.1 Nothing may be piped behind this command");
	case VERB_NEEDS_TLS:
	case VERB_UNKNOWN:
	case VERB_FITS: break;
	}
	return gate_err(g, out, 500, "5.5.2 Unknown command");
}

/* Before the first command of a transaction. */
static bool make_room(struct gate *g)
{
	if (g->mail == NULL)
		g->mail = calloc(1, sizeof(*g->mail));
	return g->mail != NULL;
}

/* Nothing of a transaction is left, and the client may be silent for long. */
static void give_room_back(struct gate *g)
{
	if (g->phase > GATE_READY || g->reads != GATE_READS_COMMANDS)
		return;
	free(g->mail);
	g->mail = NULL;
}

static enum step obey_line(struct gate *g, struct str line, bool more, struct buf *out)
{
	const struct verb_facts facts = { .phase = g->phase, .secure = true, .more = more };
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
	if ((verb->flags & GATE_MAIL_ROOM) != 0 && !make_room(g))
		return gate_cut(g, out, "4.3.0 Out of memory, closing", "memory");
	return verb->run(&g->engine, args, out);
}

static enum step skip(struct gate *g, struct buf *in)
{
	bool ended;

	buf_take(in, line_skip(buf_str(in), &ended));
	if (!ended)
		return STEP_READ;
	g->reads = GATE_READS_COMMANDS;
	return STEP_AGAIN;
}

static enum step bad_line(struct gate *g, const char *text, struct buf *out)
{
	g->reads = GATE_READS_TAIL;
	return gate_err(g, out, 500, text);
}

enum step gate_cut_line(struct gate *g, struct buf *in, size_t max, const char *too_long,
	struct buf *out, struct str *line, size_t *used)
{
	switch (line_cut(buf_str(in), max, line, used)) {
	case LINE_PARTIAL: return STEP_READ;
	case LINE_TOO_LONG: return bad_line(g, too_long, out);
	case LINE_FORBIDDEN:
		return bad_line(
			g, "5.5.2 Lines end in CR LF, and hold no other CR, LF or NUL", out);
	case LINE_WHOLE: break;
	}
	return STEP_AGAIN;
}

static enum step run_line(struct gate *g, struct buf *in, struct buf *out)
{
	bool auth = str_starts_nocase(buf_str(in), STR("AUTH "));
	struct str line = STR("");
	size_t used = 0;
	enum step step;

	if (foreign(buf_str(in)))
		return gate_cut(g, out, "4.7.0 This is SMTP, closing", "foreign");
	step = gate_cut_line(g, in, auth ? GATE_SASL_MAX : GATE_LINE_MAX,
		"5.5.2 The line is too long", out, &line, &used);
	if (used == 0)
		return step;
	step = obey_line(g, line, in->len > used, out);
	if (auth)
		explicit_bzero(in->p + in->head, used); /* it may be a password */
	buf_take(in, used);
	return step;
}

#define EVICTED "4.7.0 Your account was changed, log in again"

static enum step turn(struct gate *g, struct buf *in, struct buf *out)
{
	gate_then *then = g->then;

	if (!g->greeted)
		return gate_greet(g, in, out);
	if (then != NULL) {
		g->then = NULL;
		g->ask.kind = GATE_ASKS_NOTHING;
		return then(g, out);
	}
	if (g->evicted && gate_between(g))
		return gate_cut(g, out, EVICTED, "account-changed");
	switch (g->reads) {
	case GATE_READS_COMMANDS: break;
	case GATE_READS_TAIL: return skip(g, in);
	case GATE_READS_RESPONSE: return gate_run_response(g, in, out);
	case GATE_READS_MESSAGE: return gate_run_message(g, in, out);
	case GATE_READS_CHUNK: return gate_run_chunk(g, in, out);
	}
	return run_line(g, in, out);
}

static enum step run(struct engine *e, struct buf *in, struct buf *out)
{
	struct gate *g = gate_of(e);
	enum step step = turn(g, in, out);

	if (step == STEP_READ)
		give_room_back(g);
	return step;
}

static void farewell(struct engine *e, enum farewell why, struct buf *out)
{
	struct gate *g = gate_of(e);

	if (g->evicted && gate_between(g))
		(void)gate_cut(g, out, EVICTED, "account-changed");
	else
		gate_say(out, 421,
			why == FAREWELL_IDLE ? "4.4.2 You were silent for too long"
					     : "4.3.2 The server is shutting down");
}

static bool busy(const struct engine *e)
{
	const struct gate *g = (const struct gate *)(const void *)e;

	return g->phase >= GATE_MAIL || g->ask.kind != GATE_ASKS_NOTHING ||
		g->reads == GATE_READS_RESPONSE;
}

static const struct engine_ops ops = { run, farewell, busy };

void gate_init(struct gate *g, const struct gate_facts *facts)
{
	memset(g, 0, sizeof(*g));
	g->engine.ops = &ops;
	g->facts = facts;
	g->phase = GATE_START;
	g->tls = facts->tls;
	buf_init(&g->body, GATE_BODY_MAX);
	buf_init(&g->sasl, BASE64_SIZE(GATE_SASL_MAX));
}

void gate_free(struct gate *g)
{
	buf_free(&g->body);
	buf_free(&g->sasl);
	free(g->mail);
	free(g->helo);
	g->mail = NULL;
	g->helo = NULL;
}

struct str gate_helo(const struct gate *g)
{
	return str_of(g->helo != NULL ? g->helo : "");
}

void gate_proof(struct gate *g, const struct policy_client *client)
{
	assert(g->ask.kind == GATE_ASKS_PROOF);
	g->mail->client = *client;
}

void gate_auth(struct gate *g, enum gate_auth says, struct str challenge)
{
	assert(g->ask.kind == GATE_ASKS_AUTH);
	g->auth = says;
	buf_free(&g->sasl);
	if (says == GATE_AUTH_CONTINUE)
		base64_add(&g->sasl, challenge);
}

void gate_reply(struct gate *g, const struct reply *r)
{
	assert(g->ask.kind == GATE_ASKS_RECIPIENT || g->ask.kind == GATE_ASKS_DATA ||
		g->ask.kind == GATE_ASKS_END);
	g->mail->reply = *r;
}

void gate_refuse(struct gate *g, const struct reply *r, const char *reason)
{
	assert(g->ask.kind == GATE_ASKS_DATA && r->code != 354);
	g->mail->reply = *r;
	g->mail->reason = reason;
}

void gate_room(struct gate *g)
{
	assert(g->ask.kind == GATE_ASKS_ROOM || g->ask.kind == GATE_ASKS_ABORT ||
		g->ask.kind == GATE_ASKS_RESET || g->ask.kind == GATE_ASKS_GREETING);
}

void gate_fail(struct gate *g, const struct reply *r)
{
	assert(g->in_body);
	if (g->eating)
		return;
	g->eating = true;
	g->mail->reply = *r;
	buf_free(&g->body); /* it may be broken */
}

void gate_evict(struct gate *g)
{
	g->evicted = true;
}

bool gate_between(const struct gate *g)
{
	return g->greeted && g->then == NULL &&
		(g->reads == GATE_READS_COMMANDS || g->reads == GATE_READS_TAIL);
}

bool gate_in_body(const struct gate *g)
{
	return g->in_body;
}
