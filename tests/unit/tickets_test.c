/* tickets_test.c - which keys are known when, in the maker and in who only reads. */
#include "tests/unit/test.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/net/tickets.h"

struct both {
	struct tickets *maker, *reader;
	int fd;
};

static void open_both(struct both *b)
{
	assert_int_equal(tickets_make(&b->maker, &b->fd), ERR_NONE);
	assert_int_equal(tickets_map(&b->reader, b->fd), ERR_NONE);
}

static void close_both(struct both *b)
{
	tickets_close(&b->reader);
	tickets_close(&b->maker);
	close(b->fd);
}

static void readers_see_the_makers_current_key(void **state)
{
	struct both b;
	struct ticket_key made, read;

	(void)state;
	open_both(&b);
	for (int i = 0; i < 10; i++) {
		tickets_current(b.maker, &made);
		tickets_current(b.reader, &read);
		assert_memory_equal(&made, &read, sizeof(made));
		tickets_turn(b.maker);
		tickets_current(b.reader, &read);
		assert_memory_not_equal(&made, &read, sizeof(made));
	}
	close_both(&b);
}

static void a_key_is_known_for_one_turn_more_than_it_is_used_and_then_forgotten(void **state)
{
	struct both b;
	struct ticket_key first, found;
	bool current = false;

	(void)state;
	open_both(&b);
	tickets_current(b.reader, &first);
	assert_true(tickets_find(b.reader, first.name, &found, &current) && current);
	tickets_turn(b.maker);
	assert_true(tickets_find(b.reader, first.name, &found, &current) && !current);
	assert_memory_equal(&first, &found, sizeof(first));
	tickets_turn(b.maker);
	assert_false(tickets_find(b.reader, first.name, &found, &current));
	for (int i = 0; i < 10; i++) { /* no place of the ring brings it back */
		tickets_turn(b.maker);
		assert_false(tickets_find(b.reader, first.name, &found, &current));
	}
	close_both(&b);
}

static void nobody_but_the_maker_can_write(void **state)
{
	struct both b;
	struct ticket_key before, after;

	(void)state;
	open_both(&b);
	tickets_current(b.maker, &before);
	tickets_turn(b.reader);
	tickets_current(b.maker, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, b.fd, 0), MAP_FAILED);
	assert_int_equal(pwrite(b.fd, "x", 1, 0), -1);
	close_both(&b);
}

static void memory_of_another_size_is_refused(void **state)
{
	struct tickets *t;
	int fd = memfd_create("test", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(tickets_map(&t, fd), ERR_DAMAGED);
	close(fd);
}

/* The program that a supervisor becomes makes memory of its own: tickets of the old one are good in it. */
static void keys_are_inherited_and_turned_over_as_if_nothing_was(void **state)
{
	struct tickets *heir = NULL;
	struct ticket_key old, new, found;
	struct both b;
	int fd, other = memfd_create("other", 0);
	bool current;

	(void)state;
	open_both(&b);
	tickets_turn(b.maker);
	tickets_current(b.maker, &old);
	assert_int_equal(tickets_make(&heir, &fd), ERR_NONE);
	tickets_current(heir, &new);
	tickets_inherit(heir, other); /* that is none */
	tickets_current(heir, &found);
	assert_memory_equal(&found, &new, sizeof(new));
	tickets_inherit(heir, b.fd);
	tickets_current(heir, &new);
	assert_memory_equal(&old, &new, sizeof(old));
	tickets_turn(heir);
	assert_true(tickets_find(heir, old.name, &found, &current) && !current);
	tickets_turn(heir);
	assert_false(tickets_find(heir, old.name, &found, &current));
	tickets_close(&heir);
	close(fd);
	close(other);
	close_both(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_inherited_and_turned_over_as_if_nothing_was),
		cmocka_unit_test(readers_see_the_makers_current_key),
		cmocka_unit_test(
			a_key_is_known_for_one_turn_more_than_it_is_used_and_then_forgotten),
		cmocka_unit_test(nobody_but_the_maker_can_write),
		cmocka_unit_test(memory_of_another_size_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
