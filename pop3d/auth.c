/* auth.c - the AUTHORIZATION state: who are you? And CAPA. */
#include "pop3d/pop3_private.h"

enum step run_user(struct engine *e, struct str args, struct buf *out)
{
	struct pop3 *p = pop3_of(e);

	memcpy(p->user, args.p, args.n);
	p->user_n = args.n;
	return pop3_ok(out, "Send the password"); /* the same for a name that nobody has */
}

static enum step refused(struct pop3 *p, struct buf *out)
{
	p->failures++;
	if (p->failures < POP3_FAILURES_MAX)
		return pop3_err(p, out, "[AUTH] Authentication failed");
	buf_line(out, STR("-ERR [AUTH] Authentication failed, closing"));
	return STEP_CLOSE;
}

static enum step logged_in(struct pop3 *p, struct buf *out)
{
	p->user_n = 0;
	switch (p->verdict) {
	case POP3_WELCOME: p->phase = POP3_TRANSACTION; return pop3_ok(out, "Welcome");
	case POP3_REFUSED: return refused(p, out);
	case POP3_IN_USE:
		return pop3_err(p, out, "[IN-USE] Another session has this maildrop open");
	case POP3_LATER: break;
	}
	return pop3_err(p, out, "[SYS/TEMP] Cannot log you in now, try again later");
}

/* A password is all that stands behind the one space, spaces too (RFC 1939 7, PASS). */
enum step run_pass(struct engine *e, struct str args, struct buf *out)
{
	struct pop3 *p = pop3_of(e);

	if (p->user_n == 0)
		return pop3_err(p, out, "USER comes first");
	memcpy(p->secret, args.p, args.n);
	p->secret_n = args.n;
	p->ask.name = (struct str){ p->user, p->user_n };
	p->ask.password = (struct str){ p->secret, p->secret_n };
	return pop3_ask(p, POP3_ASKS_LOGIN, logged_in);
}

/* RFC 2449 5: the same before and after the login, but for what only makes sense before. */
enum step run_capa(struct engine *e, struct str args, struct buf *out)
{
	const struct pop3 *p = pop3_of(e);

	(void)args;
	buf_line(out, STR("+OK Capabilities follow"));
	if (p->phase == POP3_AUTHORIZATION && p->secure)
		buf_line(out, STR("USER"));
	buf_line(out,
		STR("TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n"
		    "EXPIRE NEVER\r\nIMPLEMENTATION Popgate\r\n."));
	return STEP_AGAIN;
}
