/* body_fuzz.c - laws: however a message is cut, what goes on equals what came up to its end, holds no bare
 * CR, bare LF or NUL, and the end is the first CRLF.CRLF. Mended, it ends at the same place, and nothing
 * in what goes on could end it. A chunk goes on as itself once its dots are single again. */
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

/* Lines end in CRLF, no line is a single dot: nothing that ends a message before its end. */
static void check_wire(struct str s)
{
	bool start = true;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0' || (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r')) ||
			(s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] != '\n'))
			abort();
		if (start && i + 2 < s.n && memcmp(s.p + i, ".\r\n", 3) == 0)
			abort();
		start = s.p[i] == '\n';
	}
}

/* Where CRLF.CRLF ends, the start of the message counted as behind a CRLF; 0 if nowhere. */
static size_t end_of(struct str in)
{
	const char *at;

	if (in.n >= 3 && memcmp(in.p, ".\r\n", 3) == 0)
		return 3;
	at = in.n > 0 ? memmem(in.p, in.n, "\r\n.\r\n", 5) : NULL;
	return at != NULL ? (size_t)(at - in.p) + 5 : 0;
}

static void check_rewrite(struct str in, size_t step)
{
	struct body b = { 0 }, again;
	enum body_scan got = BODY_MORE;
	size_t done = 0, n, end = end_of(in);
	struct buf out;

	buf_init(&out, body_room(in.n) + 100);
	while (done < in.n && got == BODY_MORE) {
		struct str piece = str_from(in, done);

		got = body_rewrite(&b, piece.n < step ? piece : str_first(piece, step), &out, &n);
		done += n;
		again = b;
		if (got == BODY_MORE && end > 0 &&
			(!body_eat(&again, str_from(in, done), &n) || done + n != end))
			abort();
	}
	check_wire(buf_str(&out));
	if (got == BODY_END ? done != end : got == BODY_MORE && end > 0)
		abort();
	buf_free(&out);
}

static void check_chunk(struct str in, size_t step)
{
	struct body b = { 0 };
	bool fine = true, start = true;
	struct buf out;
	size_t i = 0;

	buf_init(&out, body_room(in.n) + 100);
	for (size_t at = 0; at < in.n && fine; at += step)
		fine = body_chunk(
			&b, str_first(str_from(in, at), in.n - at < step ? in.n - at : step), &out);
	fine = fine && body_chunk_end(&b, &out);
	if (fine)
		check_wire(buf_str(&out));
	for (size_t o = 0; o < out.len && i < in.n; o++) {
		char c = buf_str(&out).p[o];

		if (start && c == '.')
			c = buf_str(&out).p[++o];
		if (c != in.p[i])
			abort();
		start = c == '\n';
		i++;
	}
	if (fine && i != in.n)
		abort();
	buf_free(&out);
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
	check_rewrite(in, step);
	check_chunk(in, step);
	return 0;
}
