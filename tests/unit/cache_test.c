/* cache_test.c - verified passwords: what hits, what never does, many processes at once. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/users/cache.h"

#define LIVE_MS 1000

static int memory_of(size_t entries)
{
	const char key[128] = "as long as any other key, but not quite as random";
	int fd = memfd_create("cache-test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)(sizeof(key) + 64 * entries)), 0);
	assert_int_equal(write(fd, key, sizeof(key)), sizeof(key));
	return fd;
}

static struct cache *cache_at(int fd)
{
	struct cache *c = NULL;

	assert_int_equal(cache_open(&c, fd, LIVE_MS), ERR_NONE);
	return c;
}

static struct subscriber named(const char *name)
{
	struct subscriber who;

	assert_true(subscriber_fold(str_of(name), STR("example.net"), &who));
	return who;
}

static void only_exactly_what_was_verified_hits(void **state)
{
	int fd = memory_of(64);
	struct cache *c = cache_at(fd);
	struct subscriber anna = named("anna"), bert = named("bert");

	(void)state;
	assert_false(cache_hit(c, &anna, STR("{X}hash"), STR("secret"), 0));
	cache_put(c, &anna, STR("{X}hash"), STR("secret"), 0);
	assert_true(cache_hit(c, &anna, STR("{X}hash"), STR("secret"), 1));
	assert_false(cache_hit(c, &anna, STR("{X}hash"), STR("Secret"), 1));
	assert_false(cache_hit(c, &anna, STR("{X}hash"), STR("secret\0"), 1));
	assert_false(cache_hit(c, &anna, STR("{X}changed"), STR("secret"), 1));
	assert_false(cache_hit(c, &anna, STR("{X}hashs"), STR("ecret"), 1));
	assert_false(cache_hit(c, &bert, STR("{X}hash"), STR("secret"), 1));
	cache_close(&c);
	close(fd);
}

static void an_entry_lives_its_time_and_use_renews_it(void **state)
{
	int fd = memory_of(64);
	struct cache *c = cache_at(fd);
	struct subscriber anna = named("anna");

	(void)state;
	cache_put(c, &anna, STR("h"), STR("p"), 5000);
	for (int64_t now = 5000; now < 9000; now += 900)
		assert_true(cache_hit(c, &anna, STR("h"), STR("p"), now));
	assert_false(cache_hit(c, &anna, STR("h"), STR("p"), 8600 + LIVE_MS));
	cache_put(c, &anna, STR("h"), STR("p"), 20000);
	assert_false(cache_hit(c, &anna, STR("h"), STR("p"), 0)); /* of another boot */
	cache_close(&c);
	close(fd);
}

static void a_failure_drops_the_name_and_no_other(void **state)
{
	int fd = memory_of(8); /* one set for all */
	struct cache *c = cache_at(fd);
	struct subscriber anna = named("anna"), bert = named("bert");

	(void)state;
	cache_put(c, &anna, STR("h"), STR("p"), 0);
	cache_put(c, &anna, STR("h2"), STR("p2"), 0);
	cache_put(c, &bert, STR("h"), STR("p"), 0);
	cache_drop(c, &anna);
	assert_false(cache_hit(c, &anna, STR("h"), STR("p"), 0));
	assert_false(cache_hit(c, &anna, STR("h2"), STR("p2"), 0));
	assert_true(cache_hit(c, &bert, STR("h"), STR("p"), 0));
	cache_close(&c);
	close(fd);
}

static void when_it_is_full_the_oldest_makes_room(void **state)
{
	int fd = memory_of(8);
	struct cache *c = cache_at(fd);
	struct subscriber who = named("anna");
	char password[2] = "a";

	(void)state;
	for (int i = 0; i < 9; i++) {
		password[0] = (char)('a' + i);
		cache_put(c, &who, STR("h"), str_of(password), i);
	}
	assert_false(cache_hit(c, &who, STR("h"), STR("a"), 10));
	for (int i = 1; i < 9; i++) {
		password[0] = (char)('a' + i);
		assert_true(cache_hit(c, &who, STR("h"), str_of(password), 10));
	}
	cache_close(&c);
	close(fd);
}

static void all_who_map_the_memory_share_it_and_its_key(void **state)
{
	int fd = memory_of(64), other = memory_of(64);
	struct cache *a = cache_at(fd), *b = cache_at(fd), *mine = cache_at(-1);
	struct subscriber anna = named("anna");
	uint8_t of_a[CACHE_MAC], of_b[CACHE_MAC], of_mine[CACHE_MAC];

	(void)state;
	cache_put(a, &anna, STR("h"), STR("p"), 0);
	assert_true(cache_hit(b, &anna, STR("h"), STR("p"), 0));
	assert_false(cache_hit(mine, &anna, STR("h"), STR("p"), 0));
	cache_mac(a, "salt", STR("x"), STR("yz"), of_a);
	cache_mac(b, "salt", STR("x"), STR("yz"), of_b);
	cache_mac(mine, "salt", STR("x"), STR("yz"), of_mine);
	assert_memory_equal(of_a, of_b, CACHE_MAC);
	assert_memory_not_equal(of_a, of_mine, CACHE_MAC);
	cache_mac(b, "salt", STR("xy"), STR("z"), of_b);
	assert_memory_not_equal(of_a, of_b, CACHE_MAC);
	cache_mac(b, "pepper", STR("x"), STR("yz"), of_b);
	assert_memory_not_equal(of_a, of_b, CACHE_MAC);
	cache_close(&a);
	cache_close(&b);
	cache_close(&mine);
	close(fd);
	close(other);
}

static void memory_that_is_too_small_is_refused(void **state)
{
	int fd = memory_of(7);
	struct cache *c;

	(void)state;
	assert_int_equal(cache_open(&c, fd, LIVE_MS), ERR_DAMAGED);
	close(fd);
}

/* Puts passwords p0..p7 of a few names, asks for those and for x0..x7, which nobody ever put. */
static int hammer(int fd, unsigned seed)
{
	struct cache *c = NULL;
	unsigned hits = 0;

	if (cache_open(&c, fd, LIVE_MS) != ERR_NONE)
		return 2;
	for (int i = 0; i < 40000; i++) {
		char name[] = "n0@example.net", password[] = "p0";
		struct subscriber who;

		seed = seed * 1103515245U + 12345U;
		name[1] = (char)('0' + (seed >> 16) % 6);
		password[1] = (char)('0' + (seed >> 20) % 8);
		if (!subscriber_fold(str_of(name), STR(""), &who))
			return 2;
		if ((seed >> 24) % 3 == 0)
			cache_put(c, &who, STR("hash"), str_of(password), i % 500);
		else
			hits += cache_hit(c, &who, STR("hash"), str_of(password), i % 500);
		if ((seed >> 24) % 64 == 1)
			cache_drop(c, &who);
		password[0] = 'x';
		if (cache_hit(c, &who, STR("hash"), str_of(password), i % 500))
			return 1;
	}
	cache_close(&c);
	return hits > 0 ? 0 : 3;
}

static void many_processes_at_once_never_make_up_an_entry(void **state)
{
	int fd = memory_of(16), status;
	pid_t children[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			_exit(hammer(fd, i + 1));
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_exactly_what_was_verified_hits),
		cmocka_unit_test(an_entry_lives_its_time_and_use_renews_it),
		cmocka_unit_test(a_failure_drops_the_name_and_no_other),
		cmocka_unit_test(when_it_is_full_the_oldest_makes_room),
		cmocka_unit_test(all_who_map_the_memory_share_it_and_its_key),
		cmocka_unit_test(memory_that_is_too_small_is_refused),
		cmocka_unit_test(many_processes_at_once_never_make_up_an_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
