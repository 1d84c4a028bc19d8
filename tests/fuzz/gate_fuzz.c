/* gate_fuzz.c - law: the engine never crashes, every line it says is a reply, no recipient goes to a hop that
 * policy refuses, no octet of a message goes on that could end it at another place, and one that is
 * whole ends in CRLF. */
#include <stdlib.h>

#include "smtpgate/gate.h"
#include "tests/fuzz/fuzz.h"

static bool is_local(void *owner, struct str domain)
{
	(void)owner;
	return str_eq(domain, STR("l.example"));
}

static void refused(void *owner, const struct gate_refusal *r)
{
	(void)owner;
	if (r->code < 400 || r->reason == NULL)
		abort();
}

static void shadowed(void *owner, const struct gate_refusal *r)
{
	refused(owner, r);
}

static const char *mechanisms(void *owner, char *dst)
{
	(void)dst;
	(void)owner;
	return "PLAIN";
}

static void cancelled(void *owner)
{
	(void)owner;
}

static void seen(void *owner, struct buf *out)
{
	(void)owner;
	buf_add(out, STR("192.0.2.1 1 direct"));
}

static void received(void *owner, struct buf *out)
{
	(void)owner;
	buf_add(out, STR("Received: x\r\n"));
}

static void check_recipient(const struct gate *g, enum proof proof)
{
	struct policy_facts f = { .role = g->facts->role,
		.client = { .proof = proof },
		.local = g->mail->recipient.path.domain_n == 0 ||
			is_local(NULL, path_domain(&g->mail->recipient.path)),
		.routed = path_is_routed(&g->mail->recipient.path) };

	if (policy_rcpt(&f).verdict != VERDICT_ACCEPT || policy_mail(&f).verdict != VERDICT_ACCEPT)
		abort();
}

static struct buf message; /* what went to the hops since DATA */

/* Nothing in it ends it: no line is a single dot, no line ends in anything but CRLF. */
static void check_message(bool whole)
{
	struct str m = buf_str(&message);
	bool start = true;

	for (size_t i = 0; i < m.n; i++) {
		if (m.p[i] == '\0' || (m.p[i] == '\n' && (i == 0 || m.p[i - 1] != '\r')) ||
			(m.p[i] == '\r' && i + 1 < m.n && m.p[i + 1] != '\n'))
			abort();
		if (start && i + 2 < m.n && memcmp(m.p + i, ".\r\n", 3) == 0)
			abort();
		start = m.p[i] == '\n';
	}
	if (whole && !str_ends(m, STR("\r\n")))
		abort();
}

static void take_body(struct gate *g)
{
	buf_add(&message, buf_str(&g->body));
	buf_clear(&g->body);
}

static void answer(struct gate *g, uint8_t dice, enum proof *proof)
{
	const struct reply yes = reply_make(250, "2.0.0 ok"),
			   no = reply_make(dice % 2 ? 550 : 451, "no");
	const struct reply go = reply_make(354, "go");

	switch (g->ask.kind) {
	case GATE_ASKS_PROOF:
		*proof = (enum proof)(dice % 5);
		gate_proof(g, &(struct policy_client){ .proof = *proof });
		break;
	case GATE_ASKS_RECIPIENT:
		check_recipient(g, *proof);
		gate_reply(g, dice % 5 ? &yes : &no);
		break;
	case GATE_ASKS_DATA:
		buf_clear(&message);
		if (dice % 7 == 6)
			gate_refuse(g, &no, "no-proof");
		else
			gate_reply(g, dice % 5 ? &go : &no);
		break;
	case GATE_ASKS_ROOM:
		take_body(g);
		check_message(false);
		if (dice % 11 == 10)
			gate_fail(g, &no);
		gate_room(g);
		break;
	case GATE_ASKS_END:
		take_body(g);
		check_message(true);
		gate_reply(g, dice % 5 ? &yes : &no);
		break;
	case GATE_ASKS_AUTH:
		gate_auth(g, (enum gate_auth)(dice % (GATE_AUTH_IN_CLEAR + 1)), STR("who?"));
		break;
	case GATE_ASKS_GREETING:
	case GATE_ASKS_ABORT:
	case GATE_ASKS_RESET: gate_room(g); break;
	case GATE_ASKS_NOTHING: abort();
	}
}

static void check_replies(struct str out)
{
	struct reply r;
	size_t used;

	while (out.n > 0) {
		if (reply_read(out, &r, &used) != REPLY_WHOLE)
			abort();
		out = str_from(out, used);
	}
}

static const struct gate_hooks hooks = {
	.is_local = is_local,
	.mechanisms = mechanisms,
	.auth_cancelled = cancelled,
	.shadowed = shadowed,
	.refused = refused,
	.seen = seen,
	.received = received,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct gate_facts facts = { .role = size % 2 ? ROLE_MX : ROLE_SUBMISSION,
		.hostname = "f.example",
		.refusal_text = "no",
		.max_message_size = 1000,
		.max_recipients = 3,
		.eight_bit = true,
		.utf8 = size % 3 != 0,
		.dsn = true,
		.auth = true,
		.starttls = true,
		.rewrite = size % 5 == 0,
		.hooks = &hooks };
	enum proof proof = PROOF_NONE;
	struct buf in, out;
	struct gate g;
	enum step step;

	buf_init(&in, 1 << 21);
	buf_init(&message, 1 << 22);
	buf_init(&out, 1 << 21);
	gate_init(&g, &facts);
	for (size_t n = 0; n < 4 * size + 100; n++) {
		if (n == 2) /* behind the greeting */
			buf_add(&in, (struct str){ (const char *)data, size });
		step = g.engine.ops->run(&g.engine, &in, &out);
		check_replies(buf_str(&out));
		buf_clear(&out);
		if (step == STEP_ASK)
			answer(&g, size > 0 ? data[n % size] : 0, &proof);
		if ((step == STEP_READ && n > 2) || step == STEP_CLOSE || step == STEP_PART)
			break;
		if (step == STEP_TLS)
			buf_clear(&in);
	}
	gate_free(&g);
	buf_free(&message);
	buf_free(&in);
	buf_free(&out);
	return 0;
}
