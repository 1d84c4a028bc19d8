/* log_fuzz.c - law: whatever is logged is one line with one event, in both formats. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/utf8.h"
#include "tests/fuzz/fuzz.h"

static void check(enum log_format format, struct str in)
{
	static char text[LOG_LINE_MAX + 64];
	struct log_line l;
	int ends[2];
	ssize_t n;

	if (pipe(ends) != 0)
		return;
	log_open(&(struct log_settings){ "fuzz", ends[1], format, LOG_LEVEL_INFO, false });
	log_begin(&l, LOG_LEVEL_INFO, "it");
	log_str(&l, "value", in);
	log_str(&l, "half", str_first(in, in.n / 2));
	log_end(&l);
	n = read(ends[0], text, sizeof(text));
	close(ends[0]);
	close(ends[1]);
	if (n < 2 || memchr(text, '\n', (size_t)n) != text + n - 1)
		abort();
	if (!utf8_valid((struct str){ text, (size_t)n }) || memchr(text, '\0', (size_t)n) != NULL)
		abort();
	for (ssize_t i = 0; i < n - 1; i++)
		if ((unsigned char)text[i] < ' ')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(LOG_LOGFMT, (struct str){ (const char *)data, size });
	check(LOG_JSON, (struct str){ (const char *)data, size });
	return 0;
}
