/* history_test.c - who was seen where, and who needs the window: rows and answers. */
#include "tests/unit/test.h"

#include "common/window/history_wire.h"

#define MINUTE INT64_C(60000)
#define NOON (20000 * DAY_MS + DAY_MS / 2)

static struct grant grant_of(const char *name, uint16_t port)
{
	struct grant g = { .port = port, .source = { "pop3", "plain", true }, .sid = "s1" };

	assert_true(subscriber_fold(str_of(name), STR("example.net"), &g.who));
	assert_true(addr_parse(STR("192.0.2.1"), &g.addr));
	return g;
}

static struct interval login(uint16_t port, int64_t ms)
{
	struct grant g = grant_of("anna", port);

	return interval_of_grant(&g, g.addr, ms, ms + 30 * MINUTE);
}

static void logins_in_time_make_one_interval(void **state)
{
	struct interval i = login(4000, NOON), next = login(3000, NOON + 20 * MINUTE);

	(void)state;
	assert_true(interval_extend(&i, &next));
	assert_true(i.from_ms == NOON && i.until_ms == NOON + 50 * MINUTE && i.times == 2);
	assert_true(i.first.port == 4000 && i.last.port == 3000);
	assert_true(i.port_low == 3000 && i.port_high == 4000);
	next = login(5000, NOON + 50 * MINUTE + 1);
	assert_false(interval_extend(&i, &next));
	assert_true(i.until_ms == NOON + 50 * MINUTE);
}

static void a_grant_without_a_port_hides_none(void **state)
{
	struct interval i = login(0, NOON), next = login(3000, NOON + MINUTE);

	(void)state;
	assert_true(interval_extend(&i, &next));
	assert_true(i.port_low == 3000 && i.port_high == 3000);
	next = login(0, NOON + 2 * MINUTE);
	assert_true(interval_extend(&i, &next));
	assert_true(i.port_low == 3000 && i.port_high == 3000);
}

static void no_interval_grows_over_more_than_a_day(void **state)
{
	struct interval i = login(1, NOON), next;
	int64_t ms = NOON;

	(void)state;
	for (ms += 20 * MINUTE; ms < NOON + INTERVAL_MAX_MS; ms += 20 * MINUTE) {
		next = login(1, ms);
		assert_true(interval_extend(&i, &next));
	}
	next = login(1, ms);
	assert_false(interval_extend(&i, &next));
	assert_true(i.until_ms == ms); /* where the next begins */
}

static void messages_make_one_interval_while_they_follow_each_other(void **state)
{
	struct grant g = grant_of("anna", 1);
	struct use u = { .addr = g.addr,
		.who = g.who,
		.messages = 1,
		.by = USE_BY_AUTH,
		.port = 7,
		.mechanism = "cram-md5" };
	struct interval i = interval_of_use(&u, u.addr, NOON), next;

	(void)state;
	assert_string_equal(i.source.mechanism, "cram-md5");
	next = interval_of_use(&u, u.addr, NOON + INTERVAL_GAP_MS);
	assert_true(interval_extend(&i, &next));
	assert_true(i.until_ms == next.until_ms && i.times == 2);
	next = interval_of_use(&u, u.addr, i.until_ms + INTERVAL_GAP_MS + 1);
	assert_false(interval_extend(&i, &next));
	u.by = USE_BY_WINDOW;
	assert_string_equal(interval_of_use(&u, u.addr, NOON).source.mechanism, "window");
}

static void intervals_come_back_and_nothing_else_is_one(void **state)
{
	struct interval i = login(4000, NOON), back;
	uint8_t key[INTERVAL_KEY_MAX], value[INTERVAL_VALUE_MAX];
	struct str k = { (char *)key, interval_key(&i, key) };
	struct str v = { (char *)value, interval_value(&i, value) };

	(void)state;
	assert_true(interval_read(k, v, &back));
	assert_true(back.from_ms == NOON && back.until_ms == i.until_ms && back.first.port == 4000);
	assert_string_equal(back.who.name, "anna@example.net");
	assert_string_equal(back.last.sid, "s1");
	assert_string_equal(back.source.service, "pop3");
	for (size_t n = 0; n < k.n; n++)
		assert_false(interval_read(str_first(k, n), v, &back));
	for (size_t n = 0; n < v.n; n++) {
		assert_false(interval_read(k, str_first(v, n), &back));
		value[n] ^= 1;
		assert_false(interval_read(k, v, &back));
		value[n] ^= 1;
	}
}

static void intervals_of_a_subscriber_sort_by_time(void **state)
{
	struct interval a = login(1, 255), b = login(1, 256);
	uint8_t first[INTERVAL_KEY_MAX], second[INTERVAL_KEY_MAX];
	size_t n = interval_key(&a, first);

	(void)state;
	assert_int_equal(interval_key(&b, second), n);
	assert_true(memcmp(first, second, n) < 0);
}

static void days_add_up_and_come_back(void **state)
{
	struct day d = { .day = 20000, .window = 2, .logins = UINT32_MAX, .login_ms = 5 };
	struct day more = {
		.day = 20000, .window = 1, .authenticated = 4, .logins = 1, .login_ms = 9
	};
	uint8_t key[DAY_KEY_MAX], value[DAY_VALUE_MAX];
	struct day back;
	struct str k, v;

	(void)state;
	d.who = grant_of("anna", 1).who;
	day_add(&d, &more);
	assert_true(d.window == 3 && d.authenticated == 4 && d.login_ms == 9);
	assert_true(d.logins == UINT32_MAX); /* stays there */
	k = (struct str){ (char *)key, day_key(&d, key) };
	v = (struct str){ (char *)value, day_value(&d, value) };
	assert_true(day_read(k, v, &back));
	assert_true(back.day == 20000 && back.window == 3 && back.login_ms == 9);
	value[3] ^= 1;
	assert_false(day_read(k, v, &back));
}

static void answers_come_back_to_the_octet(void **state)
{
	struct history_answer row = { .says = HISTORY_INTERVAL, .interval = login(9, NOON) };
	struct history_answer sums = { .says = HISTORY_DEPENDENCE,
		.dependence = {
			.window = 3, .days = 2, .manners.by_window = { .ms = 7, .helo = "pc" } } };
	struct history_answer end = { .says = HISTORY_END,
		.end = { .result = ERR_LIMIT, .lost = 4 } };
	struct history_answer *all[] = { &row, &sums, &end }, back;
	uint8_t bytes[HISTORY_PACKET_MAX + 1] = { 0 };

	(void)state;
	sums.dependence.who = grant_of("anna", 1).who;
	for (size_t i = 0; i < 3; i++) {
		struct str packet = { (char *)bytes, history_put(all[i], bytes) };

		assert_true(history_get(packet, &back));
		assert_true(back.says == all[i]->says);
		for (size_t n = 0; n < packet.n; n++)
			assert_false(history_get(str_first(packet, n), &back));
		assert_false(history_get((struct str){ packet.p, packet.n + 1 }, &back));
	}
	assert_true(back.end.result == ERR_LIMIT && back.end.lost == 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logins_in_time_make_one_interval),
		cmocka_unit_test(a_grant_without_a_port_hides_none),
		cmocka_unit_test(no_interval_grows_over_more_than_a_day),
		cmocka_unit_test(messages_make_one_interval_while_they_follow_each_other),
		cmocka_unit_test(intervals_come_back_and_nothing_else_is_one),
		cmocka_unit_test(intervals_of_a_subscriber_sort_by_time),
		cmocka_unit_test(days_add_up_and_come_back),
		cmocka_unit_test(answers_come_back_to_the_octet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
