/* mailname_fuzz.c - law: the unique part is the name up to its colon, and flags never change it. */
#include <stdlib.h>

#include "pop3d/mailname.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str name = { (const char *)data, size };
	struct mailname m, bare;

	if (!mailname_read(name, &m))
		return 0;
	if (m.unique.p != name.p || m.unique.n == 0 || m.unique.n != str_find(name, ':') ||
		name.p[0] == '.')
		abort();
	if (!mailname_read(m.unique, &bare) || bare.time != m.time ||
		bare.has_wire_size != m.has_wire_size || bare.wire_size != m.wire_size)
		abort();
	return 0;
}
