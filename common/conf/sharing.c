/* sharing.c - see sharing.h. */
#include "common/conf/sharing.h"

/* What the section says, in place of what holds in general. */
static void read_thresholds(struct sharing_rule *r, struct conf_section s)
{
	unsigned shared = conf_line(s, "shared_after"), frozen = conf_line(s, "frozen_after");

	if (r->general || shared > 0) {
		r->shared_after = conf_number(s, "shared_after");
		r->shared_line = shared;
	}
	if (r->general || frozen > 0) {
		r->frozen_after = conf_number(s, "frozen_after");
		r->frozen_line = frozen;
	}
}

static void check(const struct sharing_rule *r, struct conf_section s, struct buf *complaints)
{
	if (r->frozen_after > 0 && r->shared_after > r->frozen_after)
		conf_complain(s, "frozen_after", complaints,
			"frozen_after: %u is less than shared_after, %u", r->frozen_after,
			r->shared_after);
}

static bool is_there(const struct sharing *s, struct network n)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->at[i].network.prefix == n.prefix && addr_eq(s->at[i].network.addr, n.addr))
			return true;
	return false;
}

static void read_one(struct sharing *s, struct conf_section section, struct buf *complaints)
{
	struct sharing_rule *r = &s->at[s->n];

	*r = s->general;
	r->general = false;
	r->note = conf_cstr(section, "note");
	read_thresholds(r, section);
	if (!network_parse(conf_title(section), &r->network))
		conf_complain(section, NULL, complaints,
			"address \"%.100s\": not a network in CIDR notation",
			conf_title(section).p);
	else if (is_there(s, r->network))
		conf_complain(section, NULL, complaints, "address \"%.100s\": it is there twice",
			conf_title(section).p);
	check(r, section, complaints);
	s->n++;
}

void sharing_read(struct sharing *out, struct conf_section window, struct buf *complaints)
{
	size_t n = conf_sections(window, "address");

	out->n = 0;
	out->general = (struct sharing_rule){ .note = "", .general = true };
	read_thresholds(&out->general, window);
	check(&out->general, window, complaints);
	if (n > SHARING_MAX)
		conf_complain(window, NULL, complaints, "window: at most %d address sections",
			SHARING_MAX);
	for (size_t i = 0; i < n && i < SHARING_MAX; i++)
		read_one(out, conf_section(window, "address", i), complaints);
}

const struct sharing_rule *sharing_of(const struct sharing *s, struct addr a)
{
	const struct sharing_rule *longest = &s->general;

	for (size_t i = 0; i < s->n; i++)
		if (network_holds(s->at[i].network, a) &&
			(longest->general || s->at[i].network.prefix > longest->network.prefix))
			longest = &s->at[i];
	return longest;
}
