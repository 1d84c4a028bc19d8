/* brownout.c - see brownout.h. */
#include "smtpgate/brownout.h"

#include <stdio.h>
#include <time.h>

#include "smtpgate/networks.h"

#define HOUR_MS INT64_C(3600000)
#define ALL_DAYS 127U
#define DAY_MINUTES 1440
#define FALLBACK "Sending without SMTP AUTH is coming to its end here: please turn SMTP AUTH on"

static const char *const day_names[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

/* --- time --- */

struct brown_time brown_time(int64_t now_ms, bool utc)
{
	time_t now = (time_t)(now_ms / 1000);
	struct tm tm;

	if ((utc ? gmtime_r(&now, &tm) : localtime_r(&now, &tm)) == NULL)
		memset(&tm, 0, sizeof(tm));
	return (struct brown_time){
		.date = (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday,
		.minute = tm.tm_hour * 60 + tm.tm_min,
		.weekday = (tm.tm_wday + 6) % 7,
		.hour = now_ms / HOUR_MS,
	};
}

bool brown_step_refuses(const struct brown_step *s, const struct brown_time *t)
{
	if (s->share > 0) /* 37 and 100 have no common divisor: all of 0 to 99 come, out of order */
		return (uint64_t)t->hour % 100 * 37 % 100 < s->share;
	return (s->days >> t->weekday & 1) != 0 && t->minute >= s->begin && t->minute < s->end;
}

/* --- steps as text --- */

static bool two_digits(struct str s, uint64_t max, int *out)
{
	uint64_t n;

	if (s.n != 2 || !str_to_u64(s, max, &n))
		return false;
	*out = (int)n;
	return true;
}

/* "09:30", and "24:00" as an end. */
static bool read_clock(struct str s, int *minutes)
{
	struct str hour, minute;
	int h, m;

	if (!str_split(s, ':', &hour, &minute) || !two_digits(hour, 24, &h) ||
		!two_digits(minute, 59, &m) || h * 60 + m > DAY_MINUTES)
		return false;
	*minutes = h * 60 + m;
	return true;
}

static bool read_span(struct str s, struct brown_step *to)
{
	struct str begin, end;

	return str_split(s, '-', &begin, &end) && read_clock(begin, &to->begin) &&
		read_clock(end, &to->end) && to->begin < to->end;
}

static bool read_day(struct str s, unsigned *day)
{
	for (*day = 0; *day < 7; ++*day)
		if (str_eq_nocase(s, str_of(day_names[*day])))
			return true;
	return false;
}

/* "Mon", or "Fri-Mon", which goes over the end of the week. */
static bool read_days_item(struct str item, unsigned *days)
{
	struct str first, last;
	unsigned from, to;

	if (!str_split(item, '-', &first, &last))
		last = first;
	if (!read_day(first, &from) || !read_day(last, &to))
		return false;
	for (; from != to; from = (from + 1) % 7)
		*days |= 1U << from;
	*days |= 1U << to;
	return true;
}

static bool read_days(struct str list, unsigned *days)
{
	struct str item;

	*days = 0;
	if (str_eq_nocase(list, STR("daily"))) {
		*days = ALL_DAYS;
		return true;
	}
	do {
		bool more = str_split(list, ',', &item, &list);

		if (!read_days_item(item, days))
			return false;
		if (!more)
			return true;
	} while (true);
}

static bool read_share(struct str s, unsigned *share)
{
	uint64_t n;

	if (s.n < 2 || s.p[s.n - 1] != '%' || !str_to_u64(str_first(s, s.n - 1), 100, &n) || n == 0)
		return false;
	*share = (unsigned)n;
	return true;
}

/* Behind the date. */
static bool read_what(struct str s, struct brown_step *to)
{
	struct str days, span;

	if (read_share(s, &to->share))
		return true;
	to->end = DAY_MINUTES;
	if (!str_split(s, ' ', &days, &span))
		return read_days(s, &to->days);
	return read_days(days, &to->days) && read_span(str_trim(span), to);
}

bool brown_step_read(struct str text, struct brown_step *out)
{
	struct brown_step s = { 0 };
	struct str rest = str_trim(text), date;

	if (str_starts_nocase(rest, STR("from "))) {
		rest = str_trim(str_from(rest, 5));
		if (!str_split(rest, ' ', &date, &rest) || !date_read(date, &s.from))
			return false;
		rest = str_trim(rest);
	}
	if (!read_what(rest, &s))
		return false;
	*out = s;
	return true;
}

static void put_date(struct buf *to, int date)
{
	buf_printf(to, "%04d-%02d-%02d", date / 10000, date / 100 % 100, date % 100);
}

static void put_days(struct buf *to, unsigned days)
{
	const char *between = "";

	if (days == ALL_DAYS) {
		buf_printf(to, "daily");
		return;
	}
	for (unsigned day = 0; day < 7; day++) {
		if ((days >> day & 1) == 0)
			continue;
		buf_printf(to, "%s%s", between, day_names[day]);
		between = ",";
	}
}

char *brown_step_format(const struct brown_step *s, char *dst)
{
	struct buf text;

	buf_init(&text, BROWNOUT_STEP_TEXT - 1);
	if (s->from > 0) {
		buf_printf(&text, "from ");
		put_date(&text, s->from);
		buf_printf(&text, " ");
	}
	if (s->share > 0)
		buf_printf(&text, "%u%%", s->share);
	else
		put_days(&text, s->days);
	if (s->share == 0 && (s->begin > 0 || s->end < DAY_MINUTES))
		buf_printf(&text, " %02d:%02d-%02d:%02d", s->begin / 60, s->begin % 60, s->end / 60,
			s->end % 60);
	if (!str_to_cstr(buf_str(&text), dst, BROWNOUT_STEP_TEXT))
		dst[0] = '\0';
	buf_free(&text);
	return dst;
}

/* --- sections --- */

static bool printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return true;
}

static void read_text(struct brownout *b, struct conf_section s, struct buf *complaints)
{
	const char *text = conf_cstr(s, "text"), *url = conf_cstr(s, "url");
	int n = snprintf(b->text, sizeof(b->text), "%s%s%s", text[0] != '\0' ? text : FALLBACK,
		url[0] != '\0' ? " " : "", url);

	if (n < 0 || (size_t)n >= sizeof(b->text) || !printable(str_of(b->text)))
		conf_complain(s, text[0] != '\0' ? "text" : "url", complaints,
			"text and url: up to %d printable ASCII characters are wanted",
			BROWNOUT_TEXT_MAX);
	if (str_find(str_of(url), ' ') < strlen(url))
		conf_complain(s, "url", complaints, "url: it holds a blank");
}

static void read_step(
	struct brownout *b, struct conf_section s, struct str text, struct buf *complaints)
{
	struct brown_step *step = &b->steps[b->steps_n];

	if (!brown_step_read(text, step))
		conf_complain(s, "schedule", complaints,
			"schedule: \"%.100s\": like 5%%, Mon-Fri 09:00-12:00, daily or Sat,Sun, "
			"with "
			"\"from 2027-02-01\" before it or without; a time does not go over "
			"midnight",
			text.p);
	else if (b->end > 0 && step->from > b->end)
		conf_complain(s, "schedule", complaints,
			"schedule: \"%.100s\": that is behind the end", text.p);
	b->steps_n++;
}

static void read_steps(struct brownout *b, struct conf_section s, struct buf *complaints)
{
	size_t n = conf_count(s, "schedule");

	if (n > BROWNOUT_STEPS_MAX)
		conf_complain(s, "schedule", complaints, "schedule: %d lines at most",
			BROWNOUT_STEPS_MAX);
	for (size_t i = 0; i < n && i < BROWNOUT_STEPS_MAX; i++)
		read_step(b, s, conf_nth(s, "schedule", i), complaints);
}

static void check_users(const struct brownout *b, struct buf *complaints)
{
	struct subscriber who;

	for (size_t i = 0; i < conf_count(b->section, "users"); i++) {
		struct str name = conf_nth(b->section, "users", i);

		if (!subscriber_fold(name, b->default_domain, &who))
			conf_complain(b->section, "users", complaints,
				"users: \"%.100s\": no subscriber can have that name", name.p);
	}
}

/* What parts the groups of an account in its file is in no name of one. */
static void check_groups(const struct brownout *b, struct buf *complaints)
{
	for (size_t i = 0; i < conf_count(b->section, "groups"); i++) {
		struct str name = conf_nth(b->section, "groups", i);

		if (name.n == 0 || strpbrk(name.p, ",: \t") != NULL)
			conf_complain(b->section, "groups", complaints,
				"groups: \"%.100s\": no account can be in that group", name.p);
	}
}

static bool is_for_all(const struct brownout *b)
{
	return conf_count(b->section, "users") == 0 && conf_count(b->section, "groups") == 0;
}

static unsigned first_line(struct conf_section s)
{
	static const char *const names[] = { "users", "groups", "end", "schedule", "reply", "text",
		"url", "zone" };
	unsigned first = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unsigned line = conf_line(s, names[i]);

		if (line > 0 && (first == 0 || line < first))
			first = line;
	}
	return first;
}

static void read_one(struct brownout *b, struct conf_section s, struct str default_domain,
	struct buf *complaints)
{
	struct str end = conf_text(s, "end");

	*b = (struct brownout){
		.name = conf_title(s).p,
		.section = s,
		.default_domain = default_domain,
		.utc = conf_word(s, "zone") == 1,
		.defer = conf_word(s, "reply") == 1,
		.line = first_line(s),
	};
	if (end.n > 0 && !date_read(end, &b->end))
		conf_complain(s, "end", complaints, "end: a date like 2027-03-31 is wanted");
	read_text(b, s, complaints);
	read_steps(b, s, complaints);
	check_users(b, complaints);
	check_groups(b, complaints);
}

void brownouts_read(struct brownouts *out, struct conf_section s, struct str default_domain,
	struct buf *complaints)
{
	size_t n = conf_sections(s, "brownout");

	if (n > BROWNOUTS_MAX)
		conf_complain(s, NULL, complaints, "smtpgate: at most %d brownout sections",
			BROWNOUTS_MAX);
	for (out->n = 0; out->n < n && out->n < BROWNOUTS_MAX; out->n++) {
		struct conf_section section = conf_section(s, "brownout", out->n);

		read_one(&out->at[out->n], section, default_domain, complaints);
		if (out->n > 0 && is_for_all(&out->at[out->n - 1]))
			conf_complain(section, NULL, complaints,
				"brownout \"%.100s\": the one before it concerns all subscribers",
				out->at[out->n].name);
	}
}

/* --- whom they concern, and when --- */

static bool is_in(struct conf_section s, struct str groups)
{
	struct str group;

	while (groups.n > 0) {
		(void)str_split(groups, ',', &group, &groups);
		for (size_t i = 0; group.n > 0 && i < conf_count(s, "groups"); i++)
			if (str_eq_nocase(conf_nth(s, "groups", i), group))
				return true;
	}
	return false;
}

static bool concerns(const struct brownout *b, const struct subscriber *who, struct str groups)
{
	size_t users = conf_count(b->section, "users");
	struct subscriber named;

	if (is_for_all(b))
		return true;
	for (size_t i = 0; i < users; i++)
		if (subscriber_fold(conf_nth(b->section, "users", i), b->default_domain, &named) &&
			subscriber_eq(&named, who))
			return true;
	return is_in(b->section, groups);
}

/* Steps replace those of an earlier date. */
static int current_from(const struct brownout *b, const struct brown_time *t)
{
	int from = 0;

	for (size_t i = 0; i < b->steps_n; i++)
		if (b->steps[i].from <= t->date && b->steps[i].from > from)
			from = b->steps[i].from;
	return from;
}

static void look(struct brownout_found *found, int64_t now_ms)
{
	const struct brownout *b = found->of;
	const struct brown_time t = brown_time(now_ms, b->utc);
	int from = current_from(b, &t);

	if (b->end > 0 && t.date > b->end) {
		found->state = BROWNOUT_ENDED;
		return;
	}
	for (size_t i = 0; i < b->steps_n; i++) {
		if (b->steps[i].from != from || !brown_step_refuses(&b->steps[i], &t))
			continue;
		found->step = &b->steps[i];
		found->state = BROWNOUT_NOW;
		return;
	}
}

struct brownout_found brownouts_find(
	const struct brownouts *b, const struct subscriber *who, struct str groups, int64_t now_ms)
{
	struct brownout_found found = { .state = BROWNOUT_NONE };

	for (size_t i = 0; i < b->n && found.of == NULL; i++)
		if (concerns(&b->at[i], who, groups))
			found.of = &b->at[i];
	if (found.of != NULL)
		look(&found, now_ms);
	return found;
}
