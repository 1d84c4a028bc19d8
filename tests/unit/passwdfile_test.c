/* passwdfile_test.c - the account file: lines, names, addresses. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/users/passwdfile.h"

static struct passwdfile *open_text(const char *text)
{
	char path[] = "/tmp/popgate-passwd.XXXXXX";
	int fd = mkstemp(path);
	struct passwdfile *f = NULL;

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_int_equal(passwdfile_open(&f, path, STR("example.net")), ERR_NONE);
	unlink(path);
	return f;
}

static bool find(struct passwdfile *f, const char *name, struct passwd_account *a)
{
	struct subscriber who;

	return subscriber_fold(str_of(name), STR("example.net"), &who) &&
		passwdfile_find(f, &who, a);
}

static void finds_accounts_by_folded_name(void **state)
{
	struct passwdfile *f = open_text(
		"# staff\n\nAnna:{PLAIN}one\r\nbert@other.example:{PLAIN}two:1:2:g:/h:/s:"
		"disabled addresses=info@example.net\nnocolon\n:empty\nbad name:{PLAIN}x\n"
		"anna:{PLAIN}later\nlast:{PLAIN}x");
	struct passwd_account a;

	(void)state;
	assert_int_equal(passwdfile_accounts(f), 4);
	assert_true(find(f, "ANNA@example.net", &a));
	assert_true(str_eq(a.stored, STR("{PLAIN}one")) && !a.disabled);
	assert_true(find(f, "bert@other.example", &a) && a.disabled);
	assert_true(find(f, "last", &a));
	assert_false(find(f, "bert", &a));
	assert_false(find(f, "info", &a));
	passwdfile_close(&f);
	assert_null(f);
}

static void an_address_belongs_to_its_account(void **state)
{
	struct passwdfile *f =
		open_text("anna:{PLAIN}x::::::addresses=info@example.net,bert@example.net\n"
			  "bert:{PLAIN}y\n");
	struct subscriber address, owner;

	(void)state;
	assert_true(subscriber_fold(STR("info"), STR("example.net"), &address));
	assert_true(passwdfile_owner(f, &address, &owner));
	assert_string_equal(owner.name, "anna@example.net");
	assert_true(subscriber_fold(STR("bert"), STR("example.net"), &address));
	assert_true(passwdfile_owner(f, &address, &owner));
	assert_string_equal(owner.name, "bert@example.net"); /* nobody takes another's name */
	assert_true(subscriber_fold(STR("carl"), STR("example.net"), &address));
	assert_false(passwdfile_owner(f, &address, &owner));
	passwdfile_close(&f);
}

static void several_may_list_an_address_that_one_of_them_owns(void **state)
{
	struct passwdfile *f =
		open_text("anna:{PLAIN}x::::::addresses=a@x.example,info@example.net\n"
			  "bert:{PLAIN}y::::::addresses=info,anna\ncarl:{PLAIN}z\n");
	struct subscriber info, anna, bert, carl, owner;

	(void)state;
	assert_true(subscriber_fold(STR("info"), STR("example.net"), &info));
	assert_true(subscriber_fold(STR("anna"), STR("example.net"), &anna));
	assert_true(subscriber_fold(STR("bert"), STR("example.net"), &bert));
	assert_true(subscriber_fold(STR("carl"), STR("example.net"), &carl));
	assert_true(passwdfile_owner(f, &info, &owner) && subscriber_eq(&owner, &anna));
	assert_true(passwdfile_lists(f, &anna, &info) && passwdfile_lists(f, &bert, &info));
	assert_true(passwdfile_lists(f, &bert, &anna));
	assert_false(passwdfile_lists(f, &carl, &info) || passwdfile_lists(f, &anna, &bert) ||
		passwdfile_lists(f, &info, &info));
	passwdfile_close(&f);
}

static void an_unknown_scheme_disables(void **state)
{
	struct passwdfile *f = open_text("anna:{NTLM}x\nbert:\n");
	struct passwd_account a;

	(void)state;
	assert_true(find(f, "anna", &a) && a.disabled && a.stored.n == 0);
	assert_true(find(f, "bert", &a) && a.disabled);
	assert_int_equal(passwdfile_usual(f).n, 0);
	passwdfile_close(&f);
}

static void the_usual_scheme_is_that_of_most(void **state)
{
	struct passwdfile *f = open_text("a:{PLAIN}x\nb:{CRYPT}$6$s$x\nc:{CRYPT}$6$s$y\n");

	(void)state;
	assert_true(str_starts_nocase(passwdfile_usual(f), STR("{CRYPT}")));
	passwdfile_close(&f);
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
	struct passwdfile *f = NULL;

	(void)state;
	assert_int_equal(passwdfile_open(&f, "/nowhere/users", STR("")), ERR_ABSENT);
	assert_int_equal(passwdfile_open(&f, "/tmp", STR("")), ERR_IO);
	assert_null(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_accounts_by_folded_name),
		cmocka_unit_test(an_address_belongs_to_its_account),
		cmocka_unit_test(several_may_list_an_address_that_one_of_them_owns),
		cmocka_unit_test(an_unknown_scheme_disables),
		cmocka_unit_test(the_usual_scheme_is_that_of_most),
		cmocka_unit_test(a_file_that_is_not_there_is_an_error),
	};

	log_open(&(struct log_settings){
		"test", STDERR_FILENO, LOG_LOGFMT, LOG_LEVEL_ERROR, false, NULL });
	return cmocka_run_group_tests(tests, NULL, NULL);
}
