/* upstream_fuzz.c - law: whatever a hop says, each command of ours has one answer, a message's end is heard
 * only after it was sent, and a hop out of step is told to be broken. */
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
	case 0: upstream_mail(u, &mail); break;
	case 1: upstream_rcpt(u, &recipient); break;
	case 2: upstream_data(u); break;
	default: upstream_quit(u); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf in, out;
	struct upstream u;

	buf_init(&in, 1 << 21);
	buf_init(&out, 1 << 22);
	upstream_init(&u, "f.example", size % 2 == 0);
	buf_add(&in, (struct str){ (const char *)data, size });
	for (size_t n = 0; n < 2 * size + 100; n++) {
		enum upstream_state before = u.state;
		enum step step = u.engine.ops->run(&u.engine, &in, &out);

		buf_clear(&out);
		if (step == STEP_READ || step == STEP_CLOSE)
			break;
		if (step != STEP_ASK)
			continue;
		if (u.event == EVENT_BROKEN || u.event == EVENT_EARLY)
			break;
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
