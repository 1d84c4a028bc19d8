/* log.c - puts a line together on the caller's stack and writes it with one call. */
#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/utf8.h"

#define TAIL 16 /* kept for cut=true, a brace and the newline */

static struct log_settings settings = { "popgate", STDERR_FILENO, LOG_LOGFMT, LOG_LEVEL_INFO,
	false };

static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
static const char *const names[] = { "error", "warn", "info", "debug" };

void log_open(const struct log_settings *s)
{
	settings = *s;
	if (s->fd < 0)
		openlog(s->program, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

char *log_time_format(int64_t ms, char *dst)
{
	int64_t whole = ms / 1000, rest = ms % 1000;
	struct tm utc;
	time_t t;
	size_t n;

	if (rest < 0) {
		rest += 1000;
		whole--;
	}
	t = (time_t)whole;
	if (gmtime_r(&t, &utc) == NULL) {
		memcpy(dst, "never", sizeof("never"));
		return dst;
	}
	n = strftime(dst, LOG_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(dst + n, LOG_TIME_TEXT - n, ".%03dZ", (int)rest);
	return dst;
}

static void put(struct log_line *l, struct str s)
{
	if (l->n + s.n + TAIL > sizeof(l->text)) {
		l->cut = true;
		return;
	}
	memcpy(l->text + l->n, s.p, s.n);
	l->n += s.n;
}

static bool plain(struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return value.n > 0;
}

/* One character as JSON and logfmt readers both take it. Returns the octets it stood for. */
static size_t put_escaped(struct log_line *l, struct str s)
{
	size_t whole = utf8_length(s);
	unsigned char c = (unsigned char)s.p[0];
	char text[8];
	int n;

	if (c == '"' || c == '\\')
		n = snprintf(text, sizeof(text), "\\%c", c);
	else if (whole > 1 || (whole == 1 && c >= ' ' && c != 0x7f))
		n = snprintf(text, sizeof(text), "%.*s", (int)whole, s.p);
	else
		n = snprintf(text, sizeof(text), "\\u%04x", c);
	put(l, (struct str){ text, (size_t)n });
	return whole > 0 ? whole : 1;
}

static void put_quoted(struct log_line *l, struct str value)
{
	bool long_one = value.n > LOG_VALUE_MAX;

	if (long_one)
		value = str_first(value, LOG_VALUE_MAX);
	put(l, STR("\""));
	for (size_t i = 0; i < value.n;)
		i += put_escaped(l, str_from(value, i));
	if (long_one)
		put(l, STR("..."));
	put(l, STR("\""));
}

static void put_key(struct log_line *l, const char *key)
{
	if (settings.format == LOG_JSON) {
		put(l, l->n > 0 && l->text[l->n - 1] == '{' ? STR("\"") : STR(",\""));
		put(l, str_of(key));
		put(l, STR("\":"));
	} else {
		if (l->n > 0)
			put(l, STR(" "));
		put(l, str_of(key));
		put(l, STR("="));
	}
}

/* A pair stands whole or not at all: a half-written one could be read as another. */
static void pair(struct log_line *l, const char *key, struct str value, bool bare)
{
	size_t start = l->n;
	bool cut = l->cut;

	if (l->off)
		return;
	l->cut = false;
	put_key(l, key);
	if (bare || (settings.format == LOG_LOGFMT && value.n <= LOG_VALUE_MAX && plain(value)))
		put(l, value);
	else
		put_quoted(l, value);
	if (l->cut)
		l->n = start;
	l->cut = l->cut || cut;
}

void log_begin(struct log_line *l, enum log_level level, const char *event)
{
	char now[LOG_TIME_TEXT];

	l->n = 0;
	l->cut = false;
	l->level = level;
	l->off = level > settings.level;
	if (l->off)
		return;
	if (settings.format == LOG_JSON)
		put(l, STR("{"));
	log_text(l, "ts", log_time_format(clock_ms(), now));
	log_text(l, "level", names[level]);
	log_text(l, "prog", settings.program);
	log_int(l, "pid", getpid());
	log_text(l, "event", event);
}

void log_str(struct log_line *l, const char *key, struct str value)
{
	pair(l, key, value, false);
}

void log_text(struct log_line *l, const char *key, const char *value)
{
	if (value != NULL)
		pair(l, key, str_of(value), false);
}

void log_int(struct log_line *l, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	pair(l, key, str_of(text), true);
}

void log_bool(struct log_line *l, const char *key, bool value)
{
	pair(l, key, value ? STR("true") : STR("false"), true);
}

void log_addr(struct log_line *l, const char *key, struct addr value)
{
	char text[ADDR_TEXT];

	log_text(l, key, addr_format(value, text));
}

void log_time(struct log_line *l, const char *key, int64_t ms)
{
	char text[LOG_TIME_TEXT];

	log_text(l, key, log_time_format(ms, text));
}

void log_err(struct log_line *l, enum err e)
{
	log_text(l, "error", err_text(e));
}

/* Whoever reads the log may be gone or full: mail goes on without it. */
static void write_line(const struct log_line *l)
{
	char line[LOG_LINE_MAX + 8];
	int n;
	ssize_t done;

	if (settings.fd < 0) {
		syslog(priorities[l->level], "%.*s", (int)l->n, l->text);
		return;
	}
	if (settings.priorities)
		n = snprintf(
			line, sizeof(line), "<%d>%.*s\n", priorities[l->level], (int)l->n, l->text);
	else
		n = snprintf(line, sizeof(line), "%.*s\n", (int)l->n, l->text);
	done = write(settings.fd, line, (size_t)n);
	(void)done;
}

void log_end(struct log_line *l)
{
	if (l->off)
		return;
	if (l->cut) {
		const struct str note =
			settings.format == LOG_JSON ? STR(",\"cut\":true") : STR(" cut=true");

		memcpy(l->text + l->n, note.p, note.n);
		l->n += note.n;
	}
	if (settings.format == LOG_JSON)
		l->text[l->n++] = '}';
	write_line(l);
}

void log_say(enum log_level level, const char *event, const char *format, ...)
{
	struct log_line l;
	char text[LOG_VALUE_MAX + 4];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_begin(&l, level, event);
	log_text(&l, "msg", text);
	log_end(&l);
}
