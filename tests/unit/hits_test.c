/* hits_test.c - counts of networks that are never granted. */
#include "tests/unit/test.h"

#include "common/window/hits.h"

static void rows_come_back_and_nothing_else_does(void **state)
{
	const struct hits h = { UINT64_MAX, 1795520000123 };
	uint8_t bytes[HITS_MAX];
	size_t n = hits_encode(&h, bytes);
	struct hits back;

	(void)state;
	assert_true(hits_decode((struct str){ (char *)bytes, n }, &back));
	assert_true(back.n == UINT64_MAX && back.last_ms == h.last_ms);
	for (size_t cut = 0; cut < n; cut++)
		assert_false(hits_decode((struct str){ (char *)bytes, cut }, &back));
	for (size_t bit = 0; bit < n * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		assert_false(hits_decode((struct str){ (char *)bytes, n }, &back));
		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
}

static void each_network_has_its_own_key(void **state)
{
	static const char *const texts[] = { "10.0.0.0/8", "10.0.0.0/9", "2001:db8::/32" };
	uint8_t keys[4][HITS_KEY_MAX];
	size_t n[4];

	(void)state;
	n[3] = hits_key(NULL, keys[3]);
	for (size_t i = 0; i < 3; i++) {
		struct network of;

		assert_true(network_parse(str_of(texts[i]), &of));
		n[i] = hits_key(&of, keys[i]);
	}
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < i; k++)
			assert_true(n[i] != n[k] || memcmp(keys[i], keys[k], n[i]) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back_and_nothing_else_does),
		cmocka_unit_test(each_network_has_its_own_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
