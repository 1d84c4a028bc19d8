/* freeze.c - see freeze.h. */
#include "common/store/freeze.h"

bool freeze_known(const struct freeze *f, struct addr key, int64_t now_ms)
{
	for (size_t i = 0; i < FREEZE_PLACES; i++)
		if (now_ms < f->at[i].until_ms && addr_eq(f->at[i].key, key))
			return true;
	return false;
}

void freeze_note(struct freeze *f, struct addr key, int64_t now_ms)
{
	f->at[f->next].key = key;
	f->at[f->next].until_ms = now_ms + FREEZE_QUIET_MS;
	f->next = (f->next + 1) % FREEZE_PLACES;
}
