/* introduce_fuzz.c - law: xtext reads back as what was written, and whatever a client calls itself, XCLIENT
 * is lines of its own grammar, none too long, that the client cannot add an attribute to. */
#include <stdlib.h>

#include "smtpgate/introduce.h"
#include "tests/fuzz/fuzz.h"

static void check_xtext(struct str s)
{
	char back[1 << 16];
	struct buf out;
	size_t n;

	buf_init(&out, 1 << 20);
	xtext_put(&out, s);
	if (s.n <= sizeof(back) &&
		(!xtext_read(buf_str(&out), back, sizeof(back), &n) || n != s.n ||
			memcmp(back, s.p, n) != 0))
		abort();
	if (xtext_read(s, back, sizeof(back), &n)) {
		buf_clear(&out);
		xtext_put(&out, (struct str){ back, n });
		if (!str_eq(buf_str(&out), s))
			abort();
	}
	buf_free(&out);
}

static void check_line(struct str line)
{
	size_t equals = 0, blanks = 0;

	if (line.n > XCLIENT_LINE_MAX || !str_ends(line, STR("\r\n")))
		abort();
	for (size_t i = 0; i < line.n - 2; i++) {
		if (line.p[i] < ' ' || line.p[i] > '~')
			abort();
		equals += line.p[i] == '=';
		blanks += line.p[i] == ' ';
	}
	if (equals != blanks)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = { (const char *)data, size };
	struct introduction i = { .client = { .port = 7 } };
	unsigned left = size > 0 ? data[0] % 64U : 63, next;
	struct buf out;

	check_xtext(s);
	memcpy(i.helo, s.p, size < INTRODUCE_NAME_MAX ? size : INTRODUCE_NAME_MAX);
	i.login.n = (uint8_t)(size < SUBSCRIBER_MAX ? size : SUBSCRIBER_MAX);
	memcpy(i.login.name, s.p, i.login.n);
	while (left != 0) {
		next = xclient_next(&i, left);
		if (next == 0 || (next & ~left) != 0)
			abort();
		left &= ~next;
		buf_init(&out, 4096);
		if (xclient_put(&out, &i, next))
			check_line(buf_str(&out));
		else if (out.len > 0)
			abort();
		buf_free(&out);
	}
	return 0;
}
