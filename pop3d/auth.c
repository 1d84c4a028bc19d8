/* auth.c - the AUTHORIZATION state: who are you? USER and PASS, APOP, AUTH. */
#include <assert.h>

#include "common/line/base64.h"
#include "pop3d/pop3_private.h"

void pop3_forget(struct pop3 *p)
{
	buf_free(&p->user);
	p->utf8 = false;
	buf_free(&p->secret);
}

/* --- what became of it --- */

static enum step refused(struct pop3 *p, struct buf *out, const char *text)
{
	p->failures++;
	if (p->failures < POP3_FAILURES_MAX)
		return pop3_err(p, out, text);
	p->done.errors++;
	p->done.why = "failures";
	buf_printf(out, "-ERR %s, closing\r\n", text);
	return STEP_CLOSE;
}

static enum step welcome(struct pop3 *p, struct buf *out)
{
	p->phase = POP3_TRANSACTION;
	p->errors_in_row = 0;
	return pop3_ok(out, "Welcome");
}

/* RFC 3206 4: [AUTH] is for what another password or another way to send it may cure, [SYS/...] for what
 * is our fault; RFC 2449 8.1 for the other two. */
static enum step decided(struct pop3 *p, struct buf *out)
{
	switch (p->verdict) {
	case POP3_WELCOME: return welcome(p, out);
	case POP3_REFUSED: return refused(p, out, "[AUTH] Authentication failed");
	case POP3_MALFORMED:
		return refused(p, out, "The response is not what this mechanism wants");
	case POP3_NO_MECHANISM: return pop3_err(p, out, "This mechanism is not known here");
	case POP3_NOT_IN_CLEAR:
		return pop3_err(p, out, "[AUTH] Your password would be sent in clear: use TLS");
	case POP3_IN_USE:
		return pop3_err(p, out, "[IN-USE] Another session has this maildrop open");
	case POP3_TOO_SOON: return pop3_err(p, out, "[LOGIN-DELAY] Too soon after the last login");
	case POP3_BROKEN:
		return pop3_err(p, out,
			"[SYS/PERM] Your maildrop cannot be opened, please tell the support");
	case POP3_LATER: break;
	}
	return pop3_err(p, out, "[SYS/TEMP] Cannot log you in now, try again later");
}

static bool is_login(enum pop3_asks kind)
{
	return kind == POP3_ASKS_LOGIN || kind == POP3_ASKS_AUTH || kind == POP3_ASKS_RESPONSE;
}

void pop3_login(struct pop3 *p, enum pop3_login verdict)
{
	assert(is_login(p->ask.kind));
	buf_free(&p->secret);
	buf_free(&p->user);
	p->verdict = verdict;
	p->then = decided;
}

/* --- USER and PASS --- */

enum step run_user(struct engine *e, struct str args, struct buf *out)
{
	struct pop3 *p = pop3_of(e);

	buf_add(&p->user, args);
	return pop3_ok(out, "Send the password"); /* the same for a name that nobody has */
}

static enum step log_in(struct pop3 *p, const char *mechanism, struct str name, struct str secret)
{
	buf_add(&p->secret, secret);
	p->ask.mechanism = mechanism;
	p->ask.name = name;
	p->ask.password = buf_str(&p->secret);
	return pop3_ask(p, POP3_ASKS_LOGIN, decided);
}

/* A password is all that stands behind the one space, spaces too (RFC 1939 7, PASS). */
enum step run_pass(struct engine *e, struct str args, struct buf *out)
{
	struct pop3 *p = pop3_of(e);

	if (p->user.len == 0)
		return pop3_err(p, out, "USER comes first");
	return log_in(p, "PLAIN", buf_str(&p->user), args);
}

/* --- APOP --- */

static bool is_digest(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'f'))
			return false;
	return s.n == 32;
}

/* RFC 1939 7: 16 octets in lower-case hexadecimal. */
enum step run_apop(struct engine *e, struct str args, struct buf *out)
{
	struct pop3 *p = pop3_of(e);
	struct str name, digest;

	if (p->stamp[0] == '\0')
		return pop3_err(p, out, "APOP is not offered here");
	if (!str_split(args, ' ', &name, &digest) || name.n == 0 || !is_digest(digest))
		return pop3_err(p, out, "APOP takes a name and a digest");
	buf_add(&p->user, name);
	return log_in(p, "APOP", buf_str(&p->user), digest);
}

/* --- AUTH --- */

/* Decodes base64 into the secret; at once, so that its text need not outlive the line. */
static bool decode(struct pop3 *p, struct str text)
{
	size_t room = text.n / 4 * 3, n = 0;
	char *to = room > 0 ? buf_reserve(&p->secret, room) : NULL;

	if (text.n > 0 && to == NULL)
		return false;
	if (text.n > 0 && !base64_read(text, to, room, &n)) {
		explicit_bzero(to, room); /* what came before the fault may be a password */
		return false;
	}
	buf_grew(&p->secret, n);
	p->ask.response = buf_str(&p->secret);
	return true;
}

static enum step challenged(struct pop3 *p, struct buf *out)
{
	buf_add(out, STR("+ "));
	base64_add(out, buf_str(&p->challenge));
	buf_add(out, STR("\r\n"));
	buf_free(&p->challenge);
	p->responding = true;
	return STEP_AGAIN;
}

void pop3_challenge(struct pop3 *p, struct str octets)
{
	assert(p->ask.kind == POP3_ASKS_AUTH || p->ask.kind == POP3_ASKS_RESPONSE);
	buf_free(&p->secret);
	buf_add(&p->challenge, octets);
	p->then = challenged;
}

static bool take_mechanism(struct pop3 *p, struct str name)
{
	if (name.n == 0 || name.n > POP3_MECHANISM_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!ascii_alnum(c) && c != '-' && c != '_')
			return false;
		p->mechanism[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	p->mechanism[name.n] = '\0';
	return true;
}

/* Not in RFC 5034, but what clients of RFC 1734's time ask before they knew CAPA. */
static enum step list_mechanisms(struct pop3 *p, struct buf *out)
{
	struct str rest = str_of(p->facts.mechanisms), name;

	buf_line(out, STR("+OK Mechanisms follow"));
	while (rest.n > 0) {
		str_split(rest, ' ', &name, &rest);
		buf_line(out, name);
	}
	buf_line(out, STR("."));
	return STEP_AGAIN;
}

/* RFC 5034 4: "=" stands for a response that is there and empty. */
enum step run_auth(struct engine *e, struct str args, struct buf *out)
{
	struct pop3 *p = pop3_of(e);
	struct str name, initial;
	bool given = str_split(args, ' ', &name, &initial);

	if (args.n == 0)
		return list_mechanisms(p, out);
	if (!take_mechanism(p, name))
		return pop3_err(p, out, "This mechanism is not known here");
	p->ask.response = (struct str){ given ? "" : NULL, 0 };
	if (given && !str_eq(initial, STR("=")) && (initial.n == 0 || !decode(p, initial)))
		return pop3_err(p, out, "The response is not in base64");
	p->ask.mechanism = p->mechanism;
	p->ask.name = STR("");
	return pop3_ask(p, POP3_ASKS_AUTH, decided);
}

static enum step cancelled(struct pop3 *p, struct buf *out)
{
	return refused(p, out, p->complaint);
}

void pop3_cancelled(struct pop3 *p)
{
	assert(p->ask.kind == POP3_ASKS_CANCEL);
}

enum step pop3_cannot_respond(struct pop3 *p, const char *complaint)
{
	p->responding = false;
	p->complaint = complaint;
	return pop3_ask(p, POP3_ASKS_CANCEL, cancelled);
}

enum step pop3_respond(struct pop3 *p, struct str line, struct buf *out)
{
	(void)out;
	if (str_eq(line, STR("*")))
		return pop3_cannot_respond(p, "Authentication cancelled");
	if (!decode(p, line))
		return pop3_cannot_respond(p, "The response is not in base64");
	p->responding = false;
	return pop3_ask(p, POP3_ASKS_RESPONSE, decided);
}
