/* dot_test.c - a message between file and wire, cut at every place. */
#include "tests/unit/test.h"

#include "common/line/dot.h"

static const struct {
	const char *file, *wire;
} cases[] = {
	{ "", ".\r\n" },
	{ "a\n", "a\r\n.\r\n" },
	{ "a\r\n", "a\r\n.\r\n" },
	{ "a", "a\r\n.\r\n" },
	{ ".", "..\r\n.\r\n" },
	{ ".\n", "..\r\n.\r\n" },
	{ "..a\nb\r\n.c", "...a\r\nb\r\n..c\r\n.\r\n" },
	{ "\n\n", "\r\n\r\n.\r\n" },
	{ "a\rb\n", "a\rb\r\n.\r\n" },
	{ "a\r", "a\r\r\n.\r\n" },
	{ "a.b\n.\r\n", "a.b\r\n..\r\n.\r\n" },
};

static void stuffs_the_same_wherever_it_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str file = str_of(cases[i].file);

		for (size_t cut = 0; cut <= file.n; cut++) {
			struct dot_out d = { 0 };
			struct buf out;

			buf_init(&out, 1000);
			dot_out_add(&d, str_first(file, cut), &out);
			dot_out_add(&d, str_from(file, cut), &out);
			dot_out_end(&d, &out);
			assert_true(str_eq(buf_str(&out), str_of(cases[i].wire)));
			buf_free(&out);
		}
	}
}

/* Octets as sent, without doubled dots and without the last line. */
static void counts_what_it_sends(void **state)
{
	static const uint64_t sizes[] = { 0, 3, 3, 3, 3, 3, 12, 4, 5, 4, 8 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dot_out d = { 0 };
		uint64_t size = dot_size_add(&d, str_of(cases[i].file));

		size += dot_size_end(&d);
		assert_true(size == sizes[i]);
	}
}

/* Octet by octet, as the rules say it. */
static size_t put_plainly(const char *file, size_t n, char *wire, uint64_t *size)
{
	char before = '\n';
	size_t to = 0;

	*size = 0;
	for (size_t i = 0; i < n; before = file[i++]) {
		if (file[i] == '.' && before == '\n')
			wire[to++] = '.';
		else
			++*size;
		*size += file[i] == '.' && before == '\n';
		if (file[i] == '\n' && before != '\r') {
			wire[to++] = '\r';
			++*size;
		}
		wire[to++] = file[i];
	}
	if (before != '\n') {
		memcpy(wire + to, "\r\n", 2);
		to += 2;
		*size += 2;
	}
	memcpy(wire + to, ".\r\n", 3);
	return to + 3;
}

static void long_messages_are_stuffed_and_counted_as_the_rules_say(void **state)
{
	static const char octets[] = "\r\n\n..abcdefgh";
	char file[700], wire[1500];
	unsigned seed = 1;

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		size_t n = round * 2, cut = n / 3;
		struct dot_out d = { 0 }, count = { 0 };
		uint64_t size, counted;
		struct buf out;

		for (size_t i = 0; i < n; i++, seed = seed * 1103515245 + 12345)
			file[i] = octets[(seed >> 16) % (round % 2 == 0 ? 6 : sizeof(octets) - 1)];
		buf_init(&out, 3000);
		dot_out_add(&d, (struct str){ file, cut }, &out);
		dot_out_add(&d, (struct str){ file + cut, n - cut }, &out);
		dot_out_end(&d, &out);
		assert_int_equal(out.len, put_plainly(file, n, wire, &size));
		assert_memory_equal(buf_str(&out).p, wire, out.len);
		counted = dot_size_add(&count, (struct str){ file, cut });
		counted += dot_size_add(&count, (struct str){ file + cut, n - cut });
		assert_int_equal(counted + dot_size_end(&count), size);
		buf_free(&out);
	}
}

static void too_little_room_breaks_the_buffer(void **state)
{
	struct dot_out d = { 0 };
	struct buf out;

	(void)state;
	buf_init(&out, 20);
	dot_out_add(&d, STR("eighteen octets or so, and more\n"), &out);
	assert_true(out.broken);
	assert_true(out.len <= 20);
	buf_free(&out);
}

static void unstuffs_the_same_wherever_it_is_cut(void **state)
{
	struct str wire = STR("..a\r\nb.c\r\n...\r\n\r\nlast\r\n");

	(void)state;
	for (size_t cut = 0; cut <= wire.n; cut++) {
		struct dot_in d = { 0 };
		struct buf out;

		buf_init(&out, 1000);
		dot_in_add(&d, str_first(wire, cut), &out);
		dot_in_add(&d, str_from(wire, cut), &out);
		assert_true(str_eq(buf_str(&out), STR(".a\nb.c\n..\n\nlast\n")));
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stuffs_the_same_wherever_it_is_cut),
		cmocka_unit_test(counts_what_it_sends),
		cmocka_unit_test(long_messages_are_stuffed_and_counted_as_the_rules_say),
		cmocka_unit_test(too_little_room_breaks_the_buffer),
		cmocka_unit_test(unstuffs_the_same_wherever_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
