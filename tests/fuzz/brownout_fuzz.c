/* brownout_fuzz.c - law: a step that is read is written as text that reads as the same step; its numbers are
 * within what they may be. */
#include <stdlib.h>

#include "smtpgate/brownout.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct brown_step *s)
{
	if (s->share > 0 ? s->share > 100 || s->days != 0
			 : s->days == 0 || s->days > 127 || s->begin < 0 || s->begin >= s->end ||
				s->end > 1440)
		abort();
	if (s->from != 0 && (s->from < 19700101 || s->from > 99991231))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[BROWNOUT_STEP_TEXT];
	struct brown_step s, again;

	if (!brown_step_read((struct str){ (const char *)data, size }, &s))
		return 0;
	check(&s);
	if (!brown_step_read(str_of(brown_step_format(&s, text)), &again) || again.from != s.from ||
		again.share != s.share || again.days != s.days || again.begin != s.begin ||
		again.end != s.end)
		abort();
	return 0;
}
