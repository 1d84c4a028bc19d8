/* conf_test.c - one file, every mistake with its line. */
#include "tests/unit/test.h"

#include "common/conf/listeners.h"
#include "common/conf/site.h"

#define USERS "users \"passwd-file\" { path = \"/u\" }\n"

static struct conf *parse(const char *text, struct buf *complaints)
{
	struct conf *c = NULL;

	buf_init(complaints, 1 << 16);
	(void)!conf_parse(&c, "f", str_of(text), complaints);
	return c;
}

static void complains(const char *text, const char *want)
{
	struct buf complaints;
	struct conf *c = parse(text, &complaints);
	struct listeners l;
	struct site s;

	if (c != NULL) {
		(void)!site_read(&s, c, &complaints);
		(void)!listeners_read(&l, c, "pop3d", &complaints);
	}
	buf_add(&complaints, (struct str){ "", 1 });
	if (strstr(buf_str(&complaints).p, want) == NULL)
		fail_msg("%s: said \"%s\", not \"%s\"", text, buf_str(&complaints).p, want);
	buf_free(&complaints);
	conf_close(&c);
}

static void mistakes_are_named_with_file_and_line(void **state)
{
	(void)state;
	complains("\nfoo = 1\n", "f:2: no such option 'foo'");
	complains("# a\nhostname = \"b\" # c\n/* d\n e */\nfoo = 1\n", "f:5: no such option 'foo'");
	complains("window {\n# a\nnever = { # b\n\"192.0.2.1\", # c\n}\n# d\nlifetime = 30x }\n",
		"f:7: lifetime = \"30x\": a duration");
	complains("workers = 100\n", "f:1: workers = \"100\"");
	complains("window {\n lifetime = 30x }\n", "f:2: lifetime = \"30x\": a duration");
	complains("window { never = { \"10.0.0.1/8\" } }\n",
		"f:1: never = \"10.0.0.1/8\": a network");
	complains("log { to = \"nowhere\" }", "f:1: to = \"nowhere\"");
	complains("hostname = \"x\n", "f:");
	complains("hostname = {", "f:1:");
	complains("", "one users \"passwd-file\"");
	complains("users \"ldap\" { }", "only \"passwd-file\" is known");
	complains("users \"passwd-file\" { path = \"u\" }", "f:1: users path: an absolute path");
	complains(USERS "state_dir = \"x\"", "f:2: state_dir");
	complains("\nexample = true\n" USERS, "f:2: example: this is still the file as it was shipped");
	complains(USERS "window { lifetime = 0 }", "lifetime: at least 1s");
	complains(USERS "pop3d { }", "pop3d: it has no listener");
	complains(USERS "pop3d { listener \"localhost:110\" { } }",
		"f:2: listener \"localhost:110\"");
	complains(USERS "pop3d { listener \"127.0.0.1:1\" { } listener \"127.0.0.1:1\" { } }",
		"f:2:");
}

static void defaults_stand_where_nothing_is_said(void **state)
{
	struct buf complaints;
	struct conf *c = parse(USERS, &complaints);
	struct site s;

	(void)state;
	assert_non_null(c);
	assert_int_equal(site_read(&s, c, &complaints), ERR_NONE);
	assert_true(s.window.lifetime_ms == 1800000 && s.window.slack_ms == 450000);
	assert_int_equal(s.window.ipv6_prefix, 64);
	assert_false(s.plaintext_always);
	assert_string_equal(s.state_dir, "/var/lib/popgate");
	assert_true(s.workers >= 1 && s.hostname[0] != '\0');
	buf_free(&complaints);
	conf_close(&c);
}

static void sections_lists_and_lines_are_found_again(void **state)
{
	struct buf complaints;
	struct conf *c = parse("smtpgate {\n listener \"0.0.0.0:25\" { }\n"
			       " listener \"0.0.0.0:587\" { role = submission }\n"
			       " local_domains = { \"a.example\", b.example }\n}\n",
		&complaints);
	struct conf_section s;

	(void)state;
	assert_non_null(c);
	s = conf_section(conf_root(c), "smtpgate", 0);
	assert_int_equal(conf_sections(s, "listener"), 2);
	assert_true(str_eq(conf_title(conf_section(s, "listener", 1)), STR("0.0.0.0:587")));
	assert_int_equal(conf_word(conf_section(s, "listener", 0), "role"), 0);
	assert_int_equal(conf_word(conf_section(s, "listener", 1), "role"), 1);
	assert_int_equal(conf_count(s, "local_domains"), 2);
	assert_true(str_eq(conf_nth(s, "local_domains", 1), STR("b.example")));
	assert_int_equal(conf_line(s, "local_domains"), 4);
	assert_int_equal(conf_line(s, "relay_to"), 0);
	buf_free(&complaints);
	conf_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_named_with_file_and_line),
		cmocka_unit_test(defaults_stand_where_nothing_is_said),
		cmocka_unit_test(sections_lists_and_lines_are_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
