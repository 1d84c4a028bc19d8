/* screen.c - see screen.h. */
#include "ctl/screen.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/base/clock.h"

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
