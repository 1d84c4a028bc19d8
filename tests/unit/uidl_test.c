/* uidl_test.c - unique-ids, ours and other servers'. */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "pop3d/uidl.h"

#define SEVENTY "0123456789012345678901234567890123456789012345678901234567890123456789"

static void a_uidl_is_1_to_70_printing_octets(void **state)
{
	(void)state;
	assert_true(uidl_fits(STR(SEVENTY)));
	assert_false(uidl_fits(STR(SEVENTY "x")));
	assert_false(uidl_fits(STR("")));
	assert_false(uidl_fits(STR("a b")));
	assert_false(uidl_fits(STR("a\x7f")));
	assert_false(uidl_fits(STR("\xc3\xa4")));
}

static void a_name_is_its_own_id_or_has_a_digest_for_one(void **state)
{
	static const char *const hostile[] = { "a b", SEVENTY "x", "a\nb", "\xff",
		"0123456789abcdef0123456789abcdef01234567" };
	char id[UIDL_MAX + 1], again[UIDL_MAX + 1];

	(void)state;
	uidl_of_name(STR("1700000000.M1P1.host,S=5"), id);
	assert_string_equal(id, "1700000000.M1P1.host,S=5");
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		uidl_of_name(str_of(hostile[i]), id);
		assert_int_equal(strlen(id), 40);
		assert_int_equal(strspn(id, "0123456789abcdef"), 40);
		assert_string_not_equal(id, hostile[i]);
		uidl_of_name(str_of(id), again); /* a file with the digest's name */
		assert_string_not_equal(id, again);
	}
}

static void md5_is_that_of_md5sum(void **state)
{
	char id[UIDL_MAX + 1];

	(void)state;
	uidl_md5(STR("1700000000.M1P1.host"), id);
	assert_string_equal(id, "3f678cf686be48bcc01c6bad0c61d570");
}

struct wanted {
	const char *unique, *id; /* NULL: not in the list */
};

static void finds(enum uidl_format f, const char *text, const struct wanted *wanted)
{
	struct uidl_list *l = NULL;
	char id[UIDL_MAX + 1];
	uint64_t rank;

	assert_int_equal(uidl_list_open(&l, f, str_of(text)), ERR_NONE);
	for (; wanted->unique != NULL; wanted++) {
		bool found = uidl_list_find(l, str_of(wanted->unique), id, &rank);

		assert_int_equal(found, wanted->id != NULL);
		if (found)
			assert_string_equal(id, wanted->id);
		else
			assert_true(rank == UINT64_MAX);
	}
	uidl_list_close(&l);
	assert_null(l);
}

static void reads_a_dovecot_uidlist(void **state)
{
	static const char text[] = "3 V1795627498 N9 Gff0ec730ea19076b3019000083ecc375\n"
				   "1 W31 :1600000099.a b\n"
				   "2 W21 :1700000000.M1P1.host\n"
				   "3 W21 :1700000099.b,S=18:2,S\n"
				   "4 Pown-id W21 :d\n"
				   "5 P :e\n"
				   "6 :f\n"
				   "x :g\n0 :h\n4294967296 :i\n7\n\n"
				   "8 :f\n"
				   "9 :being-written";
	static const struct wanted wanted[] = { { "1600000099.a b", "000000016b0719ea" },
		{ "1700000000.M1P1.host", "000000026b0719ea" },
		{ "1700000099.b,S=18", "000000036b0719ea" }, { "d", "own-id" }, { "e", "e" },
		{ "f", "000000086b0719ea" }, { "g", NULL }, { "h", NULL }, { "i", NULL },
		{ "being-written", NULL }, { "", NULL }, { "new", NULL }, { NULL, NULL } };
	static const struct wanted old[] = { { "a b", "00000001000004d2" }, { ":b", NULL },
		{ "c", "00000003000004d2" }, { NULL, NULL } };

	(void)state;
	finds(UIDL_DOVECOT, text, wanted);
	finds(UIDL_DOVECOT, "1 1234 4\n1 a b:2,S\n2 :b\n3 c\n", old);
}

static void ranks_as_dovecot_does(void **state)
{
	struct uidl_list *l = NULL;
	char id[UIDL_MAX + 1];
	uint64_t a = 0, b = 0, c = 0;

	(void)state;
	assert_int_equal(uidl_list_open(&l, UIDL_DOVECOT, STR("3 V1 N4\n1 :a\n2 O7 :b\n3 O5 :c\n")),
		ERR_NONE);
	assert_true(uidl_list_find(l, STR("a"), id, &a) && uidl_list_find(l, STR("b"), id, &b) &&
		uidl_list_find(l, STR("c"), id, &c));
	assert_true(c < b && b < a && a < UINT64_MAX);
	uidl_list_close(&l);
}

static void reads_a_courierpop3dsizelist(void **state)
{
	static const char text[] = "/3 6 1795627198\n"
				   "1700000000.M1P1.host:2, 21 1:1795627198:0\n"
				   "1700000002.a b:2, 14 3:1795627198:0\n"
				   "old 14 4:0:0\n"
				   "older+'x' 14 0:0:0\n"
				   "two 14 5:7\n"
				   "x y z\n 1 2:3:0\nq 1 -2:3:0\n";
	static const struct wanted wanted[] = { { "1700000000.M1P1.host", "UID1-1795627198" },
		{ "1700000002.a b", "UID3-1795627198" }, { "old", "UID4" },
		{ "older+'x'", "older+2B+27x+27" }, { "two", "UID5-7" }, { "x", NULL },
		{ "q", NULL }, { NULL, NULL } };

	(void)state;
	finds(UIDL_COURIER, text, wanted);
	finds(UIDL_COURIER, "/2 6\n", wanted + 7);
}

static void what_is_no_list_is_refused_whole(void **state)
{
	static const struct {
		enum uidl_format f;
		const char *text;
	} cases[] = {
		{ UIDL_DOVECOT, "" },
		{ UIDL_DOVECOT, "\n" },
		{ UIDL_DOVECOT, "3 V1 N2" },
		{ UIDL_DOVECOT, "2 V1\n" },
		{ UIDL_DOVECOT, "3 N2\n" },
		{ UIDL_DOVECOT, "3 V0\n" },
		{ UIDL_DOVECOT, "3 V4294967296\n" },
		{ UIDL_DOVECOT, "1 x\n" },
		{ UIDL_COURIER, "" },
		{ UIDL_COURIER, "/1 1 1\n" },
		{ UIDL_COURIER, "3 1 1\n" },
		{ UIDL_COURIER, "/3\n" },
		{ UIDL_COURIER, "/3 x 1\n" },
	};
	struct uidl_list *l = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(uidl_list_open(&l, cases[i].f, str_of(cases[i].text)), ERR_SYNTAX);
	assert_null(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uidl_is_1_to_70_printing_octets),
		cmocka_unit_test(a_name_is_its_own_id_or_has_a_digest_for_one),
		cmocka_unit_test(md5_is_that_of_md5sum),
		cmocka_unit_test(reads_a_dovecot_uidlist),
		cmocka_unit_test(ranks_as_dovecot_does),
		cmocka_unit_test(reads_a_courierpop3dsizelist),
		cmocka_unit_test(what_is_no_list_is_refused_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
