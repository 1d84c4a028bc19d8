/* hello.c - the commands outside of a transaction. */
#include "smtpgate/gate_private.h"

#include <inttypes.h>

/* RFC 5321 4.1.4 forbids refusing mail because of a wrong name; the log and Received: carry it. */
static void remember(struct gate *g, struct str name, bool esmtp)
{
	g->helo_n = name.n < sizeof(g->helo) ? name.n : sizeof(g->helo) - 1;
	memcpy(g->helo, name.p, g->helo_n);
	g->esmtp = esmtp;
	g->phase = GATE_READY;
}

static enum step say_helo(struct gate *g, struct buf *out)
{
	buf_printf(out, "250 %.200s\r\n", g->facts->hostname);
	return STEP_AGAIN;
}

static enum step say_ehlo(struct gate *g, struct buf *out)
{
	buf_printf(out, "250-%.200s\r\n250-PIPELINING\r\n250-SIZE %" PRIu64 "\r\n",
		g->facts->hostname, g->facts->max_message_size);
	if (g->facts->eight_bit)
		buf_line(out, STR("250-8BITMIME"));
	buf_line(out, STR("250 ENHANCEDSTATUSCODES"));
	return STEP_AGAIN;
}

enum step run_helo(struct engine *e, struct str args, struct buf *out)
{
	struct gate *g = gate_of(e);

	remember(g, args, false);
	return gate_reset(g, out, say_helo);
}

enum step run_ehlo(struct engine *e, struct str args, struct buf *out)
{
	struct gate *g = gate_of(e);

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
	return gate_say(
		out, 214, "2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT; see RFC 5321");
}

static enum step say_bye(struct gate *g, struct buf *out)
{
	(void)g;
	gate_say(out, 221, "2.0.0 Bye");
	return STEP_CLOSE;
}

enum step run_quit(struct engine *e, struct str args, struct buf *out)
{
	(void)args;
	return gate_reset(gate_of(e), out, say_bye);
}
