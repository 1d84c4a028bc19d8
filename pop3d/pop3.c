/* pop3.c - the table of commands, and the step that takes one line. */
#include "pop3d/pop3.h"

#include <assert.h>
#include <stdlib.h>

#include "common/line/line.h"
#include "pop3d/pop3_private.h"

/* clang-format off */
static const struct verb verbs[] = {
	{ "CAPA", POP3_AUTHORIZATION | POP3_TRANSACTION, VERB_BARE,               run_capa },
	{ "STLS", POP3_AUTHORIZATION,                    VERB_BARE,               run_stls },
	{ "UTF8", POP3_AUTHORIZATION,                    VERB_BARE,               run_utf8 },
	{ "LANG", POP3_AUTHORIZATION | POP3_TRANSACTION, 0,                       run_lang },
	{ "XADR", POP3_AUTHORIZATION,                    VERB_BARE,               run_xadr },
	{ "USER", POP3_AUTHORIZATION,                    VERB_ARGS | VERB_SECURE, run_user },
	{ "PASS", POP3_AUTHORIZATION,                    VERB_ARGS | VERB_SECURE, run_pass },
	{ "APOP", POP3_AUTHORIZATION,                    VERB_ARGS,               run_apop },
	{ "AUTH", POP3_AUTHORIZATION,                    0,                       run_auth },
	{ "STAT", POP3_TRANSACTION,                      VERB_BARE | POP3_DROP,   run_stat },
	{ "LIST", POP3_TRANSACTION,                      POP3_DROP,               run_list },
	{ "UIDL", POP3_TRANSACTION,                      POP3_DROP,               run_uidl },
	{ "RETR", POP3_TRANSACTION,                      VERB_ARGS | POP3_DROP,   run_retr },
	{ "TOP",  POP3_TRANSACTION,                      VERB_ARGS | POP3_DROP,   run_top },
	{ "DELE", POP3_TRANSACTION,                      VERB_ARGS | POP3_DROP,   run_dele },
	{ "NOOP", POP3_TRANSACTION,                      VERB_BARE,               run_noop },
	{ "RSET", POP3_TRANSACTION,                      VERB_BARE,               run_rset },
	{ "QUIT", POP3_AUTHORIZATION | POP3_TRANSACTION, VERB_BARE,               run_quit },
	{ NULL, 0, 0, NULL },
};
/* clang-format on */

enum step pop3_ask(
	struct pop3 *p, enum pop3_asks kind, enum step (*then_fn)(struct pop3 *, struct buf *))
{
	p->ask.kind = kind;
	p->then = then_fn;
	return STEP_ASK;
}

enum step pop3_ok(struct buf *out, const char *text)
{
	buf_printf(out, "+OK %s\r\n", text);
	return STEP_AGAIN;
}

enum step pop3_err(struct pop3 *p, struct buf *out, const char *text)
{
	p->done.errors++;
	buf_printf(out, "-ERR %s\r\n", text);
	if (++p->errors_in_row < POP3_ERRORS_MAX)
		return STEP_AGAIN;
	p->done.why = "errors";
	return STEP_CLOSE;
}

/* --- who else may be calling --- */

static const struct {
	const char *first, *protocol;
} strangers[] = {
	{ "GET ", "http" },
	{ "POST ", "http" },
	{ "HEAD ", "http" },
	{ "PUT ", "http" },
	{ "PATCH ", "http" },
	{ "TRACE ", "http" },
	{ "OPTIONS ", "http" },
	{ "CONNECT ", "http" },
	{ "DELETE ", "http" },
	{ "PRI * HTTP", "http" },
	{ "Host:", "http" },
	{ "EHLO", "smtp" },
	{ "HELO", "smtp" },
	{ "LHLO", "smtp" },
	{ "MAIL FROM:", "smtp" },
	{ "REGISTER ", "sip" },
	{ "INVITE ", "sip" },
	{ "SSH-", "ssh" },
	{ "PROXY ", "proxy" },
	{ "\x16\x03", "tls" },
};

/* What speaks first here and is no POP3 client: answering it as one helps only an attacker who makes a
 * browser talk to us. A TLS handshake has no lines, so that what has come so far is looked at. */
static const char *stranger(struct str in)
{
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
		if (str_starts_nocase(in, str_of(strangers[i].first)))
			return strangers[i].protocol;
	return NULL;
}

static bool printable(struct str line)
{
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < ' ' || line.p[i] == 0x7f)
			return false;
	return true;
}

static enum step misfit(struct pop3 *p, enum verb_fit fit, struct buf *out)
{
	switch (fit) {
	case VERB_WRONG_PHASE:
		return pop3_err(p, out,
			p->phase == POP3_AUTHORIZATION ? "Log in first"
						       : "You are logged in already");
	case VERB_NEEDS_TLS:
		return pop3_err(p, out,
			"[AUTH] Your password would be sent in clear: turn on SSL/TLS in your mail "
			"program");
	case VERB_NO_ARGUMENT: return pop3_err(p, out, "An argument is missing");
	case VERB_ARGUMENT: return pop3_err(p, out, "This command takes no argument");
	case VERB_PIPELINED: return pop3_err(p, out, "Nothing may be sent behind this command");
	case VERB_UNKNOWN:
	case VERB_FITS: break;
	}
	return pop3_err(p, out, "Unknown command");
}

static enum step ask_scan(struct pop3 *p, struct buf *out)
{
	(void)p;
	(void)out;
	return STEP_AGAIN; /* the line is still there, and is read again */
}

/* RFC 1939 7: PASS counts only immediately behind a USER that was taken. */
static void keep_user(struct pop3 *p, const struct verb *verb)
{
	if (verb == NULL || verb->run != run_pass)
		buf_free(&p->user);
}

static enum step obey_line(struct pop3 *p, struct str line, bool *taken, struct buf *out)
{
	const struct verb_facts facts = { .phase = p->phase, .secure = p->facts.secure };
	const struct verb *verb = NULL;
	unsigned errors = p->done.errors;
	struct str args;
	enum verb_fit fit;
	enum step step;

	*taken = true;
	if (!printable(line))
		return pop3_err(p, out, "Control characters in a command");
	fit = verb_find(verbs, line, &facts, &verb, &args);
	keep_user(p, verb);
	if (fit != VERB_FITS)
		return misfit(p, fit, out);
	if ((verb->flags & POP3_DROP) != 0 && !p->scanned) {
		*taken = false;
		return pop3_ask(p, POP3_ASKS_SCAN, ask_scan);
	}
	step = verb->run(&p->engine, args, out);
	if (p->done.errors == errors && p->phase == POP3_TRANSACTION)
		p->errors_in_row = 0;
	return step;
}

/* Drops what is left of a line that nobody will run. */
static enum step skip(struct pop3 *p, struct buf *in)
{
	bool ended;

	buf_take(in, line_skip(buf_str(in), &ended));
	p->skipping = !ended;
	return ended ? STEP_AGAIN : STEP_READ;
}

static enum step bad_line(struct pop3 *p, const char *text, struct buf *out)
{
	p->skipping = true;
	if (p->responding)
		return pop3_cannot_respond(p, text);
	buf_free(&p->user);
	return pop3_err(p, out, text);
}

/* Only what carries base64 may be long: it was never to fit into RFC 2449's 255 octets (RFC 5034 4). */
static size_t line_max(const struct pop3 *p, struct str in)
{
	if (p->responding)
		return POP3_BASE64_MAX + 2;
	if (p->phase == POP3_AUTHORIZATION && str_starts_nocase(in, STR("AUTH ")))
		return POP3_BASE64_MAX + POP3_LINE_MAX;
	return POP3_LINE_MAX;
}

static enum step run_line(struct pop3 *p, struct buf *in, struct buf *out)
{
	struct str line;
	size_t used;
	bool taken = true, login = p->phase == POP3_AUTHORIZATION;
	enum step step;

	switch (line_cut_lf(buf_str(in), line_max(p, buf_str(in)), &line, &used)) {
	case LINE_PARTIAL: return STEP_READ;
	case LINE_TOO_LONG: return bad_line(p, "The line is too long", out);
	case LINE_FORBIDDEN: return bad_line(p, "Control characters in a line", out);
	case LINE_WHOLE: break;
	}
	step = p->responding ? pop3_respond(p, line, out) : obey_line(p, line, &taken, out);
	if (taken && login) /* it may be a password, of which there is a copy to be asked for */
		explicit_bzero(in->p + in->head, used);
	if (taken)
		buf_take(in, used);
	return step;
}

static bool is_foreign(struct pop3 *p, struct buf *in)
{
	if (p->phase == POP3_AUTHORIZATION && !p->responding)
		p->done.foreign = stranger(buf_str(in));
	if (p->done.foreign != NULL)
		p->done.why = "foreign";
	return p->done.foreign != NULL;
}

/* RFC 3206 5: the credentials are the problem. */
static enum step say_evicted(struct pop3 *p, struct buf *out)
{
	p->done.why = "account-changed";
	buf_line(out, STR("-ERR [AUTH] Your account was changed, log in again"));
	return STEP_CLOSE;
}

static enum step run(struct engine *e, struct buf *in, struct buf *out)
{
	struct pop3 *p = pop3_of(e);
	enum step (*then)(struct pop3 *, struct buf *) = p->then;

	if (!p->greeted)
		return pop3_greet(p, out);
	if (then != NULL) {
		p->then = NULL;
		p->ask.kind = POP3_ASKS_NOTHING;
		return then(p, out);
	}
	if (p->evicted)
		return say_evicted(p, out);
	if (p->skipping)
		return skip(p, in);
	if (is_foreign(p, in))
		return STEP_CLOSE;
	return run_line(p, in, out);
}

/* RFC 1939 3: on a timeout nothing is said, for it would be taken for the answer to a command that is
 * already on its way; and nothing may be said within an answer. */
static void farewell(struct engine *e, enum farewell why, struct buf *out)
{
	struct pop3 *p = pop3_of(e);

	if (p->evicted && pop3_between(p))
		(void)say_evicted(p, out);
	else if (why == FAREWELL_SHUTDOWN && p->then == NULL)
		buf_line(out, STR("-ERR [SYS/TEMP] The server is shutting down"));
}

static bool busy(const struct engine *e)
{
	const struct pop3 *p = (const struct pop3 *)(const void *)e;

	return p->phase != POP3_AUTHORIZATION || p->ask.kind != POP3_ASKS_NOTHING;
}

static const struct engine_ops ops = { run, farewell, busy };

void pop3_init(struct pop3 *p)
{
	memset(p, 0, sizeof(*p));
	p->engine.ops = &ops;
	p->phase = POP3_AUTHORIZATION;
	p->facts.mechanisms = p->facts.hostname = "";
	buf_init(&p->user, POP3_LINE_MAX);
	buf_init(&p->secret, POP3_RESPONSE_MAX);
	buf_init(&p->challenge, POP3_RESPONSE_MAX);
}

void pop3_free(struct pop3 *p)
{
	free(p->doomed);
	p->doomed = NULL;
	buf_free(&p->user);
	buf_free(&p->secret);
	buf_free(&p->challenge);
}

void pop3_evict(struct pop3 *p)
{
	p->evicted = true;
}

bool pop3_between(const struct pop3 *p)
{
	return p->greeted && p->then == NULL;
}

static enum step say_not_scanned(struct pop3 *p, struct buf *out)
{
	(void)p;
	buf_line(out, STR("-ERR [SYS/TEMP] The maildrop cannot be read now"));
	return STEP_CLOSE;
}

void pop3_scanned(struct pop3 *p, const struct pop3_drop *drop)
{
	assert(p->ask.kind == POP3_ASKS_SCAN);
	p->doomed = calloc(drop->n + 1, sizeof(*p->doomed));
	p->drop = *drop;
	p->scanned = p->doomed != NULL;
	if (!p->scanned)
		p->then = say_not_scanned;
}

void pop3_not_scanned(struct pop3 *p)
{
	assert(p->ask.kind == POP3_ASKS_SCAN);
	p->then = say_not_scanned;
}

void pop3_piece(struct pop3 *p, enum pop3_piece kind, struct str octets)
{
	assert(p->ask.kind == POP3_ASKS_PIECE && octets.n <= POP3_PIECE_MAX);
	p->piece_kind = kind;
	p->piece = octets;
}

void pop3_updated(struct pop3 *p, size_t stayed)
{
	assert(p->ask.kind == POP3_ASKS_UPDATE);
	p->stayed = stayed;
}
