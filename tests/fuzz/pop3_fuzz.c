/* pop3_fuzz.c - law: the engine never crashes, every line it says is a reply or listed data, nothing is
 * deleted but by QUIT behind a login, and no message is asked for that is not there. */
#include <stdlib.h>

#include "pop3d/pop3.h"
#include "tests/fuzz/fuzz.h"

#define MESSAGES 3

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

static const struct pop3_drop drop = { MESSAGES, octets_of, uidl_of, NULL };

static void answer(struct pop3 *p, uint8_t dice, bool *welcome)
{
	switch (p->ask.kind) {
	case POP3_ASKS_LOGIN:
		*welcome = dice % 2 == 0;
		pop3_login(p, *welcome ? POP3_WELCOME : (enum pop3_login)(1 + dice % 3));
		break;
	case POP3_ASKS_SCAN:
		if (dice % 7 == 6)
			pop3_not_scanned(p);
		else
			pop3_scanned(p, &drop);
		break;
	case POP3_ASKS_PIECE:
		if (p->ask.message >= MESSAGES || p->doomed[p->ask.message])
			abort();
		pop3_piece(p, (enum pop3_piece)(dice % 3), STR(".a\nb\r\n."));
		break;
	case POP3_ASKS_UPDATE:
		if (!*welcome || p->phase != POP3_UPDATE)
			abort();
		pop3_updated(p, dice % 2);
		break;
	case POP3_ASKS_NOTHING: abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf in, out;
	struct pop3 p;
	bool welcome = false;
	enum step step;

	buf_init(&in, 1 << 21);
	buf_init(&out, 1 << 22);
	pop3_init(&p, "fuzz.example", size % 2 == 0);
	buf_add(&in, (struct str){ (const char *)data, size });
	for (size_t n = 0; n < 4 * size + 100; n++) {
		size_t before = out.len;

		step = p.engine.ops->run(&p.engine, &in, &out);
		if (out.len - before > 80000 || (p.phase != POP3_AUTHORIZATION && !welcome))
			abort();
		if (out.len > before && !str_ends(buf_str(&out), STR("\n")))
			if (p.ask.kind != POP3_ASKS_PIECE && step != STEP_CLOSE)
				abort();
		if (step == STEP_ASK)
			answer(&p, size > 0 ? data[n % size] : 0, &welcome);
		if (step == STEP_READ || step == STEP_CLOSE)
			break;
		if (out.len > 1 << 20)
			buf_clear(&out);
	}
	pop3_free(&p);
	buf_free(&in);
	buf_free(&out);
	return 0;
}
