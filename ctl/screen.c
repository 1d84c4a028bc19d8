/* screen.c - see screen.h. */
#include "ctl/screen.h"

#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "ctl/printable.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 20
#define PATIENCE_MS 500
#define AGAIN_MS 200

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0';
}

static size_t width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = { 0 };
	uint64_t n = WIDTH_DEFAULT;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		n = size.ws_col;
	else if (columns == NULL || !str_to_u64(str_of(columns), 10000, &n))
		n = WIDTH_DEFAULT;
	return n < WIDTH_MIN ? WIDTH_MIN : n;
}

struct screen screen_look(void)
{
	const char *term = getenv("TERM");
	struct screen s = { .terminal = isatty(STDOUT_FILENO) != 0 };

	s.ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	s.colour = s.terminal && !is_set("NO_COLOR") && term != NULL && strcmp(term, "dumb") != 0;
	s.width = s.terminal ? width() : WIDTH_DEFAULT;
	return s;
}

void screen_tint(enum tint tint)
{
	static const char *const codes[] = { "0", "1", "2", "32", "31", "33" };

	if (screen_look().colour)
		printf("\033[%sm", codes[tint]);
}

/* How much of text stands on this line: up to a blank, if there is one. */
static size_t line_of(const char *text, size_t width)
{
	size_t columns = width, n = printable_fit(text, &columns), at = n;

	if (text[n] == '\0')
		return n;
	while (at > 0 && text[at] != ' ')
		at--;
	return at > 0 ? at : n > 0 ? n : 1;
}

void screen_wrap(FILE *to, const char *text, size_t indent, size_t width)
{
	for (bool first = true; first || *text != '\0'; first = false) {
		size_t n = line_of(text, width);

		fprintf(to, "%*s%.*s\n", first ? 0 : (int)indent, "", (int)n, text);
		text += n;
		while (*text == ' ')
			text++;
	}
}

void screen_wrap_page(FILE *to, const char *text, size_t indent)
{
	struct screen s = screen_look();
	bool page = isatty(fileno(to)) != 0 && s.terminal;

	screen_wrap(to, text, indent,
		!page                          ? SIZE_MAX / 2
			: s.width > indent + 8 ? s.width - indent
					       : 8);
}

struct progress progress_begin(const char *what)
{
	return (struct progress){ what, clock_steady_ms(), 0 };
}

void progress_at(struct progress *p, uint64_t done, uint64_t all)
{
	int64_t now = clock_steady_ms();

	if (now - p->since_ms < PATIENCE_MS || now - p->said_ms < AGAIN_MS ||
		isatty(STDERR_FILENO) == 0)
		return;
	p->said_ms = now;
	fprintf(stderr, "\r\033[K%s: %llu", p->what, (unsigned long long)done);
	if (all > 0)
		fprintf(stderr, " of %llu (%llu%%)", (unsigned long long)all,
			(unsigned long long)(done * 100 / all));
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->said_ms > 0)
		fputs("\r\033[K", stderr);
	p->said_ms = 0;
}

/* --- a call that cannot be asked --- */

static const char *awaited;
static volatile sig_atomic_t said;

static void on_alarm(int number)
{
	(void)number;
	(void)!write(STDERR_FILENO, awaited, strlen(awaited));
	(void)!write(STDERR_FILENO, " ...", 4);
	said = 1;
}

void patience_begin(const char *what)
{
	const struct itimerval soon = { .it_value = { .tv_usec = PATIENCE_MS * 1000 } };

	if (isatty(STDERR_FILENO) == 0)
		return;
	awaited = what;
	said = 0;
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &soon, NULL);
}

void patience_end(void)
{
	const struct itimerval never = { 0 };

	setitimer(ITIMER_REAL, &never, NULL);
	if (said != 0)
		fputs("\r\033[K", stderr);
	said = 0;
}
