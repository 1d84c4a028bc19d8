/* auth.c - STARTTLS and AUTH: who is there, and who listens. */
#include "common/line/base64.h"
#include "smtpgate/gate_private.h"

/* --- STARTTLS, RFC 3207 --- */

/* All that was said in clear is forgotten (RFC 3207 4.2). What was piped behind was refused by the table;
 * what arrives before the handshake is dropped by the connection. */
static enum step under_tls(struct gate *g, struct buf *out)
{
	(void)out;
	g->tls = true;
	g->phase = GATE_START;
	g->esmtp = g->authenticated = false;
	gate_set_helo(g, NULL);
	return STEP_AGAIN;
}

static enum step start_tls(struct gate *g, struct buf *out)
{
	gate_say(out, 220, "2.0.0 Go ahead");
	g->then = under_tls;
	return STEP_TLS;
}

enum step run_starttls(struct engine *e, struct str args, struct buf *out)
{
	struct gate *g = gate_of(e);

	(void)args;
	if (g->tls)
		return gate_err(g, out, 503, "5.5.1 This is TLS already");
	if (!g->facts->starttls)
		return gate_err(g, out, 502, "5.5.1 STARTTLS is not offered here");
	return gate_reset(g, out, start_tls);
}

/* --- AUTH, RFC 4954 --- */

static enum step failed(struct gate *g, struct buf *out)
{
	gate_say(out, 535, "5.7.8 Authentication failed");
	g->errors++;
	if (++g->auth_failures < GATE_AUTH_FAILURES_MAX)
		return STEP_AGAIN;
	return gate_cut(g, out, "4.7.0 Too many failures, closing", "auth-failures");
}

static enum step heard(struct gate *g, struct buf *out)
{
	g->reads = GATE_READS_COMMANDS;
	switch (g->auth) {
	case GATE_AUTH_CONTINUE:
		buf_printf(out, "334 %.*s\r\n", (int)g->sasl.len, buf_str(&g->sasl).p);
		buf_free(&g->sasl);
		g->reads = GATE_READS_RESPONSE;
		return STEP_AGAIN;
	case GATE_AUTH_OK: g->authenticated = true; return gate_say(out, 235, "2.7.0 Welcome");
	case GATE_AUTH_SYNTAX: return gate_err(g, out, 501, "5.5.2 That is no such response");
	case GATE_AUTH_LATER:
		return gate_say(out, 454, "4.7.0 Cannot authenticate you now, try again later");
	case GATE_AUTH_ABSENT: return gate_err(g, out, 504, "5.5.4 There is no such mechanism");
	case GATE_AUTH_IN_CLEAR:
		return gate_err(g, out, 538, "5.7.11 Encryption is required for this mechanism");
	case GATE_AUTH_FAIL: break;
	}
	return failed(g, out);
}

/* Decodes a response into ask.response, which lives in g->sasl until the next answer. */
static bool decode(struct gate *g, struct str text)
{
	char *to;
	size_t n;

	buf_free(&g->sasl);
	to = buf_reserve(&g->sasl, text.n + 1);
	if (to == NULL)
		return false;
	if (!base64_read(text, to, text.n + 1, &n)) {
		explicit_bzero(to, text.n + 1); /* what came before the fault may be a password */
		return false;
	}
	buf_grew(&g->sasl, n);
	g->ask.response = (struct str){ to, n };
	return true;
}

static enum step bad_base64(struct gate *g, struct buf *out)
{
	buf_free(&g->sasl);
	return gate_err(g, out, 501, "5.5.2 That is not base64");
}

static bool read_mechanism(struct gate *g, struct str name)
{
	if (!str_to_cstr(name, g->ask.mechanism, sizeof(g->ask.mechanism)))
		return false;
	for (char *c = g->ask.mechanism; *c != '\0'; c++) {
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
		if (!ascii_alnum(*c) && *c != '-' && *c != '_')
			return false;
	}
	return g->ask.mechanism[0] != '\0';
}

enum step run_auth(struct engine *e, struct str args, struct buf *out)
{
	struct gate *g = gate_of(e);
	struct str name, initial;
	bool given = str_split(args, ' ', &name, &initial);

	if (!g->facts->auth)
		return gate_err(g, out, 502, "5.5.1 AUTH is not offered here");
	if (g->authenticated)
		return gate_err(g, out, 503, "5.5.1 You are authenticated already");
	if (!read_mechanism(g, name))
		return gate_err(g, out, 504, "5.5.4 There is no such mechanism");
	g->ask.response = (struct str){ NULL, 0 };
	if (given && str_eq(initial, STR("="))) /* there, and empty: RFC 4954 4 */
		initial = STR("");
	else if (given && initial.n == 0)
		return gate_err(g, out, 501, "5.5.4 An empty response is written =");
	if (given && !decode(g, initial))
		return bad_base64(g, out);
	return gate_ask(g, GATE_ASKS_AUTH, heard);
}

static enum step cancel(struct gate *g, struct buf *out, const char *text)
{
	if (g->reads == GATE_READS_RESPONSE)
		g->reads = GATE_READS_COMMANDS;
	g->facts->hooks->auth_cancelled(g->facts->owner);
	return text != NULL ? gate_err(g, out, 501, text) : STEP_AGAIN;
}

enum step gate_run_response(struct gate *g, struct buf *in, struct buf *out)
{
	struct str line = STR("");
	size_t used = 0;
	enum step step = gate_cut_line(g, in, GATE_SASL_MAX,
		"5.5.6 The line is too long for an exchange", out, &line, &used);

	if (used == 0) {
		if (step != STEP_READ)
			(void)cancel(g, out, NULL);
		return step;
	}
	g->ask.mechanism[0] = '\0';
	if (str_eq(line, STR("*")))
		step = cancel(g, out, "5.7.0 Given up, as you wish");
	else if (!decode(g, line))
		step = cancel(g, out, "5.5.2 That is not base64");
	else
		step = gate_ask(g, GATE_ASKS_AUTH, heard);
	explicit_bzero(in->p + in->head, used); /* it may be a password */
	buf_take(in, used);
	return step;
}
