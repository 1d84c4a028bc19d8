/* hello.c - what is said about the connection itself: greeting, CAPA, STLS, UTF8 and LANG. */
#include <assert.h>
#include <stdio.h>

#include "pop3d/pop3_private.h"

/* --- greeting --- */

char *pop3_stamp(const struct pop3 *p, char *dst)
{
	dst[0] = '\0';
	if (p->stamp[0] != '\0')
		snprintf(dst, POP3_STAMP_MAX, "<%s@%.200s>", p->stamp, p->facts.hostname);
	return dst;
}

/* RFC 1939 7: the timestamp stands in the greeting where APOP is understood, and nowhere else. */
static enum step greet(struct pop3 *p, struct buf *out)
{
	char stamp[POP3_STAMP_MAX];

	if (p->facts.stamp != NULL)
		snprintf(p->stamp, sizeof(p->stamp), "%s", p->facts.stamp);
	pop3_stamp(p, stamp);
	buf_printf(out, "+OK %.200s POP3 server ready%s%s\r\n", p->facts.hostname,
		stamp[0] != '\0' ? " " : "", stamp);
	return STEP_AGAIN;
}

enum step pop3_greet(struct pop3 *p, struct buf *out)
{
	(void)out;
	p->greeted = true;
	return pop3_ask(p, POP3_ASKS_FACTS, greet);
}

void pop3_facts(struct pop3 *p, const struct pop3_facts *facts)
{
	assert(p->ask.kind == POP3_ASKS_FACTS);
	p->facts = *facts;
}

/* --- capabilities --- */

/* RFC 2449 5: the same before and after the login. STLS alone makes sense only before it, and only in
 * clear (RFC 2595 4). */
enum step run_capa(struct engine *e, struct str args, struct buf *out)
{
	const struct pop3 *p = pop3_of(e);
	const struct pop3_facts *f = &p->facts;

	(void)args;
	buf_line(out,
		STR("+OK Capabilities follow\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
		    "PIPELINING\r\nEXPIRE NEVER\r\nUTF8\r\nLANG"));
	if (f->secure)
		buf_line(out, STR("USER"));
	if (f->mechanisms[0] != '\0')
		buf_printf(out, "SASL %s\r\n", f->mechanisms);
	if (f->stls && !f->tls && p->phase == POP3_AUTHORIZATION)
		buf_line(out, STR("STLS"));
	if (f->login_delay_s > 0)
		buf_printf(out, "LOGIN-DELAY %u\r\n", f->login_delay_s);
	if (f->implementation != NULL)
		buf_printf(out, "IMPLEMENTATION %s\r\n", f->implementation);
	buf_line(out, STR("."));
	return STEP_AGAIN;
}

/* Ours, and not announced: the client's own address as we see it, for popgate proxycheck. It learns no more
 * than anybody's web page tells it. */
enum step run_xadr(struct engine *e, struct str args, struct buf *out)
{
	const struct pop3_facts *f = &pop3_of(e)->facts;
	char text[ADDR_TEXT];

	(void)args;
	buf_printf(
		out, "+OK %s %u %s\r\n", addr_format(f->client.addr, text), f->client.port, f->way);
	return STEP_AGAIN;
}

/* --- TLS --- */

static enum step secured(struct pop3 *p, struct buf *out)
{
	(void)p;
	(void)out;
	return STEP_AGAIN;
}

static enum step shaken_hands(struct pop3 *p, struct buf *out)
{
	(void)out;
	return pop3_ask(p, POP3_ASKS_FACTS, secured);
}

/* RFC 2595 4: nothing that came in clear counts behind the handshake. Who drives us drops what was piped
 * behind this line; here goes what was said before it. Failures stay counted: they are not knowledge,
 * but a limit. */
enum step run_stls(struct engine *e, struct str args, struct buf *out)
{
	struct pop3 *p = pop3_of(e);

	(void)args;
	if (p->facts.tls)
		return pop3_err(p, out, "TLS is spoken already");
	if (!p->facts.stls)
		return pop3_err(p, out, "TLS is not offered here");
	pop3_forget(p);
	p->then = shaken_hands;
	buf_line(out, STR("+OK Begin TLS"));
	return STEP_TLS;
}

/* --- languages --- */

/* RFC 6856 2: message octets are sent as they are in the file, with this command or without, so there is
 * nothing to switch but what the client may rely on. */
enum step run_utf8(struct engine *e, struct str args, struct buf *out)
{
	(void)args;
	pop3_of(e)->utf8 = true;
	return pop3_ok(out, "UTF8 enabled");
}

/* RFC 4647 3.4: "en-GB" finds "en". */
static bool is_english(struct str tag)
{
	return str_eq_nocase(tag, STR("en")) || str_starts_nocase(tag, STR("en-"));
}

/* RFC 6856 3: the texts are English, which is i-default as well (RFC 2277 4.5). */
enum step run_lang(struct engine *e, struct str args, struct buf *out)
{
	if (args.n == 0) {
		buf_line(out,
			STR("+OK Languages follow\r\ni-default Default language\r\nen "
			    "English\r\n."));
		return STEP_AGAIN;
	}
	if (str_eq(args, STR("*")) || str_eq_nocase(args, STR("i-default")))
		return pop3_ok(out, "i-default Default language");
	if (is_english(args))
		return pop3_ok(out, "en English");
	return pop3_err(pop3_of(e), out, "This language is not spoken here");
}
