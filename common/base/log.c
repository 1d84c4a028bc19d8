/* log.c - puts a line together on the caller's stack; logfold.c and logwrite.c take it from there. */
#include "common/base/log_private.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/utf8.h"

#define TAIL 16 /* kept for cut=true, a brace and the newline */
#define FLUSH_MS 500
#define TIME_DIGITS 24 /* "2026-01-31T23:59:59.123Z" */

struct log_settings log_settings = {
	.program = "popgate",
	.fd = STDERR_FILENO,
	.format = LOG_LOGFMT,
	.level = LOG_LEVEL_INFO,
};

static const char *const names[] = { "error", "warn", "info", "debug" };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all behind log_end() */
static pid_t pid; /* 0: not known; asked for twice a line it was six calls of a session */

static void forget_pid(void)
{
	pid = 0;
}

pid_t log_pid(void)
{
	if (pid == 0)
		pid = getpid();
	return pid;
}

void log_open(const struct log_settings *s)
{
	static bool opened;

	log_settings = *s;
	tzset();
	logwrite_open();
	if (!opened) {
		atexit(log_flush);
		pthread_atfork(NULL, NULL, forget_pid);
	}
	opened = true;
}

static void put_digits(char *to, int number, int digits)
{
	for (int i = digits - 1; i >= 0; i--, number /= 10)
		to[i] = (char)('0' + number % 10);
}

/* By hand: strftime(3) and snprintf(3) were a tenth of what a message cost us outside of the kernel. */
char *log_time_format(int64_t ms, char *dst)
{
	int64_t whole = ms / 1000, rest = ms % 1000;
	struct tm utc;
	time_t t;

	if (rest < 0) {
		rest += 1000;
		whole--;
	}
	t = (time_t)whole;
	if (gmtime_r(&t, &utc) == NULL || utc.tm_year < -1900 || utc.tm_year > 9999 - 1900) {
		memcpy(dst, "never", sizeof("never"));
		return dst;
	}
	memcpy(dst, "0000-00-00T00:00:00.000Z", TIME_DIGITS + 1);
	put_digits(dst, utc.tm_year + 1900, 4);
	put_digits(dst + 5, utc.tm_mon + 1, 2);
	put_digits(dst + 8, utc.tm_mday, 2);
	put_digits(dst + 11, utc.tm_hour, 2);
	put_digits(dst + 14, utc.tm_min, 2);
	put_digits(dst + 17, utc.tm_sec, 2);
	put_digits(dst + 20, (int)rest, 3);
	return dst;
}

/* The present, for each line: the second's text is kept for those that follow in it. */
static struct str present(char *dst)
{
	static _Thread_local char text[LOG_TIME_TEXT];
	static _Thread_local int64_t second = -1;
	int64_t now = clock_ms();
	int ms = (int)(now % 1000);

	if (now < 0 || now / 1000 != second) {
		log_time_format(now, text);
		second = now / 1000;
	}
	memcpy(dst, text, LOG_TIME_TEXT);
	if (strlen(dst) == TIME_DIGITS)
		put_digits(dst + 20, ms, 3);
	return str_of(dst);
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

/* One look for each octet, and no branch: with five comparisons a pair cost an eighth more. */
static bool plain(struct str value)
{
	static const uint64_t odd_ones[4] = { 0x1ffffffff | UINT64_C(1) << '"' |
			UINT64_C(1) << '=', /* with all up to the blank */
		UINT64_C(1) << ('\\' - 64) | UINT64_C(1) << (0x7f - 64), UINT64_MAX, UINT64_MAX };
	uint64_t odd = 0;

	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		odd |= odd_ones[c / 64] >> c % 64;
	}
	return value.n > 0 && value.n <= LOG_VALUE_MAX && (odd & 1) == 0;
}

/* Characters that some terminal or reader of lines obeys instead of showing them. */
static bool obeyed(unsigned c)
{
	static const struct {
		unsigned lo, hi;
	} ranges[] = {
		{ 0x00, 0x1f }, /* C0 */
		{ 0x7f, 0x9f }, /* DEL and C1, with a CSI of one character */
		{ 0x61c, 0x61c }, { 0x200b, 0x200f }, /* of no width, or turning the direction */
		{ 0x2028, 0x202e }, /* line and paragraph separator, embeddings and overrides */
		{ 0x2060, 0x206f }, { 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb }, /* isolates, joiners, marks */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].lo && c <= ranges[i].hi)
			return true;
	return false;
}

/* The number of a character of up to three octets; all that is obeyed has no more. */
static unsigned number_of(struct str character)
{
	unsigned a = (unsigned char)character.p[0];
	unsigned b = character.n > 1 ? (unsigned char)character.p[1] & 0x3fU : 0;
	unsigned c = character.n > 2 ? (unsigned char)character.p[2] & 0x3fU : 0;

	switch (character.n) {
	case 2: return (a & 0x1fU) << 6 | b;
	case 3: return (a & 0x0fU) << 12 | b << 6 | c;
	case 4: return 0x10000; /* which one does not matter */
	default: return a;
	}
}

/* One character as JSON and logfmt readers both take it. */
static void put_escaped(struct log_line *l, struct str character, bool valid)
{
	unsigned c = number_of(character);
	char text[8];
	int n;

	if (c == '"' || c == '\\')
		n = snprintf(text, sizeof(text), "\\%c", (char)c);
	else if (valid && !obeyed(c))
		n = snprintf(text, sizeof(text), "%.*s", (int)character.n, character.p);
	else
		n = snprintf(text, sizeof(text), "\\u%04x", c);
	put(l, (struct str){ text, (size_t)n });
}

static void put_quoted(struct log_line *l, struct str value)
{
	size_t i = 0;

	put(l, STR("\""));
	while (i < value.n) {
		size_t whole = utf8_length(str_from(value, i));
		size_t n = whole > 0 ? whole : 1;

		if (i + n > LOG_VALUE_MAX)
			break;
		put_escaped(l, str_first(str_from(value, i), n), whole > 0);
		i += n;
	}
	if (i < value.n)
		put(l, STR("..."));
	put(l, STR("\""));
}

static void put_key(struct log_line *l, const char *key)
{
	if (log_settings.format == LOG_JSON) {
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

/* What differs between two lines that say the same. */
static void note_loose(struct log_line *l, const char *key, size_t from)
{
	static const char *const loose[] = { "ts", "sid", "port" };

	if (key[0] != 't' && key[0] != 's' && key[0] != 'p')
		return;
	for (size_t i = 0; i < sizeof(loose) / sizeof(loose[0]); i++) {
		if (strcmp(key, loose[i]) != 0 ||
			l->loose_n == sizeof(l->loose) / sizeof(l->loose[0]))
			continue;
		l->loose[l->loose_n].from = from;
		l->loose[l->loose_n++].to = l->n;
	}
}

/* Most pairs of logfmt need no quotes; a message has fifty. */
static void put_plain(struct log_line *l, const char *key, struct str value)
{
	size_t key_n = strlen(key), start = l->n;
	char *to = l->text + start;

	if (start + key_n + value.n + 2 + TAIL > sizeof(l->text)) {
		l->cut = true;
		return;
	}
	if (start > 0)
		*to++ = ' ';
	memcpy(to, key, key_n);
	to += key_n;
	*to++ = '=';
	memcpy(to, value.p, value.n);
	l->n = (size_t)(to - l->text) + value.n;
	note_loose(l, key, start);
}

/* A pair stands whole or not at all: a half-written one could be read as another. */
static void pair(struct log_line *l, const char *key, struct str value, bool bare)
{
	size_t start = l->n;
	bool cut = l->cut;

	if (l->off)
		return;
	if (log_settings.format == LOG_LOGFMT && (bare || plain(value))) {
		put_plain(l, key, value);
		return;
	}
	l->cut = false;
	put_key(l, key);
	if (bare)
		put(l, value);
	else
		put_quoted(l, value);
	if (l->cut)
		l->n = start;
	else
		note_loose(l, key, start);
	l->cut = l->cut || cut;
}

void log_begin(struct log_line *l, enum log_level level, const char *event)
{
	char now[LOG_TIME_TEXT];

	l->n = l->loose_n = 0;
	l->cut = false;
	l->level = level;
	l->off = level > log_settings.level;
	if (l->off)
		return;
	if (log_settings.format == LOG_JSON)
		put(l, STR("{"));
	log_str(l, "ts", present(now));
	log_text(l, "level", names[level]);
	log_text(l, "prog", log_settings.program);
	log_int(l, "pid", log_pid());
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
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	char text[24];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (value < 0)
		text[--at] = '-';
	pair(l, key, (struct str){ text + at, sizeof(text) - at }, true);
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

void log_finish(struct log_line *l)
{
	if (l->cut) {
		const struct str note =
			log_settings.format == LOG_JSON ? STR(",\"cut\":true") : STR(" cut=true");

		memcpy(l->text + l->n, note.p, note.n);
		l->n += note.n;
	}
	if (log_settings.format == LOG_JSON)
		l->text[l->n++] = '}';
}

void log_end(struct log_line *l)
{
	if (l->off)
		return;
	log_finish(l);
	pthread_mutex_lock(&lock);
	logwrite_line(l);
	pthread_mutex_unlock(&lock);
}

void log_end_at_once(struct log_line *l)
{
	if (l->off || pthread_mutex_trylock(&lock) != 0)
		return;
	log_finish(l);
	logwrite_line(l);
	pthread_mutex_unlock(&lock);
}

void log_end_folded(struct log_line *l)
{
	if (l->off)
		return;
	pthread_mutex_lock(&lock);
	logfold_line(l, clock_steady_ms());
	pthread_mutex_unlock(&lock);
}

void log_gather(bool on)
{
	pthread_mutex_lock(&lock);
	logwrite_gather(on);
	pthread_mutex_unlock(&lock);
}

void log_turn(void)
{
	pthread_mutex_lock(&lock);
	logwrite_gathered();
	pthread_mutex_unlock(&lock);
}

void log_tick(int64_t now_ms)
{
	pthread_mutex_lock(&lock);
	logfold_expire(now_ms - LOG_FOLD_MS);
	logwrite_drain(0);
	pthread_mutex_unlock(&lock);
}

void log_flush(void)
{
	pthread_mutex_lock(&lock);
	logfold_expire(INT64_MAX - LOG_FOLD_MS);
	logwrite_drain(FLUSH_MS);
	pthread_mutex_unlock(&lock);
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
