/* hops_test.c - addresses tried in turn, and the breaker, with a clock of the test's own. */
#include "tests/unit/test.h"

#include "common/base/log.h"
#include "smtpgate/hops.h"

static const struct hop named = { .kind = HOP_SMTP,
	.host = "hop.example",
	.endpoint = { .port = 25 },
	.text = { "smtp:hop.example:25", 19 } };

static struct addr addr(const char *text)
{
	struct addr a;

	assert_true(addr_parse(str_of(text), &a));
	return a;
}

static struct hop_state two(void)
{
	const struct addr addresses[] = { addr("192.0.2.1"), addr("192.0.2.2"), addr("192.0.2.1") };
	struct hop_state s;

	hop_state_init(&s, &named);
	assert_int_equal(s.n, 0);
	hop_addresses(&s, addresses, 3);
	assert_int_equal(s.n, 2);
	return s;
}

static void each_address_is_tried_once_in_turn(void **state)
{
	struct hop_state s = two();
	struct hop_tried tried = { 0 };
	struct endpoint at;

	(void)state;
	assert_int_equal(hop_pick(&s, &tried, 0, &at), HOP_PICKED);
	assert_true(addr_eq(at.addr, addr("192.0.2.1")) && at.port == 25);
	assert_int_equal(hop_pick(&s, &tried, 0, &at), HOP_PICKED);
	assert_true(addr_eq(at.addr, addr("192.0.2.2")));
	assert_int_equal(hop_pick(&s, &tried, 0, &at), HOP_NONE_LEFT);
}

static void fails(struct hop_state *s, struct endpoint at, int times, int64_t now_ms)
{
	while (times-- > 0)
		hop_failed(s, at, now_ms, "refused");
}

static void an_address_that_keeps_failing_is_held_back_and_the_other_is_not(void **state)
{
	struct hop_state s = two();
	const struct endpoint bad = { addr("192.0.2.1"), 25 };
	struct hop_tried tried = { 0 };
	struct endpoint at;

	(void)state;
	fails(&s, bad, HOP_FAILURES, 1000);
	assert_int_equal(hop_pick(&s, &tried, 1000, &at), HOP_PICKED);
	assert_true(addr_eq(at.addr, addr("192.0.2.2")));
	assert_int_equal(hop_pick(&s, &tried, 1000, &at), HOP_HELD_BACK);
}

static enum hop_pick pick_alone(struct hop_state *s, int64_t now_ms)
{
	struct hop_tried tried = { 0 };
	struct endpoint at;

	return hop_pick(s, &tried, now_ms, &at);
}

static void one_attempt_goes_through_and_decides_for_all(void **state)
{
	const struct hop here = { .kind = HOP_SMTP, .endpoint = { addr("192.0.2.1"), 25 } };
	struct hop_state s;
	int64_t now = 0, pause;

	(void)state;
	hop_state_init(&s, &here);
	fails(&s, here.endpoint, 100, now); /* many that were on their way count as one */
	for (pause = HOP_PAUSE_MIN_MS; pause <= 4 * HOP_PAUSE_MAX_MS; pause *= 2) {
		int64_t while_ms = pause < HOP_PAUSE_MAX_MS ? pause : HOP_PAUSE_MAX_MS;

		assert_int_equal(pick_alone(&s, now + while_ms - 1), HOP_HELD_BACK);
		now += while_ms;
		assert_int_equal(pick_alone(&s, now), HOP_PICKED);
		assert_int_equal(pick_alone(&s, now), HOP_HELD_BACK); /* one at a time */
		fails(&s, here.endpoint, 5, now);
	}
	hop_worked(&s, here.endpoint);
	assert_int_equal(pick_alone(&s, now), HOP_PICKED);
	fails(&s, here.endpoint, HOP_FAILURES - 1, now);
	assert_int_equal(pick_alone(&s, now), HOP_PICKED);
}

static void new_addresses_keep_what_is_known_of_the_old(void **state)
{
	struct hop_state s = two();
	const struct endpoint bad = { addr("192.0.2.2"), 25 };
	const struct addr fresh[] = { addr("192.0.2.2"), addr("192.0.2.3") };

	(void)state;
	fails(&s, bad, HOP_FAILURES, 0);
	hop_addresses(&s, fresh, 2);
	assert_int_equal(s.n, 2);
	assert_true(s.addresses[0].pause_ms > 0);
	assert_int_equal(s.addresses[1].pause_ms, 0);
	fails(&s, (struct endpoint){ addr("192.0.2.1"), 25 }, 5, 0); /* no longer one of them */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_is_tried_once_in_turn),
		cmocka_unit_test(an_address_that_keeps_failing_is_held_back_and_the_other_is_not),
		cmocka_unit_test(one_attempt_goes_through_and_decides_for_all),
		cmocka_unit_test(new_addresses_keep_what_is_known_of_the_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
