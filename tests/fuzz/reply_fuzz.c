/* reply_fuzz.c - law: a reply that is taken is written as one that reads the same. */
#include <stdlib.h>

#include "smtpgate/reply.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reply r, again;
	struct buf out;
	size_t used;

	if (reply_read((struct str){ (const char *)data, size }, &r, &used) != REPLY_WHOLE)
		return 0;
	if (used > size || r.code < 200 || r.code > 599 || r.n > sizeof(r.text))
		abort();
	buf_init(&out, 1 << 16);
	reply_put(&out, &r);
	if (reply_read(buf_str(&out), &again, &used) != REPLY_WHOLE || used != out.len ||
		again.code != r.code || again.n != r.n || memcmp(r.text, again.text, r.n) != 0)
		abort();
	buf_free(&out);
	return 0;
}
