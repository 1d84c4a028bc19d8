/* hear_fuzz.c - law: however the octets come, after each piece the load generator judges as a plain reading of all
 * that came so far does, and counts the octets of a message as that reading counts them. */
#include <stdlib.h>

#include "tests/bench/hear.h"
#include "tests/fuzz/fuzz.h"

#define LONGEST_STAT 157 /* octets before CRLF */

static const struct step steps[] = {
	{ .hear = HEAR_POP3, .want = "+OK" },
	{ .hear = HEAR_SMTP, .want = "250" },
	{ .hear = HEAR_SMTP, .want = "5" },
	{ .hear = HEAR_STAT, .want = "+OK " },
	{ .hear = HEAR_BODY, .want = "+OK" },
};

struct plain { /* what the reading found */
	enum heard heard;
	size_t used;
	unsigned long long octets;
};

/* One line with its CRLF; 0 octets of nothing: none is whole, or it is wrong, which *wrong says. */
static struct str line_of(struct str in, const char *want, bool *wrong)
{
	size_t lf = str_find(in, '\n');

	*wrong = lf < in.n &&
		(lf == 0 || in.p[lf - 1] != '\r' || lf < strlen(want) ||
			strncmp(in.p, want, strlen(want)) != 0);
	return str_first(in, lf < in.n && !*wrong ? lf + 1 : 0);
}

/* Octets of a message on the wire, without the dots that stuff it. */
static unsigned long long unstuffed(struct str body)
{
	unsigned long long n = body.n;

	for (size_t i = 0; i < body.n; i++)
		n -= body.p[i] == '.' &&
			(i == 0 || (i > 1 && body.p[i - 1] == '\n' && body.p[i - 2] == '\r'));
	return n;
}

static void read_body(struct str in, struct plain *out)
{
	const char *end = in.n >= 3 && memcmp(in.p, ".\r\n", 3) == 0
		? in.p
		: memmem(in.p, in.n, "\r\n.\r\n", 5);

	if (end == NULL)
		return;
	out->heard = HEARD_RIGHT;
	if (end > in.p || *end == '\r')
		end += 2;
	out->octets = unstuffed(str_first(in, (size_t)(end - in.p)));
	out->used += (size_t)(end - in.p) + 3;
}

/* Two numbers, each of digits only and behind one blank, and then nothing or another blank. */
static bool is_stat(struct str line)
{
	size_t i = strlen("+OK ");

	if (line.n > LONGEST_STAT)
		return false;
	for (unsigned numbers = 0; numbers < 2; numbers++) {
		size_t digits = 0;
		uint64_t n;

		while (i + digits < line.n && ascii_digit(line.p[i + digits]))
			digits++;
		if (!str_to_u64(str_first(str_from(line, i), digits), UINT64_MAX, &n))
			return false;
		i += digits;
		if (i < line.n && line.p[i++] != ' ')
			return false;
		if (numbers == 0 && i == line.n)
			return false;
	}
	return true;
}

static struct plain read_all(struct str in, const struct step *step)
{
	struct plain out = { HEARD_MORE, 0, 0 };
	struct str line;
	bool wrong;

	do {
		line = line_of(str_from(in, out.used), step->want, &wrong);
		out.used += line.n;
	} while (step->hear == HEAR_SMTP && line.n > 3 && line.p[3] == '-');
	if (wrong)
		out.heard = HEARD_WRONG;
	else if (line.n > 0 && step->hear == HEAR_BODY)
		read_body(str_from(in, out.used), &out);
	else if (line.n > 0)
		out.heard = step->hear != HEAR_STAT || is_stat(str_first(line, line.n - 2))
			? HEARD_RIGHT
			: HEARD_WRONG;
	if (out.heard == HEARD_RIGHT && out.used < in.n)
		out.heard = HEARD_WRONG; /* nothing was asked that this could answer */
	return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct step *step;
	struct listener l = { 0 };
	enum heard heard = HEARD_MORE;
	size_t piece, fed = 0;
	struct str all;

	if (size < 2)
		return 0;
	step = &steps[data[0] % (sizeof(steps) / sizeof(steps[0]))];
	piece = data[1] > 0 ? data[1] : size;
	all = (struct str){ (const char *)data + 2, size - 2 };
	while (fed < all.n && heard == HEARD_MORE) {
		size_t n = piece < all.n - fed ? piece : all.n - fed;
		struct plain want = read_all(str_first(all, fed + n), step);

		heard = hear_feed(&l, step, str_first(str_from(all, fed), n));
		fed += n;
		if (heard != want.heard || (heard == HEARD_RIGHT && l.octets != want.octets))
			abort();
	}
	return 0;
}
