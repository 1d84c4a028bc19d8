/* verb_test.c - a row is found once, and every check of it is made there. */
#include "tests/unit/test.h"

#include "common/line/verb.h"

static enum step nothing(struct engine *e, struct str args, struct buf *out)
{
	(void)e;
	(void)args;
	(void)out;
	return STEP_AGAIN;
}

static const struct verb table[] = {
	{ "NOOP", 1 | 2, 0, nothing },
	{ "QUIT", 1 | 2, VERB_BARE, nothing },
	{ "PASS", 1, VERB_ARGS | VERB_SECURE, nothing },
	{ "STLS", 1, VERB_BARE | VERB_LAST, nothing },
	{ NULL, 0, 0, NULL },
};

static const struct {
	const char *line;
	struct verb_facts facts;
	enum verb_fit want;
	const char *args;
} cases[] = {
	{ "noop x y", { 2, false, false }, VERB_FITS, "x y" },
	{ "NOOPX", { 2, false, false }, VERB_UNKNOWN, "" },
	{ "", { 2, false, false }, VERB_UNKNOWN, "" },
	{ "quit", { 1, false, true }, VERB_FITS, "" },
	{ "quit ", { 1, false, true }, VERB_ARGUMENT, "" },
	{ "quit now", { 1, false, true }, VERB_ARGUMENT, "now" },
	{ "PASS  two spaces ", { 1, true, false }, VERB_FITS, " two spaces " },
	{ "PASS", { 1, true, false }, VERB_NO_ARGUMENT, "" },
	{ "PASS", { 1, false, false }, VERB_NEEDS_TLS, "" },
	{ "PASS x", { 2, false, false }, VERB_WRONG_PHASE, "x" },
	{ "STLS", { 1, false, true }, VERB_PIPELINED, "" },
	{ "STLS", { 1, false, false }, VERB_FITS, "" },
};

static void checks_phase_tls_arguments_and_pipelining_in_that_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct verb *verb = NULL;
		struct str args;

		assert_int_equal(
			verb_find(table, str_of(cases[i].line), &cases[i].facts, &verb, &args),
			cases[i].want);
		assert_true(str_eq(args, str_of(cases[i].args)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_phase_tls_arguments_and_pipelining_in_that_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
