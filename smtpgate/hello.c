/* hello.c - the greeting, and the commands outside of a transaction. */
#include "smtpgate/gate_private.h"

#include <inttypes.h>
#include <stdlib.h>

static enum step greeting(struct gate *g, struct buf *out)
{
	buf_printf(out, "220 %.200s ESMTP Popgate\r\n", g->facts->hostname);
	return STEP_AGAIN;
}

/* RFC 5321 4.3.1: a client waits for the greeting. One that does not talks to itself, or was made to talk. */
enum step gate_greet(struct gate *g, struct buf *in, struct buf *out)
{
	bool asked = g->then != NULL;

	g->greeted = asked || in->len > 0;
	if (in->len > 0) {
		gate_say(out, 554, "5.5.1 You spoke before the greeting");
		g->cut = "early";
		return STEP_CLOSE;
	}
	if (!asked)
		return gate_ask(g, GATE_ASKS_GREETING, greeting);
	g->then = NULL;
	g->ask.kind = GATE_ASKS_NOTHING;
	return greeting(g, out);
}

/* One word of printable ASCII. */
static bool name_fits(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return false;
	return name.n > 0 && name.n <= 255;
}

void gate_set_helo(struct gate *g, const struct str *name)
{
	free(g->helo);
	g->helo = name != NULL ? strndup(name->p, name->n < GATE_HELO_MAX ? name->n : GATE_HELO_MAX)
			       : NULL;
}

/* RFC 5321 4.1.4 forbids refusing mail because of a wrong name; the log and Received: carry it. */
static void remember(struct gate *g, struct str name, bool esmtp)
{
	gate_set_helo(g, &name);
	g->esmtp = esmtp;
	if (g->phase == GATE_START)
		g->phase = GATE_READY;
}

static enum step say_helo(struct gate *g, struct buf *out)
{
	buf_printf(out, "250 %.200s\r\n", g->facts->hostname);
	return STEP_AGAIN;
}

static void say_mechanisms(const struct gate *g, struct buf *out)
{
	char text[GATE_MECHANISMS_TEXT];
	const char *names =
		g->facts->auth ? g->facts->hooks->mechanisms(g->facts->owner, text) : "";

	if (names[0] != '\0' && !g->authenticated)
		buf_printf(out, "250-AUTH %.200s\r\n", names);
}

static enum step say_ehlo(struct gate *g, struct buf *out)
{
	const struct gate_facts *f = g->facts;

	buf_printf(out, "250-%.200s\r\n250-PIPELINING\r\n250-SIZE %" PRIu64 "\r\n", f->hostname,
		gate_max_size(g));
	if (f->starttls && !g->tls)
		buf_line(out, STR("250-STARTTLS"));
	say_mechanisms(g, out);
	if (f->eight_bit)
		buf_line(out, STR("250-8BITMIME"));
	if (f->utf8)
		buf_line(out, STR("250-SMTPUTF8"));
	if (f->dsn)
		buf_line(out, STR("250-DSN"));
	buf_printf(out, "250-CHUNKING\r\n250-LIMITS RCPTMAX=%u\r\n250 ENHANCEDSTATUSCODES\r\n",
		f->max_recipients);
	return STEP_AGAIN;
}

static enum step bad_name(struct gate *g, struct buf *out)
{
	return gate_err(g, out, 501, "5.5.4 One name without blanks is wanted");
}

enum step run_helo(struct engine *e, struct str args, struct buf *out)
{
	struct gate *g = gate_of(e);

	if (!name_fits(args))
		return bad_name(g, out);
	remember(g, args, false);
	return gate_reset(g, out, say_helo);
}

enum step run_ehlo(struct engine *e, struct str args, struct buf *out)
{
	struct gate *g = gate_of(e);

	if (!name_fits(args))
		return bad_name(g, out);
	remember(g, args, true);
	return gate_reset(g, out, say_ehlo);
}

static enum step say_reset(struct gate *g, struct buf *out)
{
	(void)g;
	return gate_say(out, 250, "2.0.0 Ok");
}

enum step run_rset(struct engine *e, struct str args, struct buf *out)
{
	(void)args;
	return gate_reset(gate_of(e), out, say_reset);
}

enum step run_noop(struct engine *e, struct str args, struct buf *out)
{
	(void)e;
	(void)args;
	return gate_say(out, 250, "2.0.0 Ok");
}

/* RFC 5321 7.3: who is there is nobody's business. */
enum step run_vrfy(struct engine *e, struct str args, struct buf *out)
{
	(void)e;
	(void)args;
	return gate_say(out, 252, "2.5.0 Send the mail and see");
}

enum step run_expn(struct engine *e, struct str args, struct buf *out)
{
	(void)args;
	return gate_err(gate_of(e), out, 502, "5.5.1 Lists are not expanded here");
}

enum step run_help(struct engine *e, struct str args, struct buf *out)
{
	(void)e;
	(void)args;
	return gate_say(out, 214,
		"2.0.0 EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT");
}

/* As pop3d's: not announced, for popgate proxycheck. RFC 5321 4.1.5 leaves what begins with X to us. */
enum step run_xadr(struct engine *e, struct str args, struct buf *out)
{
	const struct gate_facts *f = gate_of(e)->facts;

	(void)args;
	buf_add(out, STR("250 2.0.0 "));
	f->hooks->seen(f->owner, out);
	buf_add(out, STR("\r\n"));
	return STEP_AGAIN;
}

static enum step say_bye(struct gate *g, struct buf *out)
{
	(void)g;
	gate_say(out, 221, "2.0.0 Bye");
	return STEP_PART;
}

enum step run_quit(struct engine *e, struct str args, struct buf *out)
{
	(void)args;
	return gate_reset(gate_of(e), out, say_bye);
}
