/* who.c - popgate who: which subscriber had this address at that time? */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/conf/value.h"
#include "common/window/history_ask.h"
#include "ctl/arf.h"
#include "ctl/away.h"
#include "ctl/ctl.h"
#include "ctl/match.h"
#include "ctl/table.h"

#define WITHIN_MS (5 * 60 * 1000)
#define WAIT_MS 30000

struct inquiry {
	struct addr addr;
	uint16_t port; /* 0: none */
	int64_t at_ms, span_ms, within_ms; /* some time from at_ms to at_ms + span_ms */
};

struct suspect {
	struct interval interval;
	struct match match;
};

struct suspects {
	struct suspect *at; /* owned; best match first once sorted */
	size_t n, cap;
	struct history_end end;
};

/* --- what is asked --- */

/* A time without a zone is this host's, or UTC with --utc. */
static int64_t ms_of(const struct ctl *c, const struct moment *m)
{
	struct tm tm = { .tm_year = m->year - 1900,
		.tm_mon = m->month - 1,
		.tm_mday = m->day,
		.tm_hour = m->hour,
		.tm_min = m->minute,
		.tm_sec = m->second,
		.tm_isdst = -1 };

	return m->zoned || c->utc ? m->ms : (int64_t)mktime(&tm) * 1000 + m->ms % 1000;
}

static bool read_at(const struct ctl *c, struct inquiry *q)
{
	struct moment m;

	if (c->at == NULL)
		return true;
	if (!when_parse(str_of(c->at), &m)) {
		ctl_say("--at %s: a time is wanted, like \"2026-01-31 23:59\", "
			"2026-01-31T23:59:59Z or \"Sat, 31 Jan 2026 23:59:59 +0100\"",
			c->at);
		return false;
	}
	q->at_ms = ms_of(c, &m);
	q->span_ms = m.span_ms;
	return true;
}

static bool read_rest(const struct ctl *c, struct inquiry *q)
{
	uint64_t port;

	if (c->within != NULL && !value_duration(str_of(c->within), &q->within_ms)) {
		ctl_say("--within %s: a duration is wanted, like 5m", c->within);
		return false;
	}
	if (c->port == NULL)
		return true;
	if (!str_to_u64(str_of(c->port), 65535, &port) || port == 0) {
		ctl_say("--port %s: a port is wanted, from 1 to 65535", c->port);
		return false;
	}
	q->port = (uint16_t)port;
	return true;
}

/* --- an abuse report --- */

static bool read_file(const char *path, struct buf *out)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	char *room;

	while (fd >= 0 && (room = buf_reserve(out, 65536)) != NULL &&
		(n = read(fd, room, 65536)) > 0)
		buf_grew(out, (size_t)n);
	if (n != 0)
		ctl_say("%s: cannot be read: %s", path,
			fd >= 0 && n > 0 ? "it is too large" : err_text(err_of_errno(errno)));
	if (fd > STDIN_FILENO)
		close(fd);
	return n == 0;
}

/* What the report says, to be looked at beside the answer. */
static void say_report(const struct ctl *c, const struct arf *a, const struct inquiry *q)
{
	char text[ADDR_TEXT], time[40], port[16] = "";

	if (c->json)
		return;
	if (a->has_port)
		snprintf(port, sizeof(port), " port %u", a->port);
	printf("report of %s: %s%s at %s\n", a->type[0] != '\0' ? a->type : "an unnamed kind",
		addr_format(q->addr, text), port, table_time(q->at_ms, c->utc, time));
}

/* Options say it better than the report; what neither says is missing. */
static bool take_report(const struct ctl *c, const struct arf *a, struct inquiry *q)
{
	if (a->odd != NULL && !(c->at != NULL && strstr(a->odd, "Date") != NULL)) {
		ctl_say("%s: its %s cannot be read, or is there twice with two values", c->arf,
			a->odd);
		return false;
	}
	if (!a->has_addr) {
		ctl_say("%s: it does not say which address (Source-IP)", c->arf);
		return false;
	}
	if (!a->has_date && c->at == NULL) {
		ctl_say("%s: it does not say when (Arrival-Date): give --at", c->arf);
		return false;
	}
	q->addr = a->addr;
	if (a->has_port)
		q->port = a->port;
	if (a->has_date) {
		q->at_ms = ms_of(c, &a->date);
		q->span_ms = a->date.span_ms;
	}
	return true;
}

static bool read_report(const struct ctl *c, struct inquiry *q)
{
	struct buf mail;
	struct arf a;
	bool good;

	if (c->argc > 0) {
		ctl_say("--arf takes the address from the report: give no other");
		return false;
	}
	buf_init(&mail, ARF_FILE_MAX);
	good = read_file(c->arf, &mail);
	if (good && !arf_read(buf_str(&mail), &a)) {
		ctl_say("%s: there is no abuse report in it (message/feedback-report, RFC 5965)",
			c->arf);
		good = false;
	}
	buf_free(&mail);
	good = good && take_report(c, &a, q) && read_at(c, q) && read_rest(c, q);
	if (good)
		say_report(c, &a, q);
	return good;
}

static bool read_inquiry(const struct ctl *c, struct inquiry *q)
{
	const char *text;

	*q = (struct inquiry){ .at_ms = clock_ms(), .within_ms = WITHIN_MS };
	if (c->arf != NULL)
		return read_report(c, q);
	text = ctl_one_argument(c, "an address");
	return text != NULL && ctl_addr(text, &q->addr) && read_at(c, q) && read_rest(c, q);
}

/* --- who it may be --- */

static void add(struct suspects *s, const struct interval *i, const struct inquiry *q)
{
	if (s->n == s->cap) {
		s->cap = s->cap == 0 ? 16 : s->cap * 2;
		s->at = realloc(s->at, s->cap * sizeof(*s->at));
		if (s->at == NULL)
			abort();
	}
	s->at[s->n++] = (struct suspect){ *i, match_of(i, q->at_ms, q->span_ms, q->port) };
}

static int by_match(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;
	int by = match_compare(&x->match, &y->match);

	return by != 0 ? by : strcmp(x->interval.who.name, y->interval.who.name);
}

static enum err look(const struct ctl *c, const struct inquiry *q, struct suspects *s)
{
	const struct history_question ask = { .addr = q->addr,
		.from_ms = q->at_ms > q->within_ms ? q->at_ms - q->within_ms : 0,
		.to_ms = q->at_ms + q->span_ms + q->within_ms };
	struct history_ask *h = NULL;
	struct history_answer a = { 0 };
	enum err e = history_ask_open(&h, c->site.run_dir, WIRE_WHO, &ask);

	while (e == ERR_NONE && a.says != HISTORY_END) {
		e = history_ask_next(h, WAIT_MS, &a);
		if (e == ERR_NONE && a.says == HISTORY_INTERVAL)
			add(s, &a.interval, q);
	}
	history_ask_close(&h);
	s->end = a.end;
	if (s->n > 0)
		qsort(s->at, s->n, sizeof(*s->at), by_match);
	return e;
}

/* --- saying it --- */

static char *off_text(int64_t off_ms, char *dst)
{
	char left[40];

	if (off_ms == 0)
		return strcpy(dst, "then");
	table_left(off_ms < 0 ? -off_ms + 999 : off_ms + 999, left);
	snprintf(dst, 60, "%s %s", left, off_ms < 0 ? "earlier" : "later");
	return dst;
}

static char *port_text(const struct match *m, char *dst)
{
	static const char *const words[] = { "same", "between", "off by ", "" };

	if (m->port == PORT_OFF)
		snprintf(dst, 32, "%s%u", words[m->port], m->port_off);
	else
		snprintf(dst, 32, "%s", words[m->port]);
	return dst;
}

static const struct sighting *seen(const struct suspect *s)
{
	const struct interval *i = &s->interval;

	return s->match.seen_ms == i->last.ms ? &i->last : &i->first;
}

static void put_person(const struct ctl *c, struct table *t, const struct suspect *s)
{
	const struct interval *i = &s->interval;
	char text[100];

	table_text(t, i->who.name);
	table_text(t, off_text(s->match.off_ms, text));
	table_text(t, port_text(&s->match, text));
	table_text(t, table_time(i->from_ms, c->utc, text));
	table_text(t, table_time(i->until_ms, c->utc, text));
	table_text(t, table_time(seen(s)->ms, c->utc, text));
	table_number(t, seen(s)->port);
	table_text(t, seen(s)->sid);
	snprintf(text, sizeof(text), "%s %s%s", i->source.service, i->source.mechanism,
		i->source.tls ? " tls" : "");
	table_text(t, text);
}

static void put_sighting(struct table *t, const struct sighting *s)
{
	char time[40];

	table_text(t, table_time(s->ms, true, time));
	table_number(t, s->port);
	table_text(t, s->sid);
}

static void put_program(struct table *t, const struct suspect *s)
{
	const struct interval *i = &s->interval;
	char text[100];

	table_text(t, i->who.name);
	table_text(t, addr_format(i->key, text));
	table_number(t, s->match.off_ms);
	table_text(t, port_text(&s->match, text));
	table_text(t, i->kind == INTERVAL_LOGIN ? "login" : "sent");
	table_text(t, table_time(i->from_ms, true, text));
	table_text(t, table_time(i->until_ms, true, text));
	table_number(t, i->times);
	put_sighting(t, &i->first);
	put_sighting(t, &i->last);
	table_number(t, i->port_low);
	table_number(t, i->port_high);
	table_text(t, i->source.service);
	table_text(t, i->source.mechanism);
	table_text(t, i->source.tls ? "yes" : "no");
}

static void print(const struct ctl *c, const struct suspects *s)
{
	static const char *const heads[] = { "user", "match", "port_match", "from", "until", "seen",
		"port", "session", "how", NULL };
	static const char *const keys[] = { "user", "addr", "off_ms", "port_match", "kind", "from",
		"until", "times", "first", "first_port", "first_session", "last", "last_port",
		"last_session", "port_low", "port_high", "service", "mechanism", "tls", NULL };
	struct table *t = table_new(c->json ? keys : heads, c->json);

	for (size_t i = 0; i < s->n; i++) {
		if (c->json)
			put_program(t, &s->at[i]);
		else
			put_person(c, t, &s->at[i]);
	}
	table_end(t);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* How many subscribers were there at the moment. */
static size_t count_people(const struct suspects *s)
{
	const char **names = calloc(s->n + 1, sizeof(*names));
	size_t n = 0, people = 0;

	if (names == NULL)
		abort();
	for (size_t i = 0; i < s->n; i++)
		if (s->at[i].match.off_ms == 0)
			names[n++] = s->at[i].interval.who.name;
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++)
		people += i == 0 || strcmp(names[i], names[i - 1]) != 0;
	free(names);
	return people;
}

/* Was one subscriber seen from that port, and nobody else? Then the first row is his. */
static bool port_tells(const struct suspects *s)
{
	const struct suspect *first = &s->at[0];

	for (size_t i = 1; i < s->n && s->at[i].match.port == PORT_SAME; i++)
		if (!subscriber_eq(&s->at[i].interval.who, &first->interval.who))
			return false;
	return first->match.port == PORT_SAME;
}

static void say_port(const struct inquiry *q, const struct suspect *s, const char *addr,
	const char *time, size_t people)
{
	char off[100] = " ";

	if (s->match.off_ms != 0)
		off_text(s->match.off_ms, off + 1);
	if (people == 0)
		printf("nobody was on %s at %s, but one was seen from port %u%s:\n", addr, time,
			q->port, s->match.off_ms != 0 ? off : "");
	else
		printf("%zu subscriber%s on %s at %s; one was seen from port %u%s:\n", people,
			people == 1 ? " was" : "s were", addr, time, q->port,
			s->match.off_ms != 0 ? off : "");
}

/* What the rows are worth, in a sentence. */
static void judge(const struct ctl *c, const struct inquiry *q, const struct suspects *s)
{
	const struct suspect *first = &s->at[0];
	char addr[ADDR_TEXT], time[40];
	size_t people = count_people(s);

	addr_format(q->addr, addr);
	table_time(q->at_ms, c->utc, time);
	if (people == 1 && first->match.off_ms == 0)
		printf("%s was on %s at %s:\n", first->interval.who.name, addr, time);
	else if (port_tells(s))
		say_port(q, first, addr, time, people);
	else if (people == 0)
		printf("nobody was on %s at %s; near that time:\n", addr, time);
	else
		printf("%zu subscriber%s on %s at %s, and nothing tells which it was; the "
		       "likeliest first:\n",
			people, people == 1 ? " was" : "s were", addr, time);
}

/* What the history does not know. */
static void warn_of_gaps(const struct ctl *c, const struct suspects *s)
{
	char time[40];

	if (s->end.result == ERR_LIMIT)
		ctl_say("there are more than are listed: narrow it with --within");
	if (s->end.lost > 0)
		ctl_say("%llu sightings were never written down, the last at %s: there may be "
			"others",
			(unsigned long long)s->end.lost, table_time(s->end.lost_ms, c->utc, time));
}

/* Nobody is an answer only about times that the history knows. */
static int answer_nobody(const struct ctl *c, const struct inquiry *q, const struct suspects *s)
{
	int64_t kept = clock_ms() - s->end.keep_ms;
	int64_t since = s->end.began_ms > kept ? s->end.began_ms : kept;
	char addr[ADDR_TEXT], time[40];

	if (q->at_ms < since) {
		ctl_say("unknown: the history goes back to %s", table_time(since, c->utc, time));
		return EXIT_AWAY;
	}
	if (!c->json)
		printf("nobody was on %s at %s\n", addr_format(q->addr, addr),
			table_time(q->at_ms, c->utc, time));
	warn_of_gaps(c, s);
	return EXIT_NO;
}

static int answer(const struct ctl *c, const struct inquiry *q, const struct suspects *s)
{
	if (s->n == 0)
		return answer_nobody(c, q, s);
	if (!c->json)
		judge(c, q, s);
	print(c, s);
	warn_of_gaps(c, s);
	return EXIT_YES;
}

int ctl_history_away(const struct ctl *c, enum err e, const struct history_end *end)
{
	char whom[CTL_WHO_TEXT];

	if (e == ERR_NONE)
		e = end->result;
	if (e == ERR_NONE || e == ERR_LIMIT)
		return EXIT_YES;
	if (e == ERR_DENIED || e == ERR_AWAY)
		ctl_say("the store in %s does not answer: is popgate-store running, and are you "
			"%s?",
			c->site.run_dir, ctl_who_may(c, whom));
	else if (e == ERR_ABSENT)
		ctl_say("no history is kept: history keep is 0");
	else
		ctl_say("the history cannot be read: %s", err_text(e));
	return EXIT_AWAY;
}

int ctl_who(struct ctl *c)
{
	struct suspects s = { 0 };
	struct inquiry q;
	enum err e;
	int code;

	if (!read_inquiry(c, &q))
		return EXIT_USAGE;
	if (q.at_ms > clock_ms() + q.within_ms) {
		ctl_say("that time is still to come");
		return EXIT_USAGE;
	}
	e = look(c, &q, &s);
	code = ctl_history_away(c, e, &s.end);
	if (code == EXIT_YES)
		code = answer(c, &q, &s);
	free(s.at);
	return code;
}
