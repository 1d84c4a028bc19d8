/* log.h - one line an event, as logfmt or JSON, that nobody can forge.
 *
 * A line starts with an event name from popgate-log(7) and carries keys and values. Values are quoted
 * where needed and every control octet, quote and octet that is not part of valid UTF-8 is escaped,
 * so whatever a client sends stays inside its value. One line is one write(2) of at most
 * LOG_LINE_MAX octets, so that lines of several processes never mix. Never put a password in one.
 *
 *	struct log_line l;
 *
 *	log_begin(&l, LOG_LEVEL_INFO, "pop3.login");
 *	log_str(&l, "user", subscriber_str(&who));
 *	log_int(&l, "port", port);
 *	log_end(&l);
 *
 * A key or value that no longer fits is left out whole and the line ends with cut=true. */
#ifndef POPGATE_LOG_H
#define POPGATE_LOG_H

#include "common/base/addr.h"

#define LOG_LINE_MAX 4000
#define LOG_VALUE_MAX 512 /* octets taken from a value; a longer one ends in "..." */

enum log_level {
	LOG_LEVEL_ERROR, /* somebody should look: mail or grants are affected */
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO, /* what happened: the audit trail */
	LOG_LEVEL_DEBUG,
};

enum log_format {
	LOG_LOGFMT,
	LOG_JSON,
};

struct log_line {
	size_t n;
	bool off; /* below the level: nothing is put together */
	bool cut;
	enum log_level level;
	char text[LOG_LINE_MAX];
};

/* For the whole process, once, before other threads run. program stands in each line. fd is borrowed.
 * With priorities, lines start with <N> as systemd's journal reads it (sd-daemon(3)). */
struct log_settings {
	const char *program; /* borrowed */
	int fd; /* -1: to syslog(3) */
	enum log_format format;
	enum log_level level;
	bool priorities;
};
void log_open(const struct log_settings *s);

void log_begin(struct log_line *l, enum log_level level, const char *event);
void log_str(struct log_line *l, const char *key, struct str value);
void log_text(struct log_line *l, const char *key, const char *value); /* NULL: left out */
void log_int(struct log_line *l, const char *key, int64_t value);
void log_bool(struct log_line *l, const char *key, bool value);
void log_addr(struct log_line *l, const char *key, struct addr value);
void log_time(struct log_line *l, const char *key, int64_t ms); /* ISO 8601, UTC, with ms */
void log_err(struct log_line *l, enum err e); /* error="..." */
void log_end(struct log_line *l);

/* An event with only a text, for the few that need no more: event=... msg="...". */
void log_say(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

/* ISO 8601 in UTC with milliseconds: "2026-01-31T23:59:59.123Z". dst has LOG_TIME_TEXT octets. */
#define LOG_TIME_TEXT 32
char *log_time_format(int64_t ms, char *dst);

#endif
