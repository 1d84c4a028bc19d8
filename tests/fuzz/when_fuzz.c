/* when_fuzz.c - law: a moment is a day of the calendar, and what it says written in ISO 8601 is the same one. */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/when.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct moment m, again;
	char text[64];

	if (!when_parse((struct str){ (const char *)data, size }, &m))
		return 0;
	if (m.ms < 0)
		abort();
	if (m.month == 0) /* seconds since 1970 have no more to say */
		return 0;
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", m.year, m.month, m.day,
		m.hour, m.minute, m.second);
	if (!when_parse(str_of(text), &again) || again.hour != m.hour || !again.zoned)
		abort();
	if (again.ms - m.ms > INT64_C(86400000) || m.ms - again.ms > INT64_C(86400999))
		abort(); /* no zone is further away than a day */
	return 0;
}
