/* addr_fuzz.c - law: what reads as an address, network or endpoint prints as one that reads the same. */
#include <stdlib.h>

#include "common/base/addr.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	char text[ENDPOINT_TEXT];
	struct addr a, b;
	struct network m, n;
	struct endpoint e, f;

	if (addr_parse(in, &a) && (!addr_parse(str_of(addr_format(a, text)), &b) || !addr_eq(a, b)))
		abort();
	if (network_parse(in, &m) &&
		(!network_parse(str_of(network_format(m, text)), &n) || !network_holds(n, m.addr) ||
			m.prefix != n.prefix))
		abort();
	if (endpoint_parse(in, &e) &&
		(!endpoint_parse(str_of(endpoint_format(e, text)), &f) || e.port != f.port ||
			!addr_eq(e.addr, f.addr)))
		abort();
	return 0;
}
