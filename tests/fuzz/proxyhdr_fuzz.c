/* proxyhdr_fuzz.c - law: a header is whole at one length only; all that is shorter is partial, nothing
 * behind it plays a part, what is broken stays broken; and a client's ends read back as they are written. */
#include <stdlib.h>

#include "common/line/proxyhdr.h"
#include "tests/fuzz/fuzz.h"

static void check_prefixes(struct str in, enum proxyhdr says, size_t used)
{
	bool broken = false;
	const char *why;

	for (size_t n = 0; n < in.n; n++) {
		struct proxyhdr_facts f;
		size_t u;
		enum proxyhdr early = proxyhdr_read(str_first(in, n), &f, &u, &why);

		if (broken && early != PROXYHDR_BROKEN)
			abort();
		broken = early == PROXYHDR_BROKEN;
		if (says == PROXYHDR_PARTIAL && early != PROXYHDR_PARTIAL)
			abort();
		if (says == PROXYHDR_WHOLE &&
			early != (n < used ? PROXYHDR_PARTIAL : PROXYHDR_WHOLE))
			abort();
	}
}

static void check_back(const struct proxyhdr_facts *f)
{
	struct proxyhdr_facts again;
	struct buf out;
	const char *why;
	size_t used;

	buf_init(&out, 100);
	proxyhdr_put(&out, f);
	if (proxyhdr_read(buf_str(&out), &again, &used, &why) != PROXYHDR_WHOLE ||
		used != out.len ||
		again.of != (f->of == PROXIED_CLIENT ? PROXIED_CLIENT : PROXIED_LOCAL) ||
		!addr_eq(again.client.addr, f->client.addr) ||
		!addr_eq(again.gate.addr, f->gate.addr) || again.client.port != f->client.port ||
		again.gate.port != f->gate.port)
		abort();
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct proxyhdr_facts f;
	const char *why = NULL;
	size_t used = 0;
	enum proxyhdr says = proxyhdr_read(in, &f, &used, &why);

	if ((says == PROXYHDR_BROKEN) != (why != NULL))
		abort();
	if (says == PROXYHDR_WHOLE && (used > size || used > PROXYHDR_MAX))
		abort();
	if (says == PROXYHDR_PARTIAL && size >= PROXYHDR_MAX)
		abort();
	if (size <= 600)
		check_prefixes(in, says, used);
	if (says == PROXYHDR_WHOLE)
		check_back(&f);
	return 0;
}
