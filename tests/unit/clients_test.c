/* clients_test.c - connections by key, over processes. */
#include "tests/unit/test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/daemon/clients.h"

static struct addr key(unsigned n)
{
	struct addr a = { { 0 } };

	a.b[15] = (uint8_t)n;
	a.b[14] = (uint8_t)(n >> 8);
	return a;
}

static void limits_hold_over_processes(void **state)
{
	struct clients *all, *one, *two;
	bool key_full;
	int fd;

	(void)state;
	assert_int_equal(clients_make(&all, 4, 100, &fd), ERR_NONE);
	assert_int_equal(clients_map(&one, fd, 1), ERR_NONE);
	assert_int_equal(clients_map(&two, fd, 2), ERR_NONE);
	assert_true(clients_enter(one, key(1), 2, 100, &key_full));
	assert_true(clients_enter(two, key(1), 2, 100, &key_full));
	assert_false(clients_enter(one, key(1), 2, 100, &key_full));
	assert_true(key_full);
	assert_true(clients_enter(one, key(2), 2, 100, &key_full));
	assert_false(clients_enter(one, key(3), 2, 3, &key_full));
	assert_false(key_full);
	clients_leave(two, key(1));
	assert_int_equal(clients_of(all, key(1)), 1);
	clients_bury(all, 1);
	assert_int_equal(clients_all(all), 0);
	assert_int_equal(clients_of(all, key(2)), 0);
	assert_int_equal(clients_map(&two, fd, 4) == ERR_NONE, false);
	clients_close(&all);
	clients_close(&one);
	clients_close(&two);
	close(fd);
}

static void many_keys_come_and_go(void **state)
{
	struct clients *c;
	bool key_full;
	int fd;

	(void)state;
	assert_int_equal(clients_make(&c, 1, 1000, &fd), ERR_NONE);
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned n = 0; n < 1000; n++)
			assert_true(clients_enter(c, key(n + round * 1000), 1, 1000, &key_full));
		assert_int_equal(clients_all(c), 1000);
		for (unsigned n = 0; n < 1000; n++)
			clients_leave(c, key(n + round * 1000));
		assert_int_equal(clients_all(c), 0);
	}
	clients_close(&c);
	close(fd);
}

/* How much of the memory has been touched; octets. */
static long touched(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_blocks * 512;
}

static void few_touch_little_memory_and_as_many_as_agreed_find_room(void **state)
{
	struct clients *all, *c;
	bool key_full;
	int fd;

	(void)state;
	assert_int_equal(clients_make(&all, 3, 20000, &fd), ERR_NONE);
	assert_int_equal(clients_map(&c, fd, 1), ERR_NONE);
	for (unsigned n = 0; n < 20000; n++) {
		assert_true(clients_enter(c, key(n), 1, 20000, &key_full));
		if (n == 999)
			assert_true(touched(fd) < 100000);
	}
	for (unsigned n = 0; n < 20000; n++)
		assert_int_equal(clients_of(all, key(n)), 1);
	assert_int_equal(clients_of(all, key(20000)), 0);
	for (unsigned n = 0; n < 19999; n++)
		clients_leave(c, key(n));
	assert_int_equal(clients_all(all), 1);
	assert_int_equal(clients_of(all, key(19999)), 1);
	clients_bury(all, 1);
	for (unsigned n = 0; n < 20000; n++)
		assert_int_equal(clients_of(all, key(n)), 0);
	clients_close(&c);
	clients_close(&all);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_hold_over_processes),
		cmocka_unit_test(many_keys_come_and_go),
		cmocka_unit_test(few_touch_little_memory_and_as_many_as_agreed_find_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
