/* conf_fuzz.c - law: a config is either refused with a complaint or taken without one. */
#include <stdlib.h>

#include "common/conf/listeners.h"
#include "common/conf/site.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf complaints;
	struct conf *c = NULL;
	struct site s;
	enum err e;

	buf_init(&complaints, 1 << 20);
	e = conf_parse(&c, "f", (struct str){ (const char *)data, size }, &complaints);
	if ((e == ERR_NONE) != (c != NULL) || (e == ERR_NONE) != (complaints.len == 0))
		abort();
	if (c != NULL) {
		e = site_read(&s, c, &complaints);
		if ((e == ERR_NONE) != (complaints.len == 0))
			abort();
	}
	conf_close(&c);
	buf_free(&complaints);
	return 0;
}
