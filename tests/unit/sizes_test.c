/* sizes_test.c - the size cache as octets. */
#include "tests/unit/test.h"

#include "pop3d/sizes.h"

static const struct {
	const char *name;
	uint64_t octets;
	uint32_t stamp;
} rows[] = {
	{ "1700000000.M1P1.host", 0, 0 },
	{ "1700000000.M1P2.host", 127, 1 },
	{ "1700000000.M1P2.host,S=5", 128, 0xffffffff },
	{ "1700000001.a b", UINT64_C(1) << 40, 7 },
	{ "x", UINT64_MAX, 8 },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void encode(struct buf *b)
{
	struct sizes_out out;

	buf_init(b, SIZES_FILE_MAX);
	sizes_begin(&out, b);
	for (size_t i = 0; i < ROWS; i++)
		sizes_add(&out,
			(struct size_entry){ str_of(rows[i].name), rows[i].octets, rows[i].stamp });
	sizes_end(&out);
	assert_false(b->broken);
}

static void what_was_put_in_comes_out(void **state)
{
	struct sizes_in in;
	struct size_entry e;
	struct buf b;

	(void)state;
	encode(&b);
	assert_true(sizes_open(&in, buf_str(&b)));
	for (size_t i = 0; i < ROWS; i++) {
		assert_true(sizes_next(&in, &e));
		assert_true(str_eq(e.unique, str_of(rows[i].name)));
		assert_true(e.octets == rows[i].octets && e.stamp == rows[i].stamp);
	}
	assert_false(sizes_next(&in, &e));
	assert_false(in.bad);
	buf_free(&b);
}

static void no_octet_can_be_changed_or_cut_off_unnoticed(void **state)
{
	struct sizes_in in;
	struct buf b;

	(void)state;
	encode(&b);
	for (size_t i = 0; i < b.len; i++) {
		b.p[b.head + i] ^= 0x10;
		assert_false(sizes_open(&in, buf_str(&b)));
		b.p[b.head + i] ^= 0x10;
		assert_false(sizes_open(&in, str_first(buf_str(&b), i)));
	}
	assert_true(sizes_open(&in, buf_str(&b)));
	buf_free(&b);
}

static void an_empty_cache_is_one(void **state)
{
	struct sizes_out out;
	struct sizes_in in;
	struct size_entry e;
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	sizes_begin(&out, &b);
	sizes_end(&out);
	assert_true(sizes_open(&in, buf_str(&b)));
	assert_false(sizes_next(&in, &e));
	assert_false(in.bad);
	buf_free(&b);
}

static void a_stamp_changes_with_length_and_time(void **state)
{
	uint32_t s = sizes_stamp(10, 20, 30);

	(void)state;
	assert_int_equal(s, sizes_stamp(10, 20, 30));
	assert_int_not_equal(s, sizes_stamp(11, 20, 30));
	assert_int_not_equal(s, sizes_stamp(10, 21, 30));
	assert_int_not_equal(s, sizes_stamp(10, 20, 31));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_in_comes_out),
		cmocka_unit_test(no_octet_can_be_changed_or_cut_off_unnoticed),
		cmocka_unit_test(an_empty_cache_is_one),
		cmocka_unit_test(a_stamp_changes_with_length_and_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
