/* value.c - digits, then a unit from a table. */
#include "common/conf/value.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit durations[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "m", 60 * 1000 },
	{ "h", 60 * 60 * 1000 },
	{ "d", 24 * 60 * 60 * 1000 },
	{ NULL, 0 },
};

static const struct unit sizes[] = {
	{ "", 1 },
	{ "k", 1 << 10 },
	{ "M", 1 << 20 },
	{ "G", 1 << 30 },
	{ NULL, 0 },
};

static bool with_unit(struct str text, const struct unit *units, uint64_t max, uint64_t *out)
{
	uint64_t number;
	size_t digits = 0;

	while (digits < text.n && ascii_digit(text.p[digits]))
		digits++;
	for (; units->name != NULL; units++) {
		if (!str_eq(str_from(text, digits), str_of(units->name)))
			continue;
		if (!str_to_u64(str_first(text, digits), max / units->factor, &number))
			return false;
		*out = number * units->factor;
		return true;
	}
	return false;
}

bool value_duration(struct str text, int64_t *ms)
{
	uint64_t value;

	if (str_eq(text, STR("0")))
		text = STR("0s");
	if (!with_unit(text, durations, UINT64_C(3652) * 24 * 60 * 60 * 1000, &value))
		return false;
	*ms = (int64_t)value;
	return true;
}

bool value_size(struct str text, uint64_t *octets)
{
	return with_unit(text, sizes, UINT64_C(1) << 50, octets);
}

bool value_bool(struct str text, bool *out)
{
	static const char *const words[] = { "no", "yes", "off", "on", "false", "true" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_eq_nocase(text, str_of(words[i]))) {
			*out = i % 2 == 1;
			return true;
		}
	}
	return false;
}
