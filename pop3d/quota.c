/* quota.c - see quota.h. */
#include "pop3d/quota.h"

#include <inttypes.h>
#include <stdio.h>

/* Digits and the capital letter of what they limit. */
static bool is_limit(struct str s)
{
	uint64_t number;

	return s.n >= 2 && s.p[s.n - 1] >= 'A' && s.p[s.n - 1] <= 'Z' &&
		str_to_u64(str_first(s, s.n - 1), UINT64_MAX, &number);
}

bool quota_begins(struct str bytes)
{
	struct str line, limit, rest;

	if (!str_split(bytes, '\n', &line, &rest))
		return false;
	while (str_split(line, ',', &limit, &rest)) {
		if (!is_limit(limit))
			return false;
		line = rest;
	}
	return is_limit(line);
}

struct str quota_line(uint64_t octets, uint64_t messages, char *dst)
{
	int n = snprintf(dst, QUOTA_LINE_MAX, "-%" PRIu64 " -%" PRIu64 "\n", octets, messages);

	return (struct str){ dst, (size_t)n };
}
