/* log_test.c - one line an event, whatever is put into it. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"

static int ends[2];

static void open_log(enum log_format format)
{
	assert_int_equal(pipe(ends), 0);
	log_open(&(struct log_settings){ "test", ends[1], format, LOG_LEVEL_INFO, false, NULL });
}

static const char *written(void)
{
	static char text[2 * LOG_LINE_MAX];
	ssize_t n;

	close(ends[1]);
	n = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void log_hostile(void)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_INFO, "pop3.login_failed");
	log_str(&l, "user", STR("x\nevent=pop3.login \"user\"=anna\\\x1b[31m\0\xff\xc3\xa4"));
	log_int(&l, "port", -7);
	log_bool(&l, "tls", false);
	log_end(&l);
}

static void logfmt_cannot_be_forged(void **state)
{
	const char *line;

	(void)state;
	open_log(LOG_LOGFMT);
	log_hostile();
	line = written();
	assert_non_null(strstr(line,
		" event=pop3.login_failed user=\"x\\u000aevent=pop3.login "
		"\\\"user\\\"=anna\\\\\\u001b[31m\\u0000\\u00ff\xc3\xa4\" port=-7 tls=false\n"));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void json_cannot_be_forged(void **state)
{
	const char *line;

	(void)state;
	open_log(LOG_JSON);
	log_hostile();
	line = written();
	assert_int_equal(line[0], '{');
	assert_non_null(strstr(line,
		",\"event\":\"pop3.login_failed\",\"user\":\"x\\u000aevent=pop3.login "
		"\\\"user\\\"=anna\\\\\\u001b[31m\\u0000\\u00ff\xc3\xa4\",\"port\":-7,\"tls\":"
		"false}\n"));
}

static const char *logged(struct str value)
{
	struct log_line l;
	const char *line;

	open_log(LOG_LOGFMT);
	log_begin(&l, LOG_LEVEL_INFO, "x");
	log_str(&l, "v", value);
	log_end(&l);
	line = strstr(written(), " v=");
	assert_non_null(line);
	return line;
}

static void what_readers_obey_is_escaped(void **state)
{
	(void)state;
	assert_string_equal(
		logged(STR("a\x7f\xc2\x85\xc2\x9b")), " v=\"a\\u007f\\u0085\\u009b\"\n");
	assert_string_equal(logged(STR("\xe2\x80\xa8\xe2\x80\xae")), " v=\"\\u2028\\u202e\"\n");
	assert_string_equal(
		logged(STR("\xe2\x80\xa7\xe2\x82\xac")), " v=\"\xe2\x80\xa7\xe2\x82\xac\"\n");
	assert_string_equal(logged(STR("\xf0\x9f\x90\x88")), " v=\"\xf0\x9f\x90\x88\"\n");
}

static void a_long_value_ends_with_a_whole_character(void **state)
{
	char value[LOG_VALUE_MAX + 2];
	const char *line;

	(void)state;
	memset(value, 'a', sizeof(value));
	memcpy(value + LOG_VALUE_MAX - 1, "\xc3\xa4", 2);
	line = logged((struct str){ value, sizeof(value) });
	assert_int_equal(strlen(line), sizeof(" v=\"...\"\n") - 1 + LOG_VALUE_MAX - 1);
	assert_non_null(strstr(line, "aa...\"\n"));
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
	static char big[LOG_VALUE_MAX];
	struct log_line l;
	const char *line;

	(void)state;
	memset(big, '\x01', sizeof(big));
	open_log(LOG_LOGFMT);
	log_begin(&l, LOG_LEVEL_INFO, "x");
	log_str(&l, "big", (struct str){ big, sizeof(big) });
	log_str(&l, "next", (struct str){ big, sizeof(big) });
	log_text(&l, "small", "here");
	log_end(&l);
	line = written();
	assert_true(strlen(line) <= LOG_LINE_MAX);
	assert_null(strstr(line, "next="));
	assert_non_null(strstr(line, " small=here cut=true\n"));
}

static void below_the_level_nothing_is_said(void **state)
{
	(void)state;
	open_log(LOG_LOGFMT);
	log_say(LOG_LEVEL_DEBUG, "x", "y");
	log_say(LOG_LEVEL_ERROR, "z", "y");
	assert_null(strstr(written(), "event=x"));
}

static void times_are_iso(void **state)
{
	char text[LOG_TIME_TEXT];

	(void)state;
	assert_string_equal(log_time_format(0, text), "1970-01-01T00:00:00.000Z");
	assert_string_equal(log_time_format(1795520000123, text), "2026-11-24T11:33:20.123Z");
	assert_string_equal(log_time_format(-1, text), "1969-12-31T23:59:59.999Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logfmt_cannot_be_forged),
		cmocka_unit_test(json_cannot_be_forged),
		cmocka_unit_test(what_readers_obey_is_escaped),
		cmocka_unit_test(a_long_value_ends_with_a_whole_character),
		cmocka_unit_test(what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(below_the_level_nothing_is_said),
		cmocka_unit_test(times_are_iso),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
