/* subscriber_fuzz.c - law: folding what was folded changes nothing, a name is folded just if that is so, and no
 * name can leave a path. */
#include <stdlib.h>

#include "common/base/subscriber.h"
#include "tests/fuzz/fuzz.h"

/* Of names as they may stand in a record: whoever asks must hear what folding would say. */
static void knows_what_is_folded(struct str in)
{
	struct subscriber as_it_is = { .n = 0 }, folded;
	bool same;

	if (in.n > SUBSCRIBER_MAX)
		return;
	as_it_is.n = (uint8_t)in.n;
	memcpy(as_it_is.name, in.p, in.n);
	same = subscriber_fold(in, STR(""), &folded) && subscriber_eq(&folded, &as_it_is);
	if (subscriber_is_folded(&as_it_is) != same)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct subscriber once, twice;

	if (size > 0)
		knows_what_is_folded(in);
	if (!subscriber_fold(in, STR("example.net"), &once))
		return 0;
	if (!subscriber_fold(subscriber_str(&once), STR(""), &twice) ||
		!subscriber_eq(&once, &twice) || !subscriber_is_folded(&once))
		abort();
	if (strlen(once.name) != once.n || once.name[0] == '.' ||
		strpbrk(once.name, "/\\ \t\r\n\"<>:") != NULL || strstr(once.name, "..") != NULL)
		abort();
	return 0;
}
