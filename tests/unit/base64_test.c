/* base64_test.c - RFC 4648, strictly. */
#include "tests/unit/test.h"

#include "common/line/base64.h"

static void the_vectors_of_the_rfc_go_both_ways(void **state)
{
	static const struct {
		const char *plain, *coded;
	} cases[] = {
		/* RFC 4648 10 */
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbe", "+/++" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out;
		char back[16];
		size_t n = 99;

		buf_init(&out, 64);
		base64_add(&out, str_of(cases[i].plain));
		assert_true(str_eq(buf_str(&out), str_of(cases[i].coded)));
		assert_int_equal(buf_str(&out).n, BASE64_SIZE(strlen(cases[i].plain)));
		assert_true(base64_read(str_of(cases[i].coded), back, strlen(cases[i].plain), &n));
		assert_true(str_eq((struct str){ back, n }, str_of(cases[i].plain)));
		buf_free(&out);
	}
}

static void what_is_not_quite_base64_is_refused(void **state)
{
	static const char *const cases[] = { "Z", "Zg", "Zg=", "Zh==", "Zm9=", "====", "=",
		"Z===", "Zg==Zg==", "Zm9v ", " Zm9", "Zm-v", "Zm_v", "Zm9v\n", "*" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char back[16];
		size_t n = 99;

		assert_false(base64_read(str_of(cases[i]), back, sizeof(back), &n));
		assert_int_equal(n, 99);
	}
}

static void what_does_not_fit_is_refused_whole(void **state)
{
	char back[3] = "";
	size_t n = 99;

	(void)state;
	assert_false(base64_read(STR("Zm9v"), back, 2, &n));
	assert_false(base64_read(STR("Zm9vZg=="), back, 3, &n));
	assert_int_equal(n, 99);
	assert_true(base64_read(STR("Zm9v"), back, 3, &n));
	assert_false(base64_read((struct str){ "Zm9\0", 4 }, back, 3, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_the_rfc_go_both_ways),
		cmocka_unit_test(what_is_not_quite_base64_is_refused),
		cmocka_unit_test(what_does_not_fit_is_refused_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
