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
		cmocka_unit_test(unstuffs_the_same_wherever_it_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
