/* when.c - see when.h. */
#include "ctl/when.h"

struct text { /* what is left to be read */
	struct str s;
	bool bad;
};

static bool take(struct text *t, char c)
{
	if (t->s.n == 0 || t->s.p[0] != c)
		return false;
	t->s = str_from(t->s, 1);
	return true;
}

static void want(struct text *t, char c)
{
	if (!take(t, c))
		t->bad = true;
}

/* From min to max digits. */
static int number(struct text *t, size_t min, size_t max)
{
	size_t n = 0;
	int value = 0;

	for (; n < max && n < t->s.n && ascii_digit(t->s.p[n]); n++)
		value = value * 10 + (t->s.p[n] - '0');
	if (n < min)
		t->bad = true;
	t->s = str_from(t->s, n);
	return value;
}

static size_t digits(struct text t)
{
	size_t n = 0;

	while (n < t.s.n && ascii_digit(t.s.p[n]))
		n++;
	return n;
}

/* Blanks and comments, which may stand in one another (RFC 5322 3.2.2). Returns whether there were any. */
static bool skip_blanks(struct text *t)
{
	unsigned depth = 0;
	size_t n = 0;

	for (; n < t->s.n; n++) {
		char c = t->s.p[n];

		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == '\\' && depth > 0 && n + 1 < t->s.n)
			n++;
		else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n')
			break;
	}
	if (depth > 0)
		t->bad = true;
	t->s = str_from(t->s, n);
	return n > 0;
}

static struct str word(struct text *t)
{
	size_t n = 0;
	struct str w;

	while (n < t->s.n && ascii_alnum(t->s.p[n]) && !ascii_digit(t->s.p[n]))
		n++;
	w = str_first(t->s, n);
	t->s = str_from(t->s, n);
	return w;
}

/* Which of these words; -1 for none. words has count of them, each of n letters, one behind the other. */
static int index_of(struct str w, const char *words, size_t n, int count)
{
	for (int i = 0; i < count; i++)
		if (str_eq_nocase(w, (struct str){ words + (size_t)i * n, n }))
			return i;
	return -1;
}

/* --- the calendar --- */

static bool is_leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Of a year from 1970 on. */
static int64_t days_since_1970(int year, int month, int day)
{
	int64_t days = day - 1;
	int64_t before = year - 1;

	for (int m = 1; m < month; m++)
		days += days_in(year, m);
	return days + 365 * (before - 1969) + (before / 4 - 1969 / 4) -
		(before / 100 - 1969 / 100) + (before / 400 - 1969 / 400);
}

static bool possible(const struct moment *m)
{
	return m->year >= 1970 && m->year <= 9999 && m->month >= 1 && m->month <= 12 &&
		m->day >= 1 && m->day <= days_in(m->year, m->month) && m->hour <= 23 &&
		m->minute <= 59 && m->second <= 60; /* a leap second is the next one */
}

/* offset: minutes east of Greenwich. */
static bool settle(struct moment *m, int milliseconds, int offset)
{
	int64_t seconds;

	if (!possible(m))
		return false;
	seconds = days_since_1970(m->year, m->month, m->day) * 86400 + m->hour * 3600 +
		m->minute * 60 + m->second - (int64_t)offset * 60;
	m->ms = seconds * 1000 + milliseconds;
	return m->ms >= 0;
}

/* --- ISO 8601 --- */

/* "+01:00", "+0100", "+01". */
static int offset(struct text *t)
{
	bool west = t->s.n > 0 && t->s.p[0] == '-';
	int hours, minutes = 0;

	t->s = str_from(t->s, 1);
	hours = number(t, 2, 2);
	if (take(t, ':') || digits(*t) > 0)
		minutes = number(t, 2, 2);
	if (hours > 23 || minutes > 59)
		t->bad = true;
	return (west ? -1 : 1) * (hours * 60 + minutes);
}

static int fraction(struct text *t)
{
	int value = 0, unit = 100;

	if (!take(t, '.') && !take(t, ','))
		return 0;
	if (digits(*t) == 0)
		t->bad = true;
	for (; digits(*t) > 0; unit /= 10)
		value += number(t, 1, 1) * unit;
	return value;
}

static bool iso(struct text t, struct moment *m)
{
	int milliseconds = 0, east = 0;

	m->year = number(&t, 4, 4);
	want(&t, '-');
	m->month = number(&t, 2, 2);
	want(&t, '-');
	m->day = number(&t, 2, 2);
	if (!take(&t, 'T') && !take(&t, 't'))
		want(&t, ' ');
	m->hour = number(&t, 2, 2);
	want(&t, ':');
	m->minute = number(&t, 2, 2);
	m->span_ms = 59999;
	if (take(&t, ':')) {
		m->second = number(&t, 2, 2);
		m->span_ms = t.s.n > 0 && (t.s.p[0] == '.' || t.s.p[0] == ',') ? 0 : 999;
		milliseconds = fraction(&t);
	}
	(void)take(&t, ' ');
	m->zoned = t.s.n > 0;
	if (m->zoned && (t.s.p[0] == '+' || t.s.p[0] == '-'))
		east = offset(&t);
	else if (m->zoned && !take(&t, 'Z'))
		want(&t, 'z');
	return !t.bad && t.s.n == 0 && settle(m, milliseconds, east);
}

/* --- RFC 5322 --- */

/* A name of a zone (4.3): those of North America, UT; a letter or an unknown name says nothing but UTC. */
static int named_zone(struct text *t)
{
	static const char american[] = "ESTEDTCSTCDTMSTMDTPSTPDT";
	static const int hours[] = { -5, -4, -6, -5, -7, -6, -8, -7 };
	struct str w = word(t);
	int i = index_of(w, american, 3, 8);

	if (w.n == 0)
		t->bad = true;
	return i >= 0 ? hours[i] * 60 : 0;
}

/* Two digits are of this century up to 49; three count from 1900 (4.3). */
static int year(struct text *t)
{
	size_t n = digits(*t);
	int y = number(t, 2, 4);

	if (n == 2)
		return y + (y < 50 ? 2000 : 1900);
	return n == 3 ? y + 1900 : y;
}

static void weekday(struct text *t)
{
	if (digits(*t) > 0)
		return;
	if (index_of(word(t), "MonTueWedThuFriSatSun", 3, 7) < 0)
		t->bad = true;
	(void)skip_blanks(t);
	want(t, ',');
	(void)skip_blanks(t);
}

static bool mail(struct text t, struct moment *m)
{
	int east = 0;

	(void)skip_blanks(&t);
	weekday(&t);
	m->day = number(&t, 1, 2);
	(void)skip_blanks(&t);
	m->month = 1 + index_of(word(&t), "JanFebMarAprMayJunJulAugSepOctNovDec", 3, 12);
	(void)skip_blanks(&t);
	m->year = year(&t);
	if (!skip_blanks(&t))
		t.bad = true;
	m->hour = number(&t, 2, 2);
	(void)skip_blanks(&t);
	want(&t, ':');
	(void)skip_blanks(&t);
	m->minute = number(&t, 2, 2);
	(void)skip_blanks(&t);
	m->span_ms = 59999;
	if (take(&t, ':')) {
		(void)skip_blanks(&t);
		m->span_ms = 999;
		m->second = number(&t, 2, 2);
		(void)skip_blanks(&t);
	}
	m->zoned = t.s.n > 0;
	if (m->zoned && (t.s.p[0] == '+' || t.s.p[0] == '-'))
		east = offset(&t);
	else if (m->zoned)
		east = named_zone(&t);
	(void)skip_blanks(&t);
	return !t.bad && t.s.n == 0 && settle(m, 0, east);
}

/* --- seconds --- */

static bool seconds(struct text t, struct moment *m)
{
	uint64_t value;

	want(&t, '@');
	if (t.bad || !str_to_u64(t.s, UINT64_C(253402300799), &value))
		return false;
	m->zoned = true;
	m->span_ms = 999;
	m->ms = (int64_t)value * 1000;
	return true;
}

bool when_parse(struct str text, struct moment *out)
{
	static bool (*const forms[])(struct text t, struct moment * m) = { iso, mail, seconds };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct moment m = { 0 };

		if (!forms[i]((struct text){ str_trim(text), false }, &m))
			continue;
		*out = m;
		return true;
	}
	return false;
}
