/* lmtpd_fuzz.c - law: the engine never crashes, says replies alone, and a message is committed only behind a
 * recipient and its end. */
#include <stdlib.h>

#include "smtpgate/lmtpd.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf in, out;
	struct lmtpd d;
	unsigned taken = 0;
	size_t used;
	struct reply r;

	buf_init(&in, 1 << 21);
	buf_init(&out, 1 << 21);
	lmtpd_init(&d, "f.example");
	buf_add(&in, (struct str){ (const char *)data, size });
	for (size_t n = 0; n < 4 * size + 100; n++) {
		enum step step = d.engine.ops->run(&d.engine, &in, &out);
		uint8_t dice = size > 0 ? data[n % size] : 0;
		struct reply yes = reply_make(d.asks == LMTPD_ASKS_OPEN ? 354 : 250, "ok");
		struct reply no = reply_make(452, "no");

		for (struct str said = buf_str(&out); said.n > 0; said = str_from(said, used))
			if (reply_read(said, &r, &used) != REPLY_WHOLE)
				abort();
		buf_clear(&out);
		if (step == STEP_READ || step == STEP_CLOSE)
			break;
		if (step != STEP_ASK)
			continue;
		if (d.asks == LMTPD_ASKS_RECIPIENT && dice % 3 != 0)
			taken++;
		if (d.asks == LMTPD_ASKS_COMMIT && (taken == 0 || d.recipients == 0))
			abort();
		if (d.asks == LMTPD_ASKS_WRITE)
			buf_clear(&d.file);
		lmtpd_answer(&d, d.asks == LMTPD_ASKS_FORGET || dice % 3 != 0 ? &yes : &no);
	}
	lmtpd_free(&d);
	buf_free(&in);
	buf_free(&out);
	return 0;
}
