/* upstream_fuzz.c - law: whatever a hop says, each command of ours has one answer, a message's end is heard
 * only after it was sent, a hop out of step is told to be broken, and none is used before it is met in the
 * way that is wanted. */
#include <stdlib.h>

#include "smtpgate/upstream.h"
#include "tests/fuzz/fuzz.h"

static void next_command(struct upstream *u, uint8_t dice)
{
	static const struct envelope mail = {
		.sender = { .text = "a@b.example" }, .size = 10, .eight_bit = true
	};
	static const struct recipient recipient = { .path = { .text = "a@b.example" } };
	struct buf body;

	if (u->state == UPSTREAM_BODY) {
		buf_init(&body, 100);
		buf_add(&body, STR("x\r\n"));
		upstream_body(u, &body);
		buf_free(&body);
		upstream_end(u);
		return;
	}
	if (u->state != UPSTREAM_READY)
		return;
	switch (dice % 4) {
	case 0:
		upstream_mail(u, &mail);
		if (u->offers.pipelining && dice % 8 == 4)
			upstream_rcpt(u, &recipient);
		break;
	case 1: upstream_rcpt(u, &recipient); break;
	case 2: upstream_data(u); break;
	default: upstream_reset(u); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* the first octet says how the hop is spoken to, so that the corpus reaches each way */
	const uint8_t dice = size > 0 ? data[0] : 0;
	const struct upstream_manners manners = { .hostname = "f.example",
		.lmtp = dice & 1,
		.tls = dice % 3,
		.xclient = dice & 2,
		.only_xclient = dice & 4,
		.proxy = dice & 8,
		.user = dice & 16 ? "user" : NULL,
		.password = "password",
		.auth_in_clear = dice & 32 };
	const struct introduction client = {
		.client = { .port = 1 }, .helo = "h el+o", .login = { .n = 1, .name = "a" }
	};
	struct buf in, out;
	struct upstream u;

	buf_init(&in, 1 << 21);
	buf_init(&out, 1 << 22);
	upstream_init(&u, &manners, dice & 64 ? &client : NULL);
	if (size > 0)
		buf_add(&in, (struct str){ (const char *)data + 1, size - 1 });
	for (size_t n = 0; n < 2 * size + 100; n++) {
		enum upstream_state before = u.state;
		enum step step = u.engine.ops->run(&u.engine, &in, &out);

		buf_clear(&out);
		if (step == STEP_READ || step == STEP_CLOSE)
			break;
		if (step == STEP_TLS) {
			if (in.len > 0 || u.manners.tls == UPSTREAM_CLEAR)
				abort();
			if (size > 1) /* and it goes on under TLS */
				buf_add(&in,
					(struct str){
						(const char *)data + size / 2, size - size / 2 });
			continue;
		}
		if (step != STEP_ASK || u.event == EVENT_CONNECTED)
			continue;
		if (u.event == EVENT_BROKEN || u.event == EVENT_EARLY || u.event == EVENT_REFUSED ||
			u.event == EVENT_UNFIT)
			break;
		if (u.event == EVENT_READY &&
			((manners.tls == UPSTREAM_ONLY_TLS && !u.tls) ||
				(manners.only_xclient && manners.xclient && !u.introduced) ||
				(manners.user != NULL && !u.tls && !manners.auth_in_clear)))
			abort(); /* no command goes where what was asked for first is not had */
		if (u.event == EVENT_REPLY && before != UPSTREAM_ASKED && before != UPSTREAM_DOT)
			abort();
		if (u.state != UPSTREAM_READY && u.state != UPSTREAM_BODY)
			abort();
		next_command(&u, size > 0 ? data[n % size] : 0);
	}
	upstream_free(&u);
	buf_free(&in);
	buf_free(&out);
	return 0;
}
