/* pop3.c - the table of commands, and the step that takes one line. */
#include "pop3d/pop3.h"

#include <assert.h>
#include <stdlib.h>

#include "common/line/line.h"
#include "pop3d/pop3_private.h"

/* clang-format off */
static const struct verb verbs[] = {
	{ "USER", POP3_AUTHORIZATION,                    VERB_ARGS | VERB_SECURE, run_user },
	{ "PASS", POP3_AUTHORIZATION,                    VERB_ARGS | VERB_SECURE, run_pass },
	{ "CAPA", POP3_AUTHORIZATION | POP3_TRANSACTION, VERB_BARE,               run_capa },
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
	if (p->done.errors < POP3_ERRORS_MAX)
		return STEP_AGAIN;
	buf_line(out, STR("-ERR Too many errors, closing"));
	return STEP_CLOSE;
}

static enum step greet(struct pop3 *p, struct buf *out)
{
	p->greeted = true;
	buf_printf(out, "+OK %.200s POP3 server ready\r\n", p->hostname);
	return STEP_AGAIN;
}

/* What speaks first here and is no POP3 client: answering it as one helps only an attacker who makes a
 * browser talk to us. */
static bool foreign(struct str line)
{
	static const char *const words[] = { "GET ", "POST ", "HEAD ", "PUT ", "OPTIONS ",
		"CONNECT ", "DELETE ", "EHLO ", "HELO ", "SSH-", "Host:" };

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

static enum step misfit(struct pop3 *p, enum verb_fit fit, struct buf *out)
{
	switch (fit) {
	case VERB_WRONG_PHASE:
		return pop3_err(p, out,
			p->phase == POP3_AUTHORIZATION ? "Log in first"
						       : "You are logged in already");
	case VERB_NEEDS_TLS:
		return pop3_err(p, out,
			"[AUTH] Passwords are not taken in clear from your address: use TLS");
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

static enum step obey_line(struct pop3 *p, struct str line, bool *taken, struct buf *out)
{
	const struct verb_facts facts = { .phase = p->phase, .secure = p->secure };
	const struct verb *verb = NULL;
	struct str args;
	enum verb_fit fit;

	*taken = true;
	if (!printable(line))
		return pop3_err(p, out, "Control characters in a command");
	fit = verb_find(verbs, line, &facts, &verb, &args);
	if (fit != VERB_FITS)
		return misfit(p, fit, out);
	if ((verb->flags & POP3_DROP) != 0 && !p->scanned) {
		*taken = false;
		return pop3_ask(p, POP3_ASKS_SCAN, ask_scan);
	}
	return verb->run(&p->engine, args, out);
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
	return pop3_err(p, out, text);
}

static enum step run_line(struct pop3 *p, struct buf *in, struct buf *out)
{
	struct str line;
	size_t used;
	bool taken;
	enum step step;

	switch (line_cut_lf(buf_str(in), POP3_LINE_MAX, &line, &used)) {
	case LINE_PARTIAL: return STEP_READ;
	case LINE_TOO_LONG: return bad_line(p, "The command is too long", out);
	case LINE_FORBIDDEN: return bad_line(p, "Control characters in a command", out);
	case LINE_WHOLE: break;
	}
	if (p->phase == POP3_AUTHORIZATION && foreign(line))
		return STEP_CLOSE;
	step = obey_line(p, line, &taken, out);
	if (taken)
		buf_take(in, used);
	return step;
}

static enum step run(struct engine *e, struct buf *in, struct buf *out)
{
	struct pop3 *p = pop3_of(e);
	enum step (*then)(struct pop3 *, struct buf *) = p->then;

	if (!p->greeted)
		return greet(p, out);
	if (then != NULL) {
		p->then = NULL;
		p->ask.kind = POP3_ASKS_NOTHING;
		return then(p, out);
	}
	if (p->skipping)
		return skip(p, in);
	return run_line(p, in, out);
}

/* RFC 1939 3: on a timeout no message is deleted and nothing need be said; saying why helps people. */
static void farewell(struct engine *e, enum farewell why, struct buf *out)
{
	(void)e;
	buf_line(out,
		why == FAREWELL_IDLE ? STR("-ERR [SYS/TEMP] You were silent for too long")
				     : STR("-ERR [SYS/TEMP] The server is shutting down"));
}

static bool busy(const struct engine *e)
{
	const struct pop3 *p = (const struct pop3 *)(const void *)e;

	return p->phase != POP3_AUTHORIZATION || p->ask.kind != POP3_ASKS_NOTHING;
}

static const struct engine_ops ops = { run, farewell, busy };

void pop3_init(struct pop3 *p, const char *hostname, bool secure)
{
	memset(p, 0, sizeof(*p));
	p->engine.ops = &ops;
	p->phase = POP3_AUTHORIZATION;
	p->hostname = hostname;
	p->secure = secure;
}

void pop3_free(struct pop3 *p)
{
	free(p->doomed);
	p->doomed = NULL;
	explicit_bzero(p->secret, sizeof(p->secret));
}

void pop3_login(struct pop3 *p, enum pop3_login verdict)
{
	assert(p->ask.kind == POP3_ASKS_LOGIN);
	explicit_bzero(p->secret, sizeof(p->secret));
	p->verdict = verdict;
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
