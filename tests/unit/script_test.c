#include "tests/unit/test.h"

#include <stdlib.h>

#include "tests/bench/script.h"

static void a_message_has_the_size_asked_for_and_ends_once(void **state)
{
	(void)state;
	for (unsigned size = 200; size < 2100; size++) {
		struct plan p = { .size = size };
		const char *end;

		assert_true(script_make_body(&p));
		assert_int_equal(p.body_n, size + 5);
		end = memmem(p.body, p.body_n, "\r\n.", 3);
		assert_ptr_equal(end, p.body + size);
		assert_memory_equal(end, "\r\n.\r\n", 5);
		free(p.body);
	}
}

static void every_line_of_a_message_ends_in_crlf_and_is_short(void **state)
{
	struct plan p = { .size = 100000 };
	size_t line = 0;

	(void)state;
	assert_true(script_make_body(&p));
	for (size_t i = 0; i < p.body_n; i++, line++) {
		assert_true(line < 80);
		assert_int_equal(p.body[i] == '\n', i > 0 && p.body[i - 1] == '\r');
		if (p.body[i] == '\n')
			line = 0;
	}
	free(p.body);
}

/* The last step of each script is its end, and what is repeated lies before it. */
static void every_script_ends(void **state)
{
	(void)state;
	for (const struct script *s = script_all(); s->name != NULL; s++) {
		size_t n = 0;

		while (s->steps[n].hear != HEAR_END)
			n++;
		assert_true(s->again_from <= s->again_to && s->again_to <= n);
		assert_ptr_equal(script_find(s->name), s);
	}
	assert_null(script_find("nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_has_the_size_asked_for_and_ends_once),
		cmocka_unit_test(every_line_of_a_message_ends_in_crlf_and_is_short),
		cmocka_unit_test(every_script_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
