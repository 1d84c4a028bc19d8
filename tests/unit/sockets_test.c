/* sockets_test.c - which worker serves which socket. */
#include "tests/unit/test.h"

#include "common/daemon/sockets.h"

/* Every socket has somebody who serves it, and every worker something to serve, however many there are of each. */
static void every_socket_is_served_and_every_worker_serves(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= SOCKETS_SLOTS; n++) {
		for (unsigned workers = 1; workers <= SOCKETS_SLOTS; workers++) {
			struct socket_group g = { .n = n };
			unsigned served[SOCKETS_SLOTS] = { 0 }, all = 0;

			for (unsigned i = 0; i < n; i++)
				g.fd[i] = (int)i;
			for (unsigned slot = 0; slot < workers; slot++) {
				unsigned k = 0;
				int fd;

				for (; (fd = sockets_of_slot(&g, slot, workers, k)) >= 0;
					k++, all++)
					served[fd]++;
				assert_true(k > 0);
			}
			for (unsigned i = 0; i < n; i++)
				assert_true(served[i] > 0);
			assert_int_equal(all, n > workers ? n : workers);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_socket_is_served_and_every_worker_serves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
