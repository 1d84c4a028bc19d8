/* body_fuzz.c - law: however a message is cut, what goes on equals what came up to its end, holds no bare
 * CR, bare LF or NUL, and the end is the first CRLF.CRLF. */
#include <stdlib.h>

#include "common/base/buf.h"
#include "smtpgate/body.h"
#include "tests/fuzz/fuzz.h"

static enum body_scan scan(struct str in, size_t step, struct buf *out, size_t *used)
{
	struct body b = { 0 };
	enum body_scan got = BODY_MORE;
	size_t start = 0, end = 0;

	while (got == BODY_MORE && end < in.n) {
		struct str pass;
		size_t taken;

		end = in.n - end < step ? in.n : end + step;
		got = body_scan(&b, (struct str){ in.p + start, end - start }, &pass, &taken);
		buf_add(out, pass);
		start += taken;
	}
	*used = start;
	return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	size_t step = size > 0 ? 1 + data[0] % 7 : 1, used, used_whole;
	struct buf cut, whole;
	enum body_scan got;

	buf_init(&cut, 1 << 21);
	buf_init(&whole, 1 << 21);
	got = scan(in, step, &cut, &used);
	if (scan(in, size + 1, &whole, &used_whole) != got || used != used_whole ||
		!str_eq(buf_str(&cut), buf_str(&whole)))
		abort();
	if (cut.len > size || memcmp(buf_str(&cut).p, data, cut.len) != 0)
		abort();
	if (got == BODY_END) {
		struct str all = buf_str(&cut);

		if (used != cut.len + 3 || (cut.len > 0 && !str_ends(all, STR("\r\n"))) ||
			memmem(all.p, all.n, "\r\n.\r\n", 5) != NULL)
			abort();
		for (size_t i = 0; i < all.n; i++)
			if (all.p[i] == '\0' ||
				(all.p[i] == '\n' && (i == 0 || all.p[i - 1] != '\r')) ||
				(all.p[i] == '\r' && (i + 1 == all.n || all.p[i + 1] != '\n')))
				abort();
	}
	buf_free(&cut);
	buf_free(&whole);
	return 0;
}
