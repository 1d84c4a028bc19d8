/* arf_fuzz.c - law: what a report says is whole or not there, whatever it is made of; and it says the same again
 * when it stands within a mail of its own. */
#include <stdlib.h>

#include "ctl/arf.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct arf *a)
{
	if ((a->has_port && a->port == 0) || (!a->has_port && a->port != 0))
		abort();
	if (a->has_date && a->date.ms < 0)
		abort();
	for (const char *c = a->type; *c != '\0'; c++)
		if (!ascii_alnum(*c) && *c != '-')
			abort(); /* it is printed as it is */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "Content-Type: message/rfc822\n\n";
	size_t n = sizeof(head) - 1 + size;
	struct arf a, again;
	char *mail;

	if (!arf_read((struct str){ (const char *)data, size }, &a))
		return 0;
	check(&a);
	mail = malloc(n);
	memcpy(mail, head, sizeof(head) - 1);
	memcpy(mail + sizeof(head) - 1, data, size);
	if (arf_read((struct str){ mail, n }, &again)) /* not a part alone, and one layer deeper */
		if (again.has_addr != a.has_addr || !addr_eq(again.addr, a.addr) ||
			again.port != a.port)
			abort();
	free(mail);
	return 0;
}
