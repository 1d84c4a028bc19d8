/* path_fuzz.c - law: the canonical form of a path reads as itself, and goes on no line but its own; and so
 * does every value of a parameter that is let through. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/utf8.h"
#include "smtpgate/dsn.h"
#include "tests/fuzz/fuzz.h"

static void check(struct str in, bool reverse)
{
	struct path p, again;
	struct str rest;
	char text[PATH_TEXT_MAX + 3];

	if (!path_read(in, reverse, &p, &rest))
		return;
	snprintf(text, sizeof(text), "<%s>", p.text);
	if (!path_read(str_of(text), reverse, &again, &rest) || rest.n != 0)
		abort();
	if (strcmp(p.text, again.text) != 0 || strcmp(p.local, again.local) != 0 ||
		strcmp(p.domain, again.domain) != 0 || p.null != again.null)
		abort();
	for (const char *c = p.text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f || ((*c & 0x80) != 0 && !p.utf8))
			abort();
	if (!utf8_valid(str_of(p.text)))
		abort();
}

static void check_value(struct str value)
{
	unsigned notify;

	if (dsn_notify_read(value, &notify) &&
		(notify == 0 || notify > 15 ||
			(notify & DSN_NOTIFY_NEVER && notify != DSN_NOTIFY_NEVER)))
		abort();
	if (!xtext_fits(value) && !dsn_orcpt_fits(value, true))
		return;
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] <= ' ' || value.p[i] == 0x7f || value.p[i] == '=')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size }, key, value, rest = in;

	check(in, true);
	check(in, false);
	while (rest.n > 0 && path_parameter(&rest, &key, &value)) {
		if (key.n == 0 && rest.n > 0)
			abort();
		check_value(value);
	}
	return 0;
}
