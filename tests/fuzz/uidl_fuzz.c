/* uidl_fuzz.c - laws: whatever a list says, an id is one that RFC 1939 7 allows, and is the same when asked
 * again; a name's own id never looks like another's digest. The first octet chooses the format. */
#include <stdlib.h>
#include <string.h>

#include "pop3d/quota.h"
#include "pop3d/uidl.h"
#include "tests/fuzz/fuzz.h"

static void ask(const struct uidl_list *l, struct str name)
{
	char id[UIDL_MAX + 1], again[UIDL_MAX + 1];
	uint64_t rank, rank_again;

	if (uidl_list_find(l, name, id, &rank)) {
		if (!uidl_fits(str_of(id)) || !uidl_list_find(l, name, again, &rank_again) ||
			strcmp(id, again) != 0 || rank != rank_again)
			abort();
	} else if (rank != UINT64_MAX) {
		abort();
	}
}

static void own(struct str name)
{
	char id[UIDL_MAX + 1], of_id[UIDL_MAX + 1];

	uidl_of_name(name, id);
	if (!uidl_fits(str_of(id)))
		abort();
	uidl_of_name(str_of(id), of_id);
	if (str_eq(name, str_of(id)) != (strcmp(id, of_id) == 0))
		abort(); /* itself, or a digest, whose own id is another */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = { (const char *)data, size }, word, rest;
	struct uidl_list *l = NULL;

	if (size == 0)
		return 0;
	(void)quota_begins(bytes);
	bytes = str_from(bytes, 1);
	if (uidl_list_open(&l, (data[0] & 1) != 0 ? UIDL_COURIER : UIDL_DOVECOT, bytes) != ERR_NONE)
		return 0;
	for (rest = bytes; str_split(rest, '\n', &word, &rest);) {
		size_t colon = str_find(word, ':'), blank = str_find(word, ' ');

		ask(l, str_first(word, blank));
		ask(l, colon < word.n ? str_from(word, colon + 1) : word);
		own(word);
	}
	uidl_list_close(&l);
	return 0;
}
