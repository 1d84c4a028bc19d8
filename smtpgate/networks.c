/* networks.c - see networks.h. */
#include "smtpgate/networks.h"

#include <time.h>

static bool number(struct str s, size_t digits, uint64_t max, int *out)
{
	uint64_t n;

	if (s.n != digits || !str_to_u64(s, max, &n))
		return false;
	*out = (int)n;
	return true;
}

/* 31 February is a day of March to timegm(), and so is told from one that there is. */
static bool read_day(struct str text, struct tm *day, time_t *start)
{
	struct str year, month, mday;
	struct tm again;

	*day = (struct tm){ 0 };
	if (!str_split(text, '-', &year, &month) || !str_split(month, '-', &month, &mday) ||
		!number(year, 4, 9999, &day->tm_year) || !number(month, 2, 12, &day->tm_mon) ||
		!number(mday, 2, 31, &day->tm_mday) || day->tm_year < 1970)
		return false;
	day->tm_year -= 1900;
	day->tm_mon--;
	again = *day;
	*start = timegm(&again);
	return again.tm_mday == day->tm_mday && again.tm_mon == day->tm_mon;
}

bool date_read(struct str text, int *date)
{
	struct tm day;
	time_t start;

	if (!read_day(text, &day, &start))
		return false;
	*date = (day.tm_year + 1900) * 10000 + (day.tm_mon + 1) * 100 + day.tm_mday;
	return true;
}

bool date_end(struct str text, int64_t *ms)
{
	struct tm day;
	time_t start;

	if (!read_day(text, &day, &start))
		return false;
	*ms = ((int64_t)start + 24 * 60 * 60) * 1000;
	return true;
}

static void read_one(struct known_network *n, struct conf_section s, struct buf *complaints)
{
	struct str until = conf_text(s, "until");

	*n = (struct known_network){
		.note = conf_cstr(s, "note"),
		.until_ms = INT64_MAX,
		.relay = conf_bool(s, "relay"),
		.rewrite = conf_word(s, "bare_line_ends") == 1,
	};
	if (!network_parse(conf_title(s), &n->network))
		conf_complain(s, NULL, complaints,
			"network \"%.100s\": not a network in CIDR notation", conf_title(s).p);
	if (until.n > 0 && !date_end(until, &n->until_ms))
		conf_complain(s, "until", complaints, "until: a date like 2027-01-31 is wanted");
}

void networks_read(struct networks *out, struct conf_section s, struct buf *complaints)
{
	size_t n = conf_sections(s, "network");

	if (n > NETWORKS_MAX)
		conf_complain(
			s, NULL, complaints, "smtpgate: at most %d network sections", NETWORKS_MAX);
	for (out->n = 0; out->n < n && out->n < NETWORKS_MAX; out->n++)
		read_one(&out->at[out->n], conf_section(s, "network", out->n), complaints);
}

const struct known_network *networks_proof(
	const struct networks *n, struct addr a, int64_t now_ms, bool *ended)
{
	*ended = false;
	for (size_t i = 0; i < n->n; i++) {
		const struct known_network *k = &n->at[i];

		if (!k->relay || !network_holds(k->network, a))
			continue;
		if (now_ms < k->until_ms)
			return k;
		*ended = true;
	}
	return NULL;
}

bool networks_rewrite(const struct networks *n, struct addr a)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->at[i].rewrite && network_holds(n->at[i].network, a))
			return true;
	return false;
}
