/* verb.c - one lookup for every protocol, so that no run_ function repeats a check. */
#include "common/line/verb.h"

/* By the first octet first: whole comparisons were 1 % of our own instructions for a message. */
static const struct verb *row_of(const struct verb *table, struct str keyword)
{
	for (; keyword.n > 0 && table->name != NULL; table++)
		if (ascii_lower(keyword.p[0]) == ascii_lower(table->name[0]) &&
			str_eq_nocase(keyword, str_of(table->name)))
			return table;
	return NULL;
}

enum verb_fit verb_find(const struct verb *table, struct str line, const struct verb_facts *facts,
	const struct verb **verb, struct str *args)
{
	struct str keyword;
	bool space = str_split(line, ' ', &keyword, args);
	const struct verb *row = row_of(table, keyword);

	if (row == NULL)
		return VERB_UNKNOWN;
	*verb = row;
	if ((row->phases & facts->phase) == 0)
		return VERB_WRONG_PHASE;
	if ((row->flags & VERB_SECURE) != 0 && !facts->secure)
		return VERB_NEEDS_TLS;
	if ((row->flags & VERB_BARE) != 0 && space)
		return VERB_ARGUMENT;
	if ((row->flags & VERB_ARGS) != 0 && args->n == 0)
		return VERB_NO_ARGUMENT;
	if ((row->flags & VERB_LAST) != 0 && facts->more)
		return VERB_PIPELINED;
	return VERB_FITS;
}
