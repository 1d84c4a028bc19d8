/* pop3_fuzz.c - law: however its octets arrive, the engine never crashes; all it says are replies, a
 * multi-line one ends in its dot unless the connection does; nothing is asked for out of its state (no
 * message before a login or that is not there, no login behind one, no password in clear that must not
 * be, no deletion but by QUIT); and nothing said before TLS counts behind it. */
#include <stdio.h>
#include <stdlib.h>

#include "pop3d/pop3.h"
#include "tests/fuzz/fuzz.h"

#define MESSAGES 3

struct client {
	struct pop3 p;
	struct pop3_facts facts;
	struct buf in, out;
	bool welcome, many, mid_line, user_in_clear;
};

static void law(bool kept)
{
	if (!kept)
		abort();
}

static uint64_t octets_of(void *ctx, size_t i)
{
	(void)ctx;
	return i + 10;
}

static const char *uidl_of(void *ctx, size_t i)
{
	(void)ctx;
	return i == 0 ? "a" : i == 1 ? "b" : "c";
}

/* --- what it says --- */

static bool begins_many(struct str line)
{
	return str_ends(line, STR(" follow")) || str_ends(line, STR(" follows")) ||
		str_ends(line, STR(" octets"));
}

static void check_line(struct client *c, struct str line)
{
	law(str_find(line, '\0') == line.n);
	if (c->many) {
		c->many = !str_eq(line, STR("."));
		return;
	}
	law(str_starts_nocase(line, STR("+OK ")) || str_starts_nocase(line, STR("-ERR ")) ||
		str_starts_nocase(line, STR("+ ")));
	c->many = line.p[1] == 'O' && begins_many(line);
}

/* Whole lines are checked and taken; the start of one waits for the rest. */
static void check_said(struct client *c)
{
	struct str said = buf_str(&c->out);
	size_t end;

	while ((end = str_find(said, '\n')) < said.n) {
		law(end > 0 && said.p[end - 1] == '\r');
		check_line(c, str_first(said, end - 1));
		buf_take(&c->out, end + 1);
		said = buf_str(&c->out);
	}
}

/* --- what it asks --- */

static void answer_login(struct client *c, uint8_t dice)
{
	bool by_auth = c->p.ask.kind != POP3_ASKS_LOGIN;

	law(!c->welcome && c->p.phase == POP3_AUTHORIZATION);
	if (!by_auth && strcmp(c->p.ask.mechanism, "PLAIN") == 0)
		law(c->facts.secure && !c->user_in_clear);
	if (by_auth && dice % 2 == 0) {
		pop3_challenge(&c->p, dice % 4 == 0 ? STR("") : STR("x\0y"));
		return;
	}
	c->welcome = dice % 8 == 1;
	pop3_login(&c->p, c->welcome ? POP3_WELCOME : (enum pop3_login)(1 + dice % 8));
}

static void answer(struct client *c, uint8_t dice)
{
	static const struct pop3_drop drop = { MESSAGES, octets_of, uidl_of, NULL };
	struct pop3 *p = &c->p;

	switch (p->ask.kind) {
	case POP3_ASKS_FACTS: pop3_facts(p, &c->facts); return;
	case POP3_ASKS_LOGIN:
	case POP3_ASKS_AUTH:
	case POP3_ASKS_RESPONSE: answer_login(c, dice); return;
	case POP3_ASKS_CANCEL: pop3_cancelled(p); return;
	default: law(c->welcome); break;
	}
	if (p->ask.kind == POP3_ASKS_SCAN && dice % 7 == 6)
		pop3_not_scanned(p);
	else if (p->ask.kind == POP3_ASKS_SCAN)
		pop3_scanned(p, &drop);
	else if (p->ask.kind == POP3_ASKS_PIECE) {
		law(p->ask.message < MESSAGES && !p->doomed[p->ask.message]);
		pop3_piece(p, (enum pop3_piece)(dice % 3), STR(".a\nb\r\n."));
	} else {
		law(p->ask.kind == POP3_ASKS_UPDATE && p->phase == POP3_UPDATE);
		pop3_updated(p, dice % 2);
	}
}

static void turn_to_tls(struct client *c)
{
	law(!c->welcome && c->facts.stls && !c->facts.tls);
	buf_clear(&c->in);
	c->facts.tls = c->facts.secure = true;
	c->user_in_clear = c->p.user.len > 0 || c->p.utf8;
	law(!c->user_in_clear);
}

/* Runs it until it wants more or hangs up; false then. */
static bool run(struct client *c, const uint8_t *data, size_t size, size_t *dice)
{
	for (;;) {
		size_t before = c->out.len;
		enum step step = c->p.engine.ops->run(&c->p.engine, &c->in, &c->out);

		law(c->out.len - before < 80000);
		law(c->p.phase == POP3_AUTHORIZATION || c->welcome);
		check_said(c);
		if (step == STEP_ASK)
			answer(c, size > 0 ? data[*dice % size] : 0);
		if (step == STEP_TLS)
			turn_to_tls(c);
		++*dice;
		if (step == STEP_READ)
			law(!c->many && c->out.len == 0);
		if (step == STEP_READ || step == STEP_CLOSE || step == STEP_PART)
			return step == STEP_READ;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client c = { .facts = { .hostname = "fuzz.example",
				    .way = "direct",
				    .stamp = size % 3 == 0 ? "stamp" : NULL,
				    .mechanisms = size % 5 == 0 ? "" : "PLAIN LOGIN",
				    .stls = size % 2 == 0,
				    .secure = size % 4 != 0 } };
	size_t dice = 0;

	buf_init(&c.in, POP3_IN_MAX);
	buf_init(&c.out, 1 << 22);
	pop3_init(&c.p);
	if (run(&c, data, size, &dice))
		for (size_t at = 0, n; at < size; at += n) {
			n = data[at] % 64 == 0 ? 1 : size - at < 1000 ? size - at : 1000;
			buf_add(&c.in, (struct str){ (const char *)data + at, n });
			law(!c.in.broken);
			if (!run(&c, data, size, &dice))
				break;
		}
	pop3_free(&c.p);
	buf_free(&c.in);
	buf_free(&c.out);
	return 0;
}
