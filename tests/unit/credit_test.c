/* credit_test.c - what is spent of a window comes back as it was written, and its key leads to the entry. */
#include "tests/unit/test.h"

#include "common/window/credit.h"

static void rows_come_back_and_nothing_else_does(void **state)
{
	struct credit c = { 7, UINT32_MAX - 1 }, back = { 0 };
	uint8_t bytes[CREDIT_MAX];
	size_t n = credit_encode(&c, bytes);

	(void)state;
	assert_true(credit_decode((struct str){ (char *)bytes, n }, &back));
	assert_true(back.messages == 7 && back.recipients == UINT32_MAX - 1);
	for (size_t cut = 0; cut < n; cut++)
		assert_false(credit_decode((struct str){ (char *)bytes, cut }, &back));
	for (size_t bit = 0; bit < n * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
		assert_false(credit_decode((struct str){ (char *)bytes, n }, &back));
		bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
	}
}

static void sums_do_not_turn_over(void **state)
{
	struct credit c = { UINT32_MAX - 1, 0 };

	(void)state;
	credit_add(&c, &(struct use){ .messages = 5, .recipients = 6 });
	assert_true(c.messages == UINT32_MAX && c.recipients == 6);
}

static void a_key_leads_to_its_entry(void **state)
{
	uint8_t key[CREDIT_KEY_MAX], entry[RECORD_KEY_MAX], rate[RATE_KEY_MAX];
	struct subscriber who;
	struct addr a;
	struct str of;
	size_t n, entry_n;

	(void)state;
	assert_true(addr_parse(STR("192.0.2.1"), &a));
	assert_true(subscriber_fold(STR("anna"), STR("example.net"), &who));
	n = credit_key(&a, &who, key);
	entry_n = record_entry_key(&a, &who, entry);
	assert_true(credit_entry((struct str){ (char *)key, n }, &of));
	assert_int_equal(of.n, entry_n);
	assert_memory_equal(of.p, entry, entry_n);
	assert_false(credit_entry((struct str){ (char *)rate, rate_key_of(a, rate) }, &of));
	assert_false(credit_entry(
		(struct str){ (char *)rate, rate_key_of_subscriber(&who, rate) }, &of));
	assert_false(credit_entry(STR(""), &of));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back_and_nothing_else_does),
		cmocka_unit_test(sums_do_not_turn_over),
		cmocka_unit_test(a_key_leads_to_its_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
