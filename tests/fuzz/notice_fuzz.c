/* notice_fuzz.c - an event or the row of minutes that is read is written again octet by octet. */
#include "common/window/notice.h"
#include "common/window/minutes.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	uint8_t bytes[NOTICE_MAX > MINUTES_MAX ? NOTICE_MAX : MINUTES_MAX];
	struct minutes minutes;
	struct notice event;

	if (notice_decode(in, &event) &&
		(notice_encode(&event, bytes) != size || memcmp(bytes, data, size) != 0))
		abort();
	if (minutes_decode(in, &minutes) &&
		(minutes_encode(&minutes, bytes) != size || memcmp(bytes, data, size) != 0))
		abort();
	return 0;
}
