/* passwdfile_fuzz.c - law: what a line says lies within the line and holds no separator. */
#include <stdlib.h>

#include "common/users/passwdfile.h"
#include "tests/fuzz/fuzz.h"

static void within(struct str part, struct str line)
{
	if (part.n > 0 && (part.p < line.p || part.p + part.n > line.p + line.n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str line = { (const char *)data, size };
	struct passwd_line l;

	if (!passwd_line_read(line, &l))
		return 0;
	within(l.name, line);
	within(l.password, line);
	within(l.addresses, line);
	if (l.name.n == 0 || str_find(l.name, ':') < l.name.n ||
		str_find(l.password, ':') < l.password.n ||
		str_find(l.addresses, ' ') < l.addresses.n || str_find(line, '\n') < line.n)
		abort();
	return 0;
}
