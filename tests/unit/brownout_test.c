/* brownout_test.c - who may not relay by the window any more, and when: in every zone, over every change of
 * the clock. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "smtpgate/brownout.h"
#include "smtpgate/networks.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)

static struct buf complaints;

static void be_in(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

static int64_t utc(int year, int month, int day, int hour, int minute)
{
	struct tm tm = { .tm_year = year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_hour = hour,
		.tm_min = minute };

	return (int64_t)timegm(&tm) * 1000;
}

/* --- steps --- */

static void steps_are_read_and_written_alike(void **state)
{
	static const struct {
		const char *text, *again;
	} rows[] = {
		{ "5%", "5%" },
		{ "100%", "100%" },
		{ "from 2027-02-01 20%", "from 2027-02-01 20%" },
		{ "mon-fri 09:00-12:00", "Mon,Tue,Wed,Thu,Fri 09:00-12:00" },
		{ " From 2027-03-01  Sat,Sun ", "from 2027-03-01 Sat,Sun" },
		{ "fri-mon", "Mon,Fri,Sat,Sun" },
		{ "daily 08:00-20:00", "daily 08:00-20:00" },
		{ "mon-sun 00:00-24:00", "daily" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct brown_step s;
		char text[BROWNOUT_STEP_TEXT];

		assert_true(brown_step_read(str_of(rows[i].text), &s));
		assert_string_equal(brown_step_format(&s, text), rows[i].again);
	}
}

static void what_is_no_step_is_refused(void **state)
{
	static const char *const texts[] = { "", "0%", "101%", "%", "5", "5 %", "Mo", "Mon-",
		"Mon,", ",Mon", "Mon 9:00-12:00", "Mon 09:00", "Mon 12:00-09:00", "Mon 09:00-09:00",
		"Mon 22:00-06:00", "Mon 09:00-24:01", "Mon 09:60-10:00", "09:00-12:00",
		"from 2027-02-30 5%", "from 5%", "from 2027-02-01", "Mon 5%", "daily,Mon" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct brown_step s;

		if (brown_step_read(str_of(texts[i]), &s))
			fail_msg("it was read: \"%s\"", texts[i]);
	}
}

static void a_share_is_exact_and_spares_no_hour_of_the_day(void **state)
{
	(void)state;
	for (unsigned share = 1; share <= 100; share++) {
		const struct brown_step s = { .share = share };
		unsigned refused = 0, of_day[24] = { 0 };

		for (int64_t hour = 500000; hour < 500600; hour++) {
			const struct brown_time t = { .hour = hour };
			bool yes = brown_step_refuses(&s, &t);

			refused += yes && hour < 500100;
			of_day[hour % 24] += yes;
		}
		assert_int_equal(refused, share);
		for (size_t i = 0; share >= 4 && i < 24; i++)
			assert_true(of_day[i] > 0);
	}
}

/* --- the clock on the wall --- */

/* Minutes of the UTC day from start on, and the next, in which text refuses. */
static unsigned minutes_refused(const char *text, int64_t start_ms, bool in_utc)
{
	struct brown_step s;
	unsigned n = 0;

	assert_true(brown_step_read(str_of(text), &s));
	for (int64_t ms = start_ms; ms < start_ms + 24 * HOUR_MS; ms += MINUTE_MS) {
		const struct brown_time t = brown_time(ms, in_utc);

		n += brown_step_refuses(&s, &t);
	}
	return n;
}

/* 28 March 2027 lacks the hour from two on, 31 October has it twice. */
static void an_hour_that_is_not_there_or_there_twice_is_so_here_too(void **state)
{
	(void)state;
	be_in(BERLIN);
	assert_int_equal(minutes_refused("Sun 02:00-03:00", utc(2027, 3, 27, 23, 0), false), 0);
	assert_int_equal(minutes_refused("Sun 01:00-02:00", utc(2027, 3, 27, 23, 0), false), 60);
	assert_int_equal(minutes_refused("Sun 03:00-04:00", utc(2027, 3, 27, 23, 0), false), 60);
	assert_int_equal(minutes_refused("Sun 02:00-03:00", utc(2027, 10, 30, 22, 0), false), 120);
	assert_int_equal(minutes_refused("Sun 02:00-03:00", utc(2027, 3, 28, 0, 0), true), 60);
	assert_int_equal(minutes_refused("Sun", utc(2027, 3, 27, 23, 0), false), 23 * 60);
	assert_int_equal(minutes_refused("Sun", utc(2027, 10, 30, 22, 0), false), 24 * 60);
}

static void dates_and_days_are_those_of_the_zone(void **state)
{
	struct brown_time t;

	(void)state;
	be_in(BERLIN);
	t = brown_time(utc(2027, 3, 31, 22, 30), false); /* half past midnight there */
	assert_int_equal(t.date, 20270401);
	assert_int_equal(t.minute, 30);
	assert_int_equal(t.weekday, 3); /* a Thursday */
	t = brown_time(utc(2027, 3, 31, 22, 30), true);
	assert_int_equal(t.date, 20270331);
	assert_int_equal(t.weekday, 2);
	be_in("UTC0");
}

/* --- sections --- */

static struct brownouts found_in; /* large */

static enum err read_text(const char *text, struct conf **c)
{
	char whole[2000];
	enum err e;

	buf_clear(&complaints);
	snprintf(whole, sizeof(whole),
		"users \"passwd-file\" { path = \"/u\" }\nsmtpgate {\n%s\n}\n", text);
	e = conf_parse(c, "test", str_of(whole), &complaints);
	if (e == ERR_NONE)
		brownouts_read(&found_in, conf_section(conf_root(*c), "smtpgate", 0),
			STR("example.net"), &complaints);
	return complaints.len > 0 ? ERR_SYNTAX : e;
}

static struct brownout_found of(const char *user, const char *groups, int64_t now_ms)
{
	struct subscriber who;

	assert_true(subscriber_fold(str_of(user), STR("example.net"), &who));
	return brownouts_find(&found_in, &who, str_of(groups), now_ms);
}

static void the_first_section_that_concerns_somebody_is_his(void **state)
{
	const int64_t now = utc(2027, 4, 1, 12, 0);
	struct conf *c = NULL;

	(void)state;
	be_in("UTC0");
	assert_int_equal(
		read_text("brownout \"spared\" { users = { \"Boss\", \"x@other.example\" } }\n"
			  "brownout \"scanners\" { groups = { \"scanner\", \"door\" }\n"
			  "    end = \"2027-03-31\" reply = \"defer\" }\n"
			  "brownout \"all\" { end = \"2027-06-30\" text = \"Use AUTH:\"\n"
			  "    url = \"https://help.example/auth\" }\n",
			&c),
		ERR_NONE);
	assert_string_equal(of("boss", "scanner", now).of->name, "spared");
	assert_int_equal(of("boss", "scanner", now).state, BROWNOUT_NONE);
	assert_string_equal(of("x@other.example", "", now).of->name, "spared");
	assert_string_equal(of("anna", "lobby,DOOR", now).of->name, "scanners");
	assert_int_equal(of("anna", "lobby,DOOR", now).state, BROWNOUT_ENDED);
	assert_true(of("anna", "door", now).of->defer);
	assert_string_equal(of("anna", "lobby,doors", now).of->name, "all");
	assert_int_equal(of("anna", "", now).state, BROWNOUT_NONE);
	assert_int_equal(of("anna", "", utc(2027, 6, 30, 23, 59)).state, BROWNOUT_NONE);
	assert_int_equal(of("anna", "", utc(2027, 7, 1, 0, 0)).state, BROWNOUT_ENDED);
	assert_string_equal(found_in.at[2].text, "Use AUTH: https://help.example/auth");
	assert_true(found_in.at[0].text[0] != '\0');
	conf_close(&c);
}

static void each_step_takes_the_place_of_those_before(void **state)
{
	struct conf *c = NULL;
	struct brownout_found f;

	(void)state;
	be_in(BERLIN);
	assert_int_equal(read_text("brownout \"all\" { end = \"2027-04-30\" schedule = {\n"
				   "\"from 2027-02-01 Mon 09:00-10:00\", \"from 2027-02-01 Tue "
				   "09:00-10:00\",\n"
				   "\"from 2027-03-01 Wed\", \"from 2027-04-01 100%\" } }\n",
				 &c),
		ERR_NONE);
	assert_int_equal(of("anna", "", utc(2027, 1, 25, 8, 30)).state, BROWNOUT_NONE);
	assert_int_equal(of("anna", "", utc(2027, 2, 1, 8, 30)).state, BROWNOUT_NOW);
	assert_int_equal(of("anna", "", utc(2027, 2, 1, 9, 30)).state, BROWNOUT_NONE);
	f = of("anna", "", utc(2027, 2, 2, 8, 0));
	assert_int_equal(f.state, BROWNOUT_NOW);
	assert_ptr_equal(f.step, &f.of->steps[1]);
	assert_int_equal(of("anna", "", utc(2027, 3, 1, 8, 30)).state, BROWNOUT_NONE);
	assert_int_equal(
		of("anna", "", utc(2027, 3, 2, 23, 0)).state, BROWNOUT_NOW); /* Wednesday */
	assert_int_equal(of("anna", "", utc(2027, 3, 31, 22, 0)).state, BROWNOUT_NOW); /* April */
	assert_int_equal(of("anna", "", utc(2027, 4, 30, 21, 59)).state, BROWNOUT_NOW);
	assert_int_equal(of("anna", "", utc(2027, 4, 30, 22, 0)).state, BROWNOUT_ENDED);
	conf_close(&c);
	be_in("UTC0");
}

static void mistakes_are_told_with_their_line(void **state)
{
	static const struct {
		const char *section, *complaint;
	} rows[] = {
		{ "end = \"31.3.2027\"", "a date like" },
		{ "end = \"2027-02-29\"", "a date like" },
		{ "schedule = { \"Mon 22:00-06:00\" }", "over midnight" },
		{ "end = \"2027-03-31\" schedule = { \"from 2027-04-01 5%\" }", "behind the end" },
		{ "users = { \"a b\" }", "no subscriber" },
		{ "groups = { \"scanner,door\" }", "no account can be in" },
		{ "groups = { \"a b\" }", "no account can be in" },
		{ "end = \"2027-03-31\" } brownout \"y\" { users = { \"anna\" }",
			"\"y\": the one before it concerns all" },
		{ "text = \"ja\xc3\xb6\"", "printable ASCII" },
		{ "url = \"https://x.example/ y\"", "a blank" },
		{ "reply = \"drop\"", "refuse|defer" },
		{ "zone = \"Europe/Berlin\"", "local|utc" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *c = NULL;
		char text[300];

		snprintf(text, sizeof(text), "brownout \"x\" { %s }", rows[i].section);
		assert_int_equal(read_text(text, &c), ERR_SYNTAX);
		buf_add(&complaints, (struct str){ "", 1 });
		if (strstr(buf_str(&complaints).p, rows[i].complaint) == NULL ||
			strstr(buf_str(&complaints).p, "test:3:") == NULL)
			fail_msg("%s: %s", rows[i].section, buf_str(&complaints).p);
		conf_close(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_are_read_and_written_alike),
		cmocka_unit_test(what_is_no_step_is_refused),
		cmocka_unit_test(a_share_is_exact_and_spares_no_hour_of_the_day),
		cmocka_unit_test(an_hour_that_is_not_there_or_there_twice_is_so_here_too),
		cmocka_unit_test(dates_and_days_are_those_of_the_zone),
		cmocka_unit_test(the_first_section_that_concerns_somebody_is_his),
		cmocka_unit_test(each_step_takes_the_place_of_those_before),
		cmocka_unit_test(mistakes_are_told_with_their_line),
	};
	int failed;

	buf_init(&complaints, 1 << 16);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&complaints);
	return failed;
}
