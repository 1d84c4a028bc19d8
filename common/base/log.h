/* log.h - one line an event, as logfmt or JSON, that nobody can forge.
 *
 * A line starts with an event name from popgate-log(7) and carries keys and values. Values are quoted
 * where needed; control characters (C1 too), quotes, what breaks or turns a line for some reader (U+2028,
 * the bidirectional controls) and octets that are no valid UTF-8 are escaped as \uXXXX, such an octet by its
 * own number. So whatever a client sends stays inside its value. Whole lines go out in one write(2), of no more
 * than a pipe takes in one piece, so that lines of several processes never mix. Never put a password in one.
 *
 *	struct log_line l;
 *
 *	log_begin(&l, LOG_LEVEL_INFO, "pop3.login");
 *	log_str(&l, "user", subscriber_str(&who));
 *	log_int(&l, "port", port);
 *	log_end(&l);
 *
 * A key or value that no longer fits is left out whole and the line ends with cut=true.
 *
 * Nobody waits for whoever reads the log. What it does not take at once waits in a queue of
 * LOG_QUEUE_MAX octets a process; what finds that full, or has lost its reader for good, is dropped and
 * counted, and log.dropped says how many as soon as lines go out again. All calls but log_open() and
 * log_keep_fds() are safe from any thread. */
#ifndef POPGATE_LOG_H
#define POPGATE_LOG_H

#include "common/base/addr.h"

#define LOG_LINE_MAX 4000
#define LOG_VALUE_MAX \
	512 /* octets taken from a value, whole characters; a longer one ends in "..." */
#define LOG_QUEUE_MAX (256 * 1024)
#define LOG_FOLD_MS 10000
#define LOG_FOLD_RUNS 16 /* how many different lines are folded at a time */

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
	unsigned loose_n;
	struct {
		size_t from, to;
	} loose[3]; /* pairs that do not count when lines are compared: ts, sid, port */
	char text[LOG_LINE_MAX];
};

/* For the whole process, once, before other threads run. program stands in each line. fd is borrowed.
 * With priorities, lines start with <N> as systemd's journal reads it (sd-daemon(3)). To syslog they go
 * as datagrams of RFC 3164, facility mail; its socket is connected to again when it was gone. */
struct log_settings {
	const char *program; /* borrowed */
	int fd; /* -1: to syslog */
	enum log_format format;
	enum log_level level;
	bool priorities;
	const char *syslog_socket; /* copied; NULL: /dev/log */
};
void log_open(const struct log_settings *s);

/* At the very start of a daemon: descriptors 0 to 2 are open from here on, on /dev/null if they were closed,
 * so that no file or socket gets the number that errors are written to. */
void log_keep_fds(void);

/* Makes writing to fd wait no more, for us and our children; who gave it to us sees no change. A pipe or
 * terminal is opened anew for that; where that is not allowed, we look before each line. */
void log_never_wait(int fd);

void log_begin(struct log_line *l, enum log_level level, const char *event);
void log_str(struct log_line *l, const char *key, struct str value);
void log_text(struct log_line *l, const char *key, const char *value); /* NULL: left out */
void log_int(struct log_line *l, const char *key, int64_t value);
void log_bool(struct log_line *l, const char *key, bool value);
void log_addr(struct log_line *l, const char *key, struct addr value);
void log_time(struct log_line *l, const char *key, int64_t ms); /* ISO 8601, UTC, with ms */
void log_err(struct log_line *l, enum err e); /* error="..." */
void log_end(struct log_line *l);

/* log_end() from a handler of a signal that a thread brought upon itself: should the thread be in the midst of a
 * line, this one is lost. */
void log_end_at_once(struct log_line *l);

/* log_end() for an event that may come very often and need not be proved one by one. The first of a run
 * of lines that differ in ts, sid and port alone is written at once; then one line each LOG_FOLD_MS
 * stands for those that followed: the last of them, with repeated=N. */
void log_end_folded(struct log_line *l);

/* For a process that has an event loop: lines wait for log_turn(), which is called before the loop waits,
 * so that those of one turn go out in one write(2). A line of level error is written at once, with all before it.
 * Who is killed in the middle of a turn loses its other lines; exit(3) loses none. */
void log_gather(bool on);
void log_turn(void);

/* Once a second or so: writes what waits, and the runs whose time is over. now_ms: clock_steady_ms(). */
void log_tick(int64_t now_ms);

/* Before the end (exit(3) calls it): writes all that waits, for half a second at most. */
void log_flush(void);

/* An event with only a text, for the few that need no more: event=... msg="...". */
void log_say(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

/* ISO 8601 in UTC with milliseconds: "2026-01-31T23:59:59.123Z". dst has LOG_TIME_TEXT octets. */
#define LOG_TIME_TEXT 32
char *log_time_format(int64_t ms, char *dst);

#endif
