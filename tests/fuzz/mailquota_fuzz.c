/* mailquota_fuzz.c - laws: only whole lines count, and where a message has room a smaller one has it, too. */
#include <stdlib.h>

#include "smtpgate/mailquota.h"
#include "tests/fuzz/fuzz.h"

static void law(bool holds)
{
	if (!holds)
		abort();
}

static size_t whole_lines(struct str file)
{
	size_t n = file.n;

	while (n > 0 && file.p[n - 1] != '\n')
		n--;
	return n;
}

static bool same(const struct mailquota *a, const struct mailquota *b)
{
	return a->octets_max == b->octets_max && a->messages_max == b->messages_max &&
		a->octets == b->octets && a->messages == b->messages;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str file = { (const char *)data, size };
	struct mailquota q, whole;

	if (!mailquota_read(file, &q)) {
		law(!mailquota_read(str_first(file, whole_lines(file)), &whole));
		return 0;
	}
	law(mailquota_read(str_first(file, whole_lines(file)), &whole) && same(&q, &whole));
	for (uint64_t octets = 1; octets < UINT64_MAX / 2; octets *= 2)
		law(!mailquota_fits(&q, octets) || mailquota_fits(&q, octets - 1));
	return 0;
}
